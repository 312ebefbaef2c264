//! `HeaderFrom`: copies or moves fields into headers.

use crate::{
    checks::non_empty_list,
    operand::{Operand, register_sides, require_map, require_struct},
    schema_cache::SchemaCache,
    structs::{Nulls, checked, fields_of, find_field, push_field, with_basics_of},
};
use millrace_api::{
    Class, Config, Datum, Error, Fields, Header, Kind, Origin, Plugins, Record, Result, Schema, Struct,
    Transform, Value, choice,
};
use std::sync::Arc;

choice! {
    /// What becomes of the fields themselves.
    enum Operation {
        /// They go.
        Move = "move",
        /// They stay.
        Copy = "copy",
    }
}

#[derive(Debug, Config)]
struct HeaderFromConfig {
    /// Names of the fields.
    #[config(high, check = non_empty_list())]
    fields: Vec<String>,

    /// Names of the headers, in the order of the fields.
    #[config(high, check = non_empty_list())]
    headers: Vec<String>,

    /// `move` when the fields are removed, `copy` when they stay.
    #[config(high)]
    operation: Operation,

    /// Whether fields that are null get the default of their schema.
    #[config(default = true)]
    replace_null_with_default: Nulls,
}

/// The transformation.
struct HeaderFrom {
    operand: Operand,
    pairs: Vec<Pair>,
    operation: Operation,
    nulls: Nulls,
    plans: SchemaCache<Plan>,
}

/// A field and its header.
struct Pair {
    field: String,
    /// The field's name as a key of a schemaless map.
    key: Value,
    header: Arc<str>,
}

/// What is moved out of structs of one schema.
struct Plan {
    schema: Arc<Schema>,
    /// For each field that is left its place before.
    left: Vec<usize>,
}

/// Adds the transformation for keys and for values.
pub(crate) fn register(plugins: &mut Plugins) {
    let classes = [
        "org.apache.kafka.connect.transforms.HeaderFrom$Key",
        "org.apache.kafka.connect.transforms.HeaderFrom$Value",
    ];
    register_sides(plugins, classes, HeaderFrom::new);
}

impl HeaderFrom {
    fn new(config: HeaderFromConfig, operand: Operand) -> Result<Self> {
        if config.fields.len() != config.headers.len() {
            return Err(Error::config(
                "'fields' config must have the same number of elements as 'headers' config.",
            ));
        }
        let pairs = config.fields.into_iter().zip(config.headers);
        Ok(Self {
            operand,
            pairs: pairs
                .map(|(field, header)| Pair { key: field.as_str().into(), field, header: header.into() })
                .collect(),
            operation: config.operation,
            nulls: config.replace_null_with_default,
            plans: SchemaCache::default(),
        })
    }

    fn purpose(&self) -> &'static str {
        match self.operation {
            Operation::Move => "header move",
            Operation::Copy => "header copy",
        }
    }

    fn with_schema(&mut self, schema: &Arc<Schema>, record: &mut Record) -> Result<()> {
        let datum = self.operand.of(record);
        let input = require_struct(&datum.value, self.purpose())?;
        let moved = match self.operation {
            Operation::Copy => None,
            Operation::Move => {
                let plan = self.plans.get_or_build(schema, |schema| plan(&self.pairs, schema))?;
                Some(take_out(plan, input, self.nulls)?)
            }
        };
        let headers = self.pairs.iter().map(|pair| pair.header_of(input, self.nulls));
        let headers = headers.collect::<Result<Vec<_>>>()?;
        record.headers.extend(headers);
        if let Some(left) = moved {
            let schema = left.schema().clone();
            *self.operand.of_mut(record) = Datum::new(schema, Value::Struct(left));
        }
        Ok(())
    }

    fn without_schema(&self, record: &mut Record) -> Result<()> {
        let purpose = self.purpose();
        let map = require_map(&mut self.operand.of_mut(record).value, purpose)?;
        let found = self.pairs.iter().map(|pair| map.get(&pair.key).cloned().unwrap_or_default());
        let found: Vec<_> = found.collect();
        if self.operation == Operation::Move {
            map.retain(|key, _| !self.pairs.iter().any(|pair| pair.key == *key));
        }
        for (pair, value) in self.pairs.iter().zip(found) {
            record.headers.push(Header { name: pair.header.clone(), value: Datum::schemaless(value) });
        }
        Ok(())
    }
}

impl Transform for HeaderFrom {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        match self.operand.of(&record).schema.clone() {
            Some(schema) => self.with_schema(&schema, &mut record)?,
            None => self.without_schema(&mut record)?,
        }
        Ok(Some(record))
    }
}

// === impl Pair ===

impl Pair {
    fn header_of(&self, input: &Struct, nulls: Nulls) -> Result<Header> {
        let index = find_field(input.schema(), &self.field)?.ok_or_else(|| {
            let text = format!("Unknown field: {}", self.field);
            Error::of(Class::BadRecord, "java.lang.NullPointerException", text)
        })?;
        let schema = fields_of(input.schema())?[index].schema.clone();
        let value = nulls.read(input, index).clone();
        if value.is_null() && !schema.optional {
            return Err(Error::data(format!("A null value requires an optional schema but was {schema}")));
        }
        Ok(Header { name: self.header.clone(), value: Datum::new(schema, value) })
    }
}

fn plan(pairs: &[Pair], schema: &Schema) -> Result<Plan> {
    let (mut fields, mut left) = (Fields::new(), Vec::new());
    for (index, field) in fields_of(schema)?.iter().enumerate() {
        if !pairs.iter().any(|pair| *pair.field == *field.name) {
            push_field(&mut fields, field.name.clone(), field.schema.clone())?;
            left.push(index);
        }
    }
    Ok(Plan { schema: Arc::new(with_basics_of(schema, Kind::Struct(fields))), left })
}

fn take_out(plan: &Plan, input: &Struct, nulls: Nulls) -> Result<Struct> {
    let mut values = Vec::with_capacity(plan.left.len());
    for (field, index) in fields_of(&plan.schema)?.iter().zip(&plan.left) {
        values.push(checked(&field.name, &field.schema, nulls.read(input, *index).clone())?);
    }
    Ok(Struct::from_values(plan.schema.clone(), values))
}
