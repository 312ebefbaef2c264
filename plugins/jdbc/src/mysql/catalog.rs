//! What the information schema of MySQL and MariaDB says of tables and columns.

use super::types::{self, Rules, Width};
use crate::{
    cell::Cell,
    connection::{Column, JdbcType, ResultSet, TableColumn, TableFilter},
    error::JdbcError,
    identifier::TableId,
    url::Product,
};
use mysql_async::consts::ColumnType;

/// Tables with the type that the Java driver gives them, in its order.
pub(super) const TABLES: &str = "
SELECT kind, TABLE_SCHEMA, TABLE_NAME FROM (
  SELECT TABLE_SCHEMA, TABLE_NAME, CASE
    WHEN TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ('mysql', 'performance_schema') THEN 'SYSTEM TABLE'
    WHEN TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') THEN 'TABLE'
    WHEN TABLE_TYPE = 'TEMPORARY' THEN 'LOCAL TEMPORARY'
    ELSE TABLE_TYPE
  END AS kind
  FROM information_schema.TABLES WHERE ? IS NULL OR TABLE_SCHEMA = ?
) AS found ORDER BY kind, TABLE_SCHEMA, TABLE_NAME";

pub(super) const COLUMNS: &str = "
SELECT c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.IS_NULLABLE,
  coalesce(c.NUMERIC_PRECISION, 0), coalesce(c.NUMERIC_SCALE, 0), c.EXTRA, c.COLUMN_DEFAULT IS NOT NULL,
  c.CHARACTER_SET_NAME IS NOT NULL, k.ORDINAL_POSITION
FROM information_schema.COLUMNS c
LEFT JOIN information_schema.KEY_COLUMN_USAGE k ON k.CONSTRAINT_NAME = 'PRIMARY' AND k.TABLE_SCHEMA = c.TABLE_SCHEMA
  AND k.TABLE_NAME = c.TABLE_NAME AND k.COLUMN_NAME = c.COLUMN_NAME
WHERE c.TABLE_SCHEMA = coalesce(?, DATABASE()) AND c.TABLE_NAME = ?
ORDER BY c.ORDINAL_POSITION";

pub(super) fn tables(found: &ResultSet, filter: &TableFilter) -> Result<Vec<TableId>, JdbcError> {
    let mut tables = Vec::new();
    for row in 0..found.rows.len() {
        if filter.types.contains(&text(found, row, 0)?) {
            let catalog = Some(text(found, row, 1)?);
            tables.push(TableId { catalog, schema: None, name: text(found, row, 2)? });
        }
    }
    Ok(tables)
}

pub(super) fn columns(
    found: &ResultSet,
    product: Product,
    rules: Rules,
) -> Result<Vec<TableColumn>, JdbcError> {
    (0..found.rows.len()).map(|row| column(found, row, product, rules)).collect()
}

fn column(found: &ResultSet, row: usize, product: Product, rules: Rules) -> Result<TableColumn, JdbcError> {
    let (data_type, column_type) = (text(found, row, 1)?.to_lowercase(), text(found, row, 2)?.to_lowercase());
    let unsigned = column_type.contains("unsigned");
    let one = column_type.starts_with("tinyint(1)") || column_type.starts_with("bit(1)");
    let width = Width { one, unsigned, text: number(found, row, 8)? != 0 };
    let jdbc_type = kind(&data_type).map_or(JdbcType::Other, |kind| types::of(kind, width, product, rules).0);
    let extra = text(found, row, 6)?.to_lowercase();
    let ordinal = match found.rows.cell(row, 9)? {
        Cell::Null => None,
        _ => u16::try_from(number(found, row, 9)?).ok(),
    };
    let column = Column {
        label: text(found, row, 0)?,
        jdbc_type,
        type_name: data_type,
        precision: i32::try_from(number(found, row, 4)?).unwrap_or(0),
        scale: i32::try_from(number(found, row, 5)?).unwrap_or(0),
        nullable: text(found, row, 3)? == "YES",
        signed: !unsigned,
        auto_increment: extra.contains("auto_increment"),
    };
    let has_default = number(found, row, 7)? != 0 || extra.contains("generated") || column.auto_increment;
    Ok(TableColumn { column, key_ordinal: ordinal, has_default })
}

/// Returns the type as results announce it.
fn kind(data_type: &str) -> Option<ColumnType> {
    use ColumnType::*;
    Some(match data_type {
        "tinyint" => MYSQL_TYPE_TINY,
        "smallint" => MYSQL_TYPE_SHORT,
        "mediumint" => MYSQL_TYPE_INT24,
        "int" | "integer" => MYSQL_TYPE_LONG,
        "bigint" => MYSQL_TYPE_LONGLONG,
        "float" => MYSQL_TYPE_FLOAT,
        "double" | "real" => MYSQL_TYPE_DOUBLE,
        "decimal" | "numeric" => MYSQL_TYPE_NEWDECIMAL,
        "bit" => MYSQL_TYPE_BIT,
        "year" => MYSQL_TYPE_YEAR,
        "date" => MYSQL_TYPE_DATE,
        "datetime" => MYSQL_TYPE_DATETIME,
        "timestamp" => MYSQL_TYPE_TIMESTAMP,
        "time" => MYSQL_TYPE_TIME,
        "json" => MYSQL_TYPE_JSON,
        "enum" => MYSQL_TYPE_ENUM,
        "set" => MYSQL_TYPE_SET,
        "char" | "varchar" | "binary" | "varbinary" => MYSQL_TYPE_VAR_STRING,
        "tinytext" | "text" | "mediumtext" | "longtext" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            MYSQL_TYPE_BLOB
        }
        "geometry" | "point" | "linestring" | "polygon" => MYSQL_TYPE_GEOMETRY,
        _ => return None,
    })
}

fn text(found: &ResultSet, row: usize, column: usize) -> Result<String, JdbcError> {
    Ok(match found.rows.cell(row, column)? {
        Cell::Text(text) => text.into_owned(),
        // Some servers give names of the information schema as bytes.
        Cell::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    })
}

fn number(found: &ResultSet, row: usize, column: usize) -> Result<i64, JdbcError> {
    Ok(match found.rows.cell(row, column)? {
        Cell::Integer(number) => number,
        Cell::Unsigned(number) => i64::try_from(number).unwrap_or(i64::MAX),
        Cell::Boolean(value) => value.into(),
        _ => 0,
    })
}
