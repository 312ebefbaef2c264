//! Which columns a record becomes, decided from its schemas and the settings alone.

use super::{config::PkMode, error::RowError, types::ColumnType};
use millrace_api::{Schema, schema::Kind};
use std::{collections::BTreeSet, sync::Arc};

/// Column names of `pk.mode=kafka` when `pk.fields` names none.
pub(crate) const KAFKA_COLUMNS: [&str; 3] = ["__connect_topic", "__connect_partition", "__connect_offset"];

/// The settings that choose columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnRules {
    pub connector: String,
    pub pk_mode: PkMode,
    pub pk_fields: Vec<String>,
    pub whitelist: Vec<String>,
    /// Fields that hold an epoch and are written as time stamps.
    pub timestamp_fields: Vec<String>,
    /// The column of records whose value is a plain text.
    pub string_column: String,
}

/// The columns of records with one pair of schemas.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub keys: Vec<Column>,
    pub others: Vec<Column>,
    /// The columns in the order of CREATE and ALTER: places in `keys`, then in `others`.
    ddl_order: Vec<usize>,
}

/// One column and where its value comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub name: Arc<str>,
    pub schema: Arc<Schema>,
    /// None for a type that no database column has.
    pub kind: Option<ColumnType>,
    pub part: Part,
    pub role: Role,
}

/// What a column is in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Key,
    Other,
}

/// The part of a record that a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Topic,
    Partition,
    Offset,
    WholeKey,
    KeyField(usize),
    WholeValue,
    ValueField(usize),
}

impl Layout {
    /// Decides the columns of records that have these schemas. `table` is the bare name, for messages.
    pub fn of(
        rules: &ColumnRules,
        table: &str,
        key: Option<&Arc<Schema>>,
        value: Option<&Arc<Schema>>,
    ) -> Result<Self, RowError> {
        let keys = match rules.pk_mode {
            PkMode::None => Vec::new(),
            PkMode::Kafka => kafka_keys(rules, table)?,
            PkMode::RecordKey => record_keys(rules, table, key)?,
            PkMode::RecordValue => value_keys(rules, table, value)?,
        };
        let others = match value {
            Some(value) => other_columns(rules, table, &keys, value)?,
            None => Vec::new(),
        };
        if keys.is_empty() && others.is_empty() {
            return Err(RowError::NoFields { table: table.to_string() });
        }
        let ddl_order = ddl_order(&keys, &others, value);
        Ok(Self { keys, others, ddl_order })
    }

    /// Returns the columns in the order of statements that insert.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.keys.iter().chain(&self.others)
    }

    /// Returns the columns in the order of CREATE and ALTER.
    pub fn ddl_columns(&self) -> impl Iterator<Item = &Column> {
        let columns: Vec<_> = self.columns().collect();
        self.ddl_order.iter().map(move |index| columns[*index])
    }
}

impl Column {
    fn new(rules: &ColumnRules, name: &str, schema: &Arc<Schema>, part: Part, role: Role) -> Self {
        let listed = rules.timestamp_fields.iter().any(|field| field == name);
        let epoch = listed && matches!(schema.kind, Kind::Int64 | Kind::String) && schema.name.is_none();
        let kind = if epoch { Some(ColumnType::Epoch) } else { ColumnType::of(schema) };
        Self { name: name.into(), schema: schema.clone(), kind, part, role }
    }
}

fn kafka_keys(rules: &ColumnRules, table: &str) -> Result<Vec<Column>, RowError> {
    let defaults = KAFKA_COLUMNS.map(str::to_string);
    let names = match rules.pk_fields.as_slice() {
        [] => defaults.as_slice(),
        names @ [_, _, _] => names,
        names => return Err(RowError::KafkaNames { table: table.to_string(), names: listed(names) }),
    };
    let parts = [
        (Schema::string(), Part::Topic),
        (Schema::int32(), Part::Partition),
        (Schema::int64(), Part::Offset),
    ];
    let column = |(name, (schema, part)): (&String, (Arc<Schema>, Part))| {
        Column::new(rules, name, &schema, part, Role::Key)
    };
    Ok(names.iter().zip(parts).map(column).collect())
}

fn record_keys(rules: &ColumnRules, table: &str, key: Option<&Arc<Schema>>) -> Result<Vec<Column>, RowError> {
    let Some(key) = key else { return Err(RowError::KeySchemaMissing { table: table.to_string() }) };
    match &key.kind {
        Kind::Struct(_) => struct_keys(rules, key, Part::KeyField).map_err(|field| RowError::KeyField {
            table: table.to_string(),
            names: listed(&rules.pk_fields),
            field,
        }),
        Kind::Map(..) | Kind::Array(_) => Err(RowError::KeyType { kind: key.kind.to_string() }),
        _ => match rules.pk_fields.as_slice() {
            [name] => Ok(vec![Column::new(rules, name, key, Part::WholeKey, Role::Key)]),
            names => Err(RowError::OneKeyColumn { names: listed(names) }),
        },
    }
}

fn value_keys(
    rules: &ColumnRules,
    table: &str,
    value: Option<&Arc<Schema>>,
) -> Result<Vec<Column>, RowError> {
    let Some(value) = value else { return Err(RowError::ValueSchemaMissing { table: table.to_string() }) };
    match &value.kind {
        Kind::Struct(_) => struct_keys(rules, value, Part::ValueField).map_err(|field| {
            RowError::ValueField { table: table.to_string(), names: listed(&rules.pk_fields), field }
        }),
        Kind::String => Err(RowError::StringRecordValue),
        _ => Err(RowError::ValueType),
    }
}

/// The fields that `pk.fields` names, or all of them; the error is a name that is not there.
fn struct_keys(
    rules: &ColumnRules,
    schema: &Schema,
    part: impl Fn(usize) -> Part,
) -> Result<Vec<Column>, String> {
    let fields = schema.fields().expect("the caller has seen a struct");
    let place = |name: &String| fields.index(name).ok_or_else(|| name.clone());
    let places: Vec<usize> = match rules.pk_fields.as_slice() {
        [] => (0..fields.len()).collect(),
        names => names.iter().map(place).collect::<Result<_, _>>()?,
    };
    let column = |index: usize| {
        let field = &fields[index];
        Column::new(rules, &field.name, &field.schema, part(index), Role::Key)
    };
    Ok(places.into_iter().map(column).collect())
}

fn other_columns(
    rules: &ColumnRules,
    table: &str,
    keys: &[Column],
    value: &Arc<Schema>,
) -> Result<Vec<Column>, RowError> {
    let is_key = |name: &str| keys.iter().any(|key| key.name.as_ref() == name);
    match &value.kind {
        Kind::Struct(fields) => {
            let wanted =
                |name: &str| rules.whitelist.is_empty() || rules.whitelist.iter().any(|one| one == name);
            let chosen = fields.iter().enumerate().filter(|(_, field)| !is_key(&field.name));
            let chosen = chosen.filter(|(_, field)| wanted(&field.name));
            let column = |(index, field): (usize, &millrace_api::schema::Field)| {
                Column::new(rules, &field.name, &field.schema, Part::ValueField(index), Role::Other)
            };
            Ok(chosen.map(column).collect())
        }
        Kind::String => {
            check_string_options(rules)?;
            let name = &rules.string_column;
            if is_key(name) {
                return Err(RowError::StringConflict { column: name.clone(), table: table.to_string() });
            }
            Ok(vec![Column::new(rules, name, &Schema::optional_string(), Part::WholeValue, Role::Other)])
        }
        _ => Err(RowError::ValueType),
    }
}

/// Refuses settings about fields when the value has none.
fn check_string_options(rules: &ColumnRules) -> Result<(), RowError> {
    let options =
        [("fields.whitelist", &rules.whitelist), ("timestamp.fields.list", &rules.timestamp_fields)];
    let set: Vec<_> =
        options.iter().filter(|(_, fields)| !fields.is_empty()).map(|(name, _)| *name).collect();
    if set.is_empty() {
        return Ok(());
    }
    Err(RowError::StringOptions { connector: rules.connector.clone(), options: set.join(", ") })
}

/// The default columns of `pk.mode=kafka`, then the value's fields in their order, then the rest by name.
fn ddl_order(keys: &[Column], others: &[Column], value: Option<&Arc<Schema>>) -> Vec<usize> {
    let columns: Vec<&Column> = keys.iter().chain(others).collect();
    let find = |name: &str| columns.iter().position(|column| column.name.as_ref() == name);
    let mut order: Vec<usize> = KAFKA_COLUMNS.iter().filter_map(|name| find(name)).collect();
    let fields = value.and_then(|value| value.fields());
    let of_value = fields.into_iter().flat_map(|fields| fields.iter()).filter_map(|field| find(&field.name));
    let mut seen: BTreeSet<usize> = order.iter().copied().collect();
    order.extend(of_value.filter(|index| seen.insert(*index)));
    let mut rest: Vec<usize> = (0..columns.len()).filter(|index| !seen.contains(index)).collect();
    rest.sort_by_key(|index| columns[*index].name.clone());
    order.extend(rest);
    order
}

/// Writes names as Java prints a list.
pub(crate) fn listed(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    format!("[{}]", names.join(", "))
}

#[cfg(test)]
pub(super) mod tests;
