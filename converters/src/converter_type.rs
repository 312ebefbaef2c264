//! `converter.type`: the setting by which Java's framework tells a converter its role.

use millrace_api::{
    Config, ConfigDef, Role,
    config::{Importance, Key, Reader, Width, one_of},
};

const NAME: &str = "converter.type";

/// A required setting to those who look at the definition, because tools expect to see it. Here the role comes as an
/// argument, so that the setting is only checked when it is there.
#[derive(Debug)]
pub struct ConverterType;

impl Config for ConverterType {
    fn define(definition: &mut ConfigDef) {
        let doc = "What the converter is used for: key, value or header. Set by the framework.";
        let roles = one_of(&["key", "value", "header"]);
        let key = Key::of::<String>(NAME, Importance::Low, doc).display(NAME, Width::None);
        definition.define(key.check(roles));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.given(NAME).is_some() {
            reader.read::<String>(NAME)?;
        }
        Some(Self)
    }
}

/// Tells whether settings that begin with `key.` hold for a role, rather than those that begin with `value.`.
pub fn is_key(role: Role) -> bool {
    match role {
        Role::Key => true,
        Role::Value | Role::Header => false,
    }
}
