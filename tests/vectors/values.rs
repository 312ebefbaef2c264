//! Text inference and conversions.

use crate::{
    notation, show,
    suite::{Suite, Verdict},
};
use jiff::tz::TimeZone;
use millrace_api::{Datum, values};
use serde_json::Value as Json;

pub fn suite() -> Suite {
    Suite {
        name: "values",
        text: include_str!("values.json"),
        subject: "op",
        not_built: &[
            "infer",
            "project",
            "toBoolean",
            "toByte",
            "toDate",
            "toDecimal",
            "toDouble",
            "toFloat",
            "toInteger",
            "toList",
            "toLong",
            "toMap",
            "toShort",
            "toTime",
            "toTimestamp",
            "validate",
        ],
        different: &[(
            "tostring-object-fails",
            "a value here cannot be of a class that Connect does not know",
        )],
        run: Box::new(run),
    }
}

fn run(vector: &Json) -> Verdict {
    let zone = TimeZone::UTC;
    let expected = &vector["expected"];
    let (found, wanted) = match vector["op"].as_str().unwrap() {
        "parse" => {
            let found = vector["input"].as_str().map_or(Datum::default(), |text| values::parse(text, &zone));
            let schema = notation::schema(&expected["schema"]).unwrap();
            let value = notation::value(&expected["value"], schema.as_deref()).unwrap();
            (show::datum(&found), show::datum(&Datum { schema, value }))
        }
        "toString" => {
            let schema = notation::schema(&vector["schema"]).unwrap();
            let value = match notation::value(&vector["value"], schema.as_deref()) {
                Ok(value) => value,
                Err(unknown) => return unknown.into(),
            };
            (Json::from(values::to_text(&value, &zone)), expected["string"].clone())
        }
        _ => return Verdict::NotBuilt,
    };
    if found == wanted {
        return Verdict::Held;
    }
    Verdict::Failed(format!("\n    found    {found}\n    expected {wanted}"))
}
