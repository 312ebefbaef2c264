//! Text inference and conversions.

use crate::{
    errors::{self, Phase},
    notation, show,
    suite::{Suite, Verdict},
};
use jiff::tz::TimeZone;
use millrace_api::{
    Datum, Result,
    values::{self, Target},
};
use serde_json::Value as Json;

pub fn suite() -> Suite {
    Suite {
        name: "values",
        text: include_str!("values.json"),
        subject: "op",
        not_built: &[],
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
        "infer" => match values::infer(&notation::value(&vector["value"], None).unwrap()) {
            Ok(schema) => {
                let wanted = notation::schema(&expected["schema"]).unwrap();
                (
                    Json::from(schema.as_deref().map(show::schema)),
                    Json::from(wanted.as_deref().map(show::schema)),
                )
            }
            Err(error) => return errors::check(vector, Phase::Convert, &error),
        },
        "validate" => match validate(vector) {
            Ok(()) => (true.into(), expected["ok"].clone()),
            Err(error) => return errors::check(vector, Phase::Convert, &error),
        },
        "project" => return project(vector),
        op => {
            let Some(target) = target(op, vector) else { return Verdict::NotBuilt };
            let schema = notation::schema(&vector["schema"]).unwrap();
            let value = notation::value(&vector["value"], None).unwrap();
            match values::convert(target, schema.as_deref(), &value, &zone) {
                Ok(value) => {
                    let wanted = notation::value(&expected["value"], None).unwrap();
                    (show::value(&value), show::value(&wanted))
                }
                Err(error) => return errors::check(vector, Phase::Convert, &error),
            }
        }
    };
    Verdict::of(&found, &wanted)
}

fn target(op: &str, vector: &Json) -> Option<Target> {
    Some(match op {
        "toBoolean" => Target::Boolean,
        "toByte" => Target::Int8,
        "toShort" => Target::Int16,
        "toInteger" => Target::Int32,
        "toLong" => Target::Int64,
        "toFloat" => Target::Float32,
        "toDouble" => Target::Float64,
        "toList" => Target::List,
        "toMap" => Target::Map,
        "toDate" => Target::Date,
        "toTime" => Target::Time,
        "toTimestamp" => Target::Timestamp,
        "toDecimal" => Target::Decimal(vector["scale"].as_i64().unwrap().try_into().unwrap()),
        _ => return None,
    })
}

fn project(vector: &Json) -> Verdict {
    let source = notation::schema(&vector["source"]).unwrap().unwrap();
    let target = notation::schema(&vector["target"]).unwrap().unwrap();
    let value = match notation::value(&vector["value"], Some(&source)) {
        Ok(value) => value,
        Err(unknown) => return unknown.into(),
    };
    match values::project(&source, &value, &target) {
        Ok(value) => {
            let wanted = notation::value(&vector["expected"]["value"], Some(&target)).unwrap();
            Verdict::of(&show::value(&value), &show::value(&wanted))
        }
        Err(error) => errors::check(vector, Phase::Convert, &error),
    }
}

fn validate(vector: &Json) -> Result<()> {
    let schema = notation::schema(&vector["schema"]).unwrap().unwrap();
    // Without the schema, so that a value may be of another type.
    let value = notation::value(&vector["value"], None).unwrap();
    match vector["field"].as_str() {
        Some(field) => values::validate_field(field, &schema, &value),
        None => values::validate(&schema, &value),
    }
}
