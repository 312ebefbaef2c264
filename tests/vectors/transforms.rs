//! Transformations and predicates.

use crate::{
    errors::{self, Phase},
    record,
    suite::{Suite, Verdict},
};
use millrace_api::{Origin, Plugins, Record, Role};
use serde_json::Value as Json;

pub fn suite() -> Suite {
    let mut plugins = Plugins::default();
    millrace_transforms::register(&mut plugins);
    Suite {
        name: "transforms",
        text: include_str!("transforms.json"),
        subject: "class",
        not_built: &[],
        different: DIFFERENT,
        run: Box::new(move |vector| run(&plugins, vector)),
    }
}

const DIFFERENT: &[(&str, &str)] = &[
    ("flatten-schemaless-collision-last-wins", "the maps of the vectors are read in alphabetical order here"),
    ("headerfrom-config-empty-fields", "both settings are empty, and both are told, not only the first"),
    ("mask-schemaless-bigint", "the data model here has no integers beyond 64 bits but decimals"),
];

fn run(plugins: &Plugins, vector: &Json) -> Verdict {
    let class = vector["class"].as_str().unwrap();
    if plugins.find_transform(class).is_none() && plugins.find_predicate(class).is_none() {
        return Verdict::NotBuilt;
    }
    let (record, origin) = match record::read(&vector["input"]) {
        Ok(read) => read,
        Err(unknown) => return unknown.into(),
    };
    let settings = errors::settings(vector);
    if let Some(factory) = plugins.find_predicate(class) {
        let mut predicate = match factory.make(&settings, Role::Value) {
            Ok(predicate) => predicate,
            Err(error) => return errors::check(vector, Phase::Configure, &error),
        };
        return match predicate.test(&record, &origin) {
            Ok(found) if vector["expected"]["test"] == found => Verdict::Held,
            Ok(found) => Verdict::Failed(format!("{found}, expected {}", vector["expected"])),
            Err(error) => errors::check(vector, Phase::Apply, &error),
        };
    }
    let factory = plugins.find_transform(class).unwrap();
    let mut transform = match factory.make(&settings, Role::Value) {
        Ok(transform) => transform,
        Err(error) => return errors::check(vector, Phase::Configure, &error),
    };
    match transform.apply(record, &origin) {
        Ok(found) => compare(vector, found.as_ref(), &origin),
        Err(error) => errors::check(vector, Phase::Apply, &error),
    }
}

fn compare(vector: &Json, found: Option<&Record>, origin: &Origin) -> Verdict {
    let expected = &vector["expected"];
    let Some(wanted) = expected.get("record") else {
        return Verdict::Failed(format!("{found:?}\n    expected {expected}"));
    };
    if wanted.is_null() || found.is_none() {
        let same = wanted.is_null() == found.is_none();
        return if same { Verdict::Held } else { Verdict::Failed(format!("{found:?}, expected {wanted}")) };
    }
    let (wanted_record, _) = record::read(wanted).unwrap();
    let (found, wanted_shown) = (record::show(found.unwrap()), record::show(&wanted_record));
    // The place a record was read from is not the transformation's to change.
    let same_place = match origin {
        Origin::Sink { topic, partition, offset } => {
            wanted["originalTopic"] == topic.as_ref()
                && wanted["originalPartition"] == *partition
                && wanted["originalOffset"] == *offset
        }
        Origin::Source(_) => wanted.get("offset").is_none(),
    };
    if found == wanted_shown && same_place {
        return Verdict::Held;
    }
    Verdict::Failed(format!("\n    found    {found}\n    expected {wanted_shown}"))
}
