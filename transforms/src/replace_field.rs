//! `ReplaceField`: drops, keeps and renames fields.

use crate::{
    checks::split_at_colons,
    operand::{Operand, as_map, register_sides, require_struct},
    schema_cache::SchemaCache,
    structs::{Nulls, checked, fields_of, key_text, push_field, with_basics_of},
};
use millrace_api::{
    Config, Error, Fields, Kind, Map, Origin, Plugins, Record, Result, Schema, Struct, Transform, Value,
    config::{Check, Parsed},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

const PURPOSE: &str = "field replacement";

#[derive(Debug, Config)]
struct ReplaceFieldConfig {
    /// Names of the fields to drop. They win over the fields to keep.
    #[config(default = "")]
    exclude: Vec<String>,

    /// Names of the fields to keep. When it is empty, all are.
    #[config(default = "")]
    include: Vec<String>,

    /// New names of fields, as `old:new`.
    #[config(default = "", check = valid_renames())]
    renames: Vec<String>,

    /// Whether fields that are null get the default of their schema.
    #[config(default = true)]
    replace_null_with_default: Nulls,
}

/// The transformation.
struct ReplaceField {
    operand: Operand,
    exclude: HashSet<String>,
    include: HashSet<String>,
    renames: HashMap<String, NewName>,
    /// Old names by new ones: that is how Connect finds the values.
    old_names: HashMap<Arc<str>, String>,
    nulls: Nulls,
    plans: SchemaCache<Plan>,
}

/// The new name of a field, also as a key of a schemaless map.
struct NewName {
    name: Arc<str>,
    key: Value,
}

/// What becomes of structs of one schema.
struct Plan {
    schema: Arc<Schema>,
    /// For each field of the new schema the place of its value.
    sources: Vec<usize>,
}

/// Adds the transformation for keys and for values.
pub(crate) fn register(plugins: &mut Plugins) {
    let classes = [
        "org.apache.kafka.connect.transforms.ReplaceField$Key",
        "org.apache.kafka.connect.transforms.ReplaceField$Value",
    ];
    register_sides(plugins, classes, |config, operand| Ok(ReplaceField::new(config, operand)));
}

fn valid_renames() -> Check {
    Check::new(|value| match value {
        Parsed::List(renames) => {
            let invalid = renames.iter().find(|rename| split_at_colons(rename).len() != 2);
            invalid.map_or(Ok(()), |rename| Err(format!("Invalid rename mapping: {rename}")))
        }
        _ => Ok(()),
    })
}

impl ReplaceField {
    fn new(config: ReplaceFieldConfig, operand: Operand) -> Self {
        let pairs = config.renames.iter().filter_map(|rename| match split_at_colons(rename)[..] {
            [old, new] => Some((old.to_string(), new)),
            _ => None,
        });
        let renames: HashMap<_, _> =
            pairs.map(|(old, new)| (old, NewName { name: new.into(), key: new.into() })).collect();
        let old_names = renames.iter().map(|(old, new)| (new.name.clone(), old.clone())).collect();
        Self {
            operand,
            exclude: config.exclude.into_iter().collect(),
            include: config.include.into_iter().collect(),
            renames,
            old_names,
            nulls: config.replace_null_with_default,
            plans: SchemaCache::default(),
        }
    }

    fn keeps(&self, name: &str) -> bool {
        !self.exclude.contains(name) && (self.include.is_empty() || self.include.contains(name))
    }

    fn plan(&self, schema: &Schema) -> Result<Plan> {
        let existing = fields_of(schema)?;
        let mut fields = Fields::new();
        for field in existing.iter().filter(|field| self.keeps(&field.name)) {
            let name = self.renames.get(field.name.as_ref()).map_or(&field.name, |new| &new.name);
            push_field(&mut fields, name.clone(), field.schema.clone())?;
        }
        let sources = fields.iter().map(|field| {
            // A rename whose source is missing fails where its target exists: Connect looks up the old name.
            let old = self.old_names.get(&field.name).map_or(field.name.as_ref(), String::as_str);
            existing.index(old).ok_or_else(|| Error::data(format!("{old} is not a valid field name")))
        });
        let sources = sources.collect::<Result<_>>()?;
        Ok(Plan { schema: Arc::new(with_basics_of(schema, Kind::Struct(fields))), sources })
    }

    fn with_schema(&mut self, schema: &Arc<Schema>, value: &Value) -> Result<Struct> {
        let input = require_struct(value, PURPOSE)?;
        // The plans are taken out for as long as one is made, which needs the rest.
        let mut plans = std::mem::take(&mut self.plans);
        let plan = plans.get_or_build(schema, |schema| self.plan(schema));
        let output = plan.and_then(|plan| rebuild(plan, input, self.nulls));
        self.plans = plans;
        output
    }

    fn without_schema(&self, map: &Map) -> Result<Map> {
        let mut output = Map::with_capacity(map.len());
        for (key, value) in map {
            let name = key_text(key)?;
            if self.keeps(name) {
                let key = self.renames.get(name).map_or(key, |new| &new.key);
                output.insert(key.clone(), value.clone());
            }
        }
        Ok(output)
    }
}

impl Transform for ReplaceField {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        let datum = self.operand.of_mut(&mut record);
        if datum.value.is_null() {
            return Ok(Some(record));
        }
        match datum.schema.clone() {
            Some(schema) => {
                let fields = self.with_schema(&schema, &datum.value)?;
                datum.schema = Some(fields.schema().clone());
                datum.value = Value::Struct(fields);
            }
            None => {
                let map = self.without_schema(as_map(&datum.value, PURPOSE)?)?;
                datum.value = Value::Map(Box::new(map));
            }
        }
        Ok(Some(record))
    }
}

fn rebuild(plan: &Plan, input: &Struct, nulls: Nulls) -> Result<Struct> {
    let fields = fields_of(&plan.schema)?.iter().zip(&plan.sources);
    let values = fields
        .map(|(field, source)| checked(&field.name, &field.schema, nulls.read(input, *source).clone()))
        .collect::<Result<_>>()?;
    Ok(Struct::from_values(plan.schema.clone(), values))
}
