//! What can be wrong with a record or its table.
//!
//! The texts are the reference's where it has one: they end in traces and headers of dead letters.

/// Why a record cannot become a row of its table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowError {
    #[error(
        "PK mode for table '{table}' is KAFKA so there should either be no field names defined for defaults \
         [__connect_topic, __connect_partition, __connect_offset] to be applicable, or exactly 3, defined fields \
         are: {names}"
    )]
    KafkaNames { table: String, names: String },

    #[error("PK mode for table '{table}' is RECORD_KEY, but record key schema is missing")]
    KeySchemaMissing { table: String },

    #[error(
        "Need exactly one PK column defined since the key schema for records is a primitive type, defined columns \
         are: {names}"
    )]
    OneKeyColumn { names: String },

    #[error("Key schema must be primitive type or Struct, but is of type: {kind}")]
    KeyType { kind: String },

    #[error(
        "PK mode for table '{table}' is RECORD_KEY with configured PK fields {names}, but record key schema does \
         not contain field: {field}"
    )]
    KeyField { table: String, names: String, field: String },

    #[error("PK mode for table '{table}' is RECORD_VALUE, but record value schema is missing")]
    ValueSchemaMissing { table: String },

    #[error(
        "PK mode for table '{table}' is RECORD_VALUE with configured PK fields {names}, but record value schema \
         does not contain field: {field}"
    )]
    ValueField { table: String, names: String, field: String },

    #[error("pk.mode record_value is not supported with String value schemas")]
    StringRecordValue,

    #[error(
        "Configured string.output.value.column.name '{column}' conflicts with a primary key column for table \
         '{table}'"
    )]
    StringConflict { column: String, table: String },

    #[error(
        "Sink connector '{connector}' is configured with field-level options that are not applicable to String \
         values: {options}. Remove these options, or have the upstream producer emit Struct values instead."
    )]
    StringOptions { connector: String, options: String },

    #[error("Value schema must be of type Struct or String")]
    ValueType,

    #[error("No fields found using key and value schemas for table: {table}")]
    NoFields { table: String },

    #[error("Destination table name for topic '{topic}' is empty using the format string '{format}'")]
    EmptyTableName { topic: String, format: String },

    #[error(
        "Write to table '{table}' in UPSERT mode requires key field names to be known, check the primary key configuration"
    )]
    UpsertWithoutKey { table: String },

    #[error("Require primary keys to support delete")]
    DeleteWithoutKey,

    #[error("{name} ({kind}) type doesn't have a mapping to the SQL database column type")]
    NoColumnType { name: String, kind: String },

    #[error("Unsupported source data type: {kind}")]
    Unsupported { kind: String },

    #[error("column {column} of type {kind} cannot hold a value of class {class}")]
    Misfit { column: String, kind: String, class: &'static str },

    #[error("column {column} is listed in timestamp.fields.list, but {text:?} is not a whole number")]
    NotAnEpoch { column: String, text: String },

    #[error(
        "column {column} holds a point in time that no database calendar has: {milliseconds} ms since 1970"
    )]
    TooFar { column: String, milliseconds: i64 },

    #[error("Table {table} is missing and auto-creation is disabled")]
    TableMissing { table: String },

    #[error("{kind} {table} is missing fields ({fields}) and {why}")]
    FieldsMissing { kind: &'static str, table: String, fields: String, why: &'static str },

    #[error(
        "Cannot ALTER TABLE {table} to add missing field {field}, as the field is not optional and does not have a \
         default value"
    )]
    RequiredField { table: String, field: String },
}
