//! SQLite's types: what its Java driver makes of a column's declaration, and how values are read and bound. Pure but for
//! questions about a table.

use crate::{
    cell::{Cell, Moment},
    clock,
    connection::{Column, JdbcType, TableColumn},
    decimal,
};
use rusqlite::{
    Error, Statement, ToSql,
    types::{ToSqlOutput, Value, ValueRef},
};
use std::{borrow::Cow, ffi::CStr};

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Integer,
    Boolean,
    Real,
    Decimal,
    Text,
    Bytes,
    Date,
    Timestamp,
}

/// A column as its table declares it.
pub(super) struct Declared {
    label: String,
    declaration: String,
    not_null: bool,
    auto_increment: bool,
}

/// Returns what is declared of the columns of a result.
pub(super) fn declared(statement: &Statement<'_>) -> Result<Vec<Declared>, Error> {
    let text = |text: Option<&CStr>| text.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    let column = |index: usize| {
        let label = statement.column_name(index)?.to_string();
        Ok(match statement.column_metadata(index)? {
            Some((_, _, _, declaration, _, not_null, _, auto_increment)) => {
                Declared { label, declaration: text(declaration), not_null, auto_increment }
            }
            None => Declared { label, declaration: String::new(), not_null: false, auto_increment: false },
        })
    };
    (0..statement.column_count()).map(column).collect()
}

/// Describes a column by its declaration, and by the first value where that decides.
pub(super) fn describe(declared: Declared, first: Option<&Value>) -> (Column, Reading) {
    let upper = declared.declaration.trim().to_ascii_uppercase();
    let (base, precision, scale) = sizes(&upper);
    let (jdbc_type, signed, reading) = of(base, first);
    let column = Column {
        label: declared.label,
        jdbc_type,
        type_name: declared.declaration,
        precision,
        scale,
        nullable: !declared.not_null,
        signed,
        auto_increment: declared.auto_increment,
    };
    (column, reading)
}

/// Returns the columns of a table; none when there is no such table.
pub(super) fn table_columns(
    connection: &rusqlite::Connection,
    table: &str,
) -> Result<Vec<TableColumn>, Error> {
    let sql = "SELECT name, pk, dflt_value IS NOT NULL FROM pragma_table_info(?)";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement
        .query_map([table], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, u16>(1)?, row.get::<_, bool>(2)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let quoted = table.replace('"', "\"\"");
    let described = declared(&connection.prepare(&format!("SELECT * FROM \"{quoted}\" LIMIT 0"))?)?;
    let columns = described.into_iter().zip(found).map(|(declared, (_, key, has_default))| TableColumn {
        column: describe(declared, None).0,
        key_ordinal: Some(key).filter(|key| *key > 0),
        has_default,
    });
    Ok(columns.collect())
}

/// Cuts `DECIMAL(10,2)` into its parts.
fn sizes(declaration: &str) -> (&str, i32, i32) {
    let Some((base, rest)) = declaration.split_once('(') else { return (declaration.trim(), 0, 0) };
    let mut numbers = rest.trim_end_matches(')').split(',').map(|number| number.trim().parse().unwrap_or(0));
    (base.trim(), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Returns the type, whether the driver calls it signed, and how it is read. Only three declarations are signed.
fn of(base: &str, first: Option<&Value>) -> (JdbcType, bool, Reading) {
    let (jdbc_type, reading) = match base {
        "INTEGER" | "INT" | "MEDIUMINT" => (JdbcType::Integer, Reading::Integer),
        "TINYINT" => (JdbcType::TinyInt, Reading::Integer),
        "SMALLINT" | "INT2" => (JdbcType::SmallInt, Reading::Integer),
        "BIGINT" | "INT8" | "UNSIGNED BIG INT" => (JdbcType::BigInt, Reading::Integer),
        "REAL" => (JdbcType::Real, Reading::Real),
        "FLOAT" | "DOUBLE" | "DOUBLE PRECISION" => (JdbcType::Double, Reading::Real),
        "DECIMAL" => (JdbcType::Decimal, Reading::Decimal),
        "NUMERIC" => (JdbcType::Numeric, Reading::Decimal),
        "BOOLEAN" => (JdbcType::Boolean, Reading::Boolean),
        "DATE" | "DATETIME" => (JdbcType::Date, Reading::Date),
        "TIMESTAMP" => match first {
            Some(Value::Text(_)) => (JdbcType::Text, Reading::Text),
            _ => (JdbcType::Timestamp, Reading::Timestamp),
        },
        "BLOB" | "BINARY" | "VARBINARY" => (JdbcType::Binary, Reading::Bytes),
        _ if ["CHAR", "TEXT", "CLOB"].iter().any(|word| base.contains(word)) => {
            (JdbcType::Text, Reading::Text)
        }
        // An expression, or a word that SQLite does not know either: what it holds decides.
        _ => match first {
            Some(Value::Integer(_)) => (JdbcType::Integer, Reading::Integer),
            Some(Value::Real(_)) => (JdbcType::Double, Reading::Real),
            Some(Value::Blob(_)) => (JdbcType::Binary, Reading::Bytes),
            _ => (JdbcType::Text, Reading::Text),
        },
    };
    (jdbc_type, matches!(base, "INTEGER" | "NUMERIC" | "REAL"), reading)
}

/// Reads a value, whatever its column is declared as: SQLite lets anything in. The error is the reason.
pub(super) fn read(reading: Reading, value: &Value) -> Result<Cell<'_>, String> {
    let misfit = |what: &str| Err(format!("{what} in a column that is read as {reading:?}"));
    Ok(match (reading, value) {
        (_, Value::Null) => Cell::Null,
        (Reading::Boolean, Value::Integer(number)) => Cell::Boolean(*number != 0),
        (Reading::Date | Reading::Timestamp, Value::Integer(millis)) => {
            Cell::Instant(Moment::from_millis(*millis))
        }
        (Reading::Date | Reading::Timestamp, Value::Text(text)) => {
            Cell::Naive(clock::parse(text).ok_or_else(|| format!("the text {text:?} is no date or time"))?)
        }
        (Reading::Real, Value::Integer(number)) => Cell::Float64(*number as f64),
        (Reading::Real, Value::Real(number)) => Cell::Float64(*number),
        (Reading::Decimal, Value::Integer(number)) => Cell::Decimal(decimal::parse(&number.to_string())?),
        (Reading::Decimal, Value::Real(number)) => Cell::Decimal(decimal::parse(&number.to_string())?),
        (Reading::Decimal, Value::Text(text)) => Cell::Decimal(decimal::parse(text)?),
        (Reading::Integer, Value::Integer(number)) => Cell::Integer(*number),
        (Reading::Text, Value::Integer(number)) => Cell::from(number.to_string()),
        (Reading::Text, Value::Real(number)) => Cell::from(millrace_api::text::double(*number)),
        (Reading::Text, Value::Text(text)) => Cell::from(text.as_str()),
        (Reading::Bytes, Value::Text(text)) => Cell::Bytes(Cow::Borrowed(text.as_bytes())),
        (Reading::Bytes, Value::Blob(bytes)) => Cell::Bytes(Cow::Borrowed(bytes)),
        (_, Value::Integer(number)) => return misfit(&format!("the integer {number}")),
        (_, Value::Real(number)) => return misfit(&format!("the number {number}")),
        (_, Value::Text(text)) => return misfit(&format!("the text {text:?}")),
        (_, Value::Blob(bytes)) => return misfit(&format!("{} bytes", bytes.len())),
    })
}

/// A cell on its way into a statement. Instants are milliseconds since the epoch, as the Java driver writes them.
pub(super) struct Bound(pub(super) Cell<'static>);

impl ToSql for Bound {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, Error> {
        let integer = |number: i64| Ok(ToSqlOutput::Owned(Value::Integer(number)));
        match &self.0 {
            Cell::Null => Ok(ToSqlOutput::Owned(Value::Null)),
            Cell::Boolean(value) => integer((*value).into()),
            Cell::Integer(number) => integer(*number),
            Cell::Unsigned(number) => Ok(ToSqlOutput::Owned(Value::Text(number.to_string()))),
            Cell::Float32(number) => Ok(ToSqlOutput::Owned(Value::Real((*number).into()))),
            Cell::Float64(number) => Ok(ToSqlOutput::Owned(Value::Real(*number))),
            Cell::Text(text) => Ok(ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))),
            Cell::Bytes(bytes) => Ok(ToSqlOutput::Borrowed(ValueRef::Blob(bytes))),
            Cell::Decimal(value) => Ok(ToSqlOutput::Owned(Value::Text(millrace_api::text::decimal(value)))),
            Cell::Date(days) => integer(i64::from(*days) * 86_400_000),
            Cell::Time(nanos) => integer(nanos / 1_000_000),
            Cell::Naive(moment) | Cell::Instant(moment) => integer(moment.millis()),
        }
    }
}
