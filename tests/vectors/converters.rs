//! Converters.

use crate::{
    errors::{self, Phase},
    notation, show,
    suite::{Suite, Verdict},
};
use millrace_api::{Blob, Converter, Datum, Plugins, Result, Role};
use serde_json::Value as Json;

pub fn suite() -> Suite {
    let mut plugins = Plugins::default();
    millrace_converters::register(&mut plugins);
    Suite {
        name: "converters",
        text: include_str!("converters.json"),
        subject: "converter",
        not_built: &[
            "io.confluent.connect.avro.AvroConverter",
            "io.confluent.connect.json.JsonSchemaConverter",
            "io.confluent.connect.protobuf.ProtobufConverter",
        ],
        different: &[
            (
                "json-from-schema-all-attributes",
                "the vectors are read with members in alphabetical order, and this one is about another order: the \
                 converter's own tests have it",
            ),
            (
                "string-from-bytebuffer",
                "bytes have one representation here and no text in Java that could be repeated: they are written in hex",
            ),
        ],
        run: Box::new(move |vector| run(&plugins, vector)),
    }
}

const TOPIC: &str = "topic";
const HEADER: &str = "h";

fn run(plugins: &Plugins, vector: &Json) -> Verdict {
    let class = vector["converter"].as_str().unwrap();
    let (role, factory) = match vector["role"].as_str().unwrap() {
        "key" => (Role::Key, plugins.find_converter(class)),
        "value" => (Role::Value, plugins.find_converter(class)),
        _ => (Role::Header, plugins.find_header_converter(class)),
    };
    let Some(factory) = factory else { return Verdict::NotBuilt };
    let mut settings = errors::settings(vector);
    settings.insert("converter.type", role.name());
    let mut converter = match factory.make(&settings, role) {
        Ok(converter) => converter,
        Err(error) => return errors::check(vector, Phase::Configure, &error),
    };
    let converted = match vector["direction"].as_str().unwrap() {
        "fromConnect" => from_connect(&mut *converter, role, vector),
        _ => to_connect(&mut *converter, role, vector),
    };
    let (found, expected) = match converted {
        Ok(pair) => pair,
        Err(error) => return errors::check(vector, Phase::Convert, &error),
    };
    let expected = if vector["expected"]["error"].is_null() { expected } else { vector["expected"].clone() };
    Verdict::of(&found, &expected)
}

/// Returns what was found and what was expected.
fn from_connect(converter: &mut dyn Converter, role: Role, vector: &Json) -> Result<(Json, Json)> {
    let schema = notation::schema(&vector["schema"]).unwrap();
    let value = notation::value(&vector["value"], schema.as_deref()).unwrap();
    let datum = Datum { schema, value };
    let found = match role {
        Role::Header => converter.encode_header(TOPIC, HEADER, &datum)?,
        Role::Key | Role::Value => converter.encode(TOPIC, &mut Vec::new(), &datum)?,
    };
    Ok((found.map(|bytes| show::hex(&bytes)).into(), vector["expected"]["bytesHex"].clone()))
}

fn to_connect(converter: &mut dyn Converter, role: Role, vector: &Json) -> Result<(Json, Json)> {
    let hex = vector["bytesHex"].as_str().map(notation::bytes);
    let bytes = hex.or(vector["bytesUtf8"].as_str().map(|text| text.as_bytes().to_vec())).map(Blob::from);
    let found = match role {
        Role::Header => converter.decode_header(TOPIC, HEADER, bytes.as_ref())?,
        Role::Key | Role::Value => converter.decode(TOPIC, &[], bytes.as_ref())?,
    };
    let expected = &vector["expected"];
    let schema = notation::schema(&expected["schema"]).unwrap();
    let value = notation::value(&expected["value"], schema.as_deref()).unwrap();
    Ok((show::datum(&found), show::datum(&Datum { schema, value })))
}
