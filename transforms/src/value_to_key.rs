//! `ValueToKey`: makes the key of fields of the value.

use crate::{
    checks::non_empty_list,
    operand::{as_map, require_struct},
    schema_cache::SchemaCache,
    structs::{Nulls, checked, fields_of, find_field, push_field},
};
use millrace_api::{
    Config, Datum, Error, Fields, Kind, Map, Origin, Plugins, Record, Result, Schema, Struct, Transform,
    Value,
};
use std::sync::Arc;

const PURPOSE: &str = "copying fields from value to key";

#[derive(Debug, Config)]
struct ValueToKeyConfig {
    /// Names of the fields of the value that make the key, in the order in which they stand there.
    #[config(high, check = non_empty_list())]
    fields: Vec<String>,

    /// Whether fields that are null get the default of their schema.
    #[config(default = true)]
    replace_null_with_default: Nulls,
}

/// The transformation.
struct ValueToKey {
    fields: Vec<String>,
    nulls: Nulls,
    plans: SchemaCache<Plan>,
}

/// What the key of values of one schema is.
struct Plan {
    schema: Arc<Schema>,
    /// For each field of the key its place in the value.
    sources: Vec<usize>,
}

/// Adds the transformation.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.transform::<ValueToKeyConfig>("org.apache.kafka.connect.transforms.ValueToKey", |config| {
        let ValueToKeyConfig { fields, replace_null_with_default: nulls } = config;
        Ok(Box::new(ValueToKey { fields, nulls, plans: SchemaCache::default() }))
    });
}

impl ValueToKey {
    fn with_schema(&mut self, value: &Value) -> Result<Datum> {
        let input = require_struct(value, PURPOSE)?;
        let plan = self.plans.get_or_build(input.schema(), |schema| plan(&self.fields, schema))?;
        let mut values = Vec::with_capacity(plan.sources.len());
        for (field, source) in fields_of(&plan.schema)?.iter().zip(&plan.sources) {
            let value = self.nulls.read(input, *source).clone();
            values.push(checked(&field.name, &field.schema, value)?);
        }
        let key = Struct::from_values(plan.schema.clone(), values);
        Ok(Datum::new(plan.schema.clone(), Value::Struct(key)))
    }

    fn without_schema(&self, value: &Value) -> Result<Datum> {
        let map = as_map(value, PURPOSE)?;
        let entries = self.fields.iter().map(|field| {
            let key = Value::from(field.as_str());
            let value = map.get(&key).cloned().unwrap_or_default();
            (key, value)
        });
        Ok(Datum::schemaless(Value::Map(Box::new(Map::from_iter(entries)))))
    }
}

impl Transform for ValueToKey {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        record.key = match record.value.schema {
            Some(_) => self.with_schema(&record.value.value)?,
            None => self.without_schema(&record.value.value)?,
        };
        Ok(Some(record))
    }
}

fn plan(names: &[String], schema: &Schema) -> Result<Plan> {
    let existing = fields_of(schema)?;
    let (mut fields, mut sources) = (Fields::new(), Vec::with_capacity(names.len()));
    for name in names {
        let index = find_field(schema, name)?;
        let index = index.ok_or_else(|| Error::data(format!("Field does not exist: {name}")))?;
        push_field(&mut fields, existing[index].name.clone(), existing[index].schema.clone())?;
        sources.push(index);
    }
    Ok(Plan { schema: Arc::new(Schema::of(Kind::Struct(fields))), sources })
}
