//! JSON objects of settings, as Kafka Connect reads them: scalars become the text they are written with.

use millrace_api::Properties;
use millrace_herder::Target;
use serde::{
    Deserializer as _,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// The members of an object in order; a name may come more than once, and then the last holds.
pub(crate) type Members = Vec<(String, Box<RawValue>)>;

/// What a setting can have in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scalar {
    Null,
    Text(String),
}

/// The name of a setting whose value is an object or an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotAScalar(pub(crate) String);

/// Reads the object that comes next.
pub(crate) fn members<'de, R: serde_json::de::Read<'de>>(
    reader: &mut serde_json::Deserializer<R>,
) -> serde_json::Result<Members> {
    reader.deserialize_map(MembersVisitor)
}

/// Returns an object's members as settings.
pub(crate) fn scalars(members: &Members) -> Result<Properties, NotAScalar> {
    let mut properties = Properties::new();
    for (name, value) in members {
        match Scalar::of(value).ok_or_else(|| NotAScalar(name.clone()))? {
            Scalar::Null => properties.insert_null(name.as_str()),
            Scalar::Text(text) => properties.insert(name.as_str(), text),
        }
    }
    Ok(properties)
}

/// Reads the text of an initial state; case does not matter.
pub(crate) fn target(state: &str) -> Option<Target> {
    match state.to_ascii_uppercase().as_str() {
        "RUNNING" => Some(Target::Started),
        "PAUSED" => Some(Target::Paused),
        "STOPPED" => Some(Target::Stopped),
        _ => None,
    }
}

// === impl Scalar ===

impl Scalar {
    /// Reads a value; nothing when it is an object or an array. Numbers keep their digits: `1.50` is not `1.5`.
    pub(crate) fn of(value: &RawValue) -> Option<Self> {
        match value.get().as_bytes().first()? {
            b'{' | b'[' => None,
            b'n' => Some(Self::Null),
            b'"' => serde_json::from_str(value.get()).ok().map(Self::Text),
            _ => Some(Self::Text(value.get().to_owned())),
        }
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
