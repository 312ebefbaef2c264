//! What PostgreSQL's catalogue says of tables and columns.

use super::types::{self, Made};
use crate::{
    connection::{Column, TableColumn, TableFilter},
    identifier::TableId,
};
use std::collections::HashMap;
use tokio_postgres::{Client, Error, Statement};

/// What is known of a table's column beyond its type.
pub(super) struct Attribute {
    pub(super) not_null: bool,
    pub(super) auto_increment: bool,
}

/// Tables with the type that the Java driver gives them, in its order.
const TABLES: &str = "
SELECT kind, nspname, relname FROM (
  SELECT n.nspname, c.relname, CASE
    WHEN n.nspname ~ '^pg_' OR n.nspname = 'information_schema' THEN CASE
      WHEN n.nspname ~ '^pg_temp_' AND c.relkind IN ('r', 'p') THEN 'TEMPORARY TABLE'
      WHEN n.nspname ~ '^pg_temp_' AND c.relkind = 'v' THEN 'TEMPORARY VIEW'
      WHEN n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind = 'r' THEN 'SYSTEM TABLE'
      WHEN n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind = 'v' THEN 'SYSTEM VIEW'
    END
    WHEN c.relkind = 'r' THEN 'TABLE'
    WHEN c.relkind = 'p' THEN 'PARTITIONED TABLE'
    WHEN c.relkind = 'v' THEN 'VIEW'
    WHEN c.relkind = 'm' THEN 'MATERIALIZED VIEW'
    WHEN c.relkind = 'f' THEN 'FOREIGN TABLE'
  END AS kind
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE $1::text IS NULL OR n.nspname LIKE $1
) AS found WHERE kind = ANY ($2) ORDER BY kind, nspname, relname";

/// The columns of one table; a domain counts as what it is made of.
const COLUMNS: &str = "
SELECT a.attname,
  CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END,
  CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
  t.typname,
  t.typtype = 'e' OR coalesce(b.typtype = 'e', false),
  a.attnotnull OR (t.typtype = 'd' AND t.typnotnull),
  a.attidentity <> '' OR coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%', false),
  a.atthasdef OR a.attidentity <> '',
  (SELECT k.ordinal::int4 FROM pg_catalog.pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, ordinal)
   WHERE i.indrelid = c.oid AND i.indisprimary AND k.attnum = a.attnum)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname = $1
  AND CASE WHEN $2::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $2 END
ORDER BY a.attnum";

const ATTRIBUTES: &str = "
SELECT a.attrelid, a.attnum, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull),
  a.attidentity <> '' OR coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%', false)
FROM unnest($1::oid[], $2::int2[]) AS wanted (relation, number)
JOIN pg_catalog.pg_attribute a ON a.attrelid = wanted.relation AND a.attnum = wanted.number
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum";

pub(super) async fn tables(client: &Client, filter: &TableFilter) -> Result<Vec<TableId>, Error> {
    let rows = client.query(TABLES, &[&filter.schema, &filter.types]).await?;
    let table = |row: &tokio_postgres::Row| -> Result<TableId, Error> {
        Ok(TableId { catalog: None, schema: row.try_get(1)?, name: row.try_get(2)? })
    };
    rows.iter().map(table).collect()
}

pub(super) async fn columns(client: &Client, table: &TableId) -> Result<Vec<TableColumn>, Error> {
    let rows = client.query(COLUMNS, &[&table.name, &table.schema]).await?;
    let column = |row: &tokio_postgres::Row| -> Result<TableColumn, Error> {
        let is_enum: bool = row.try_get(4)?;
        let made = if is_enum { Made::Enum } else { Made::Otherwise };
        let described = types::describe(row.try_get(1)?, made, row.try_get(2)?);
        let not_null: bool = row.try_get(5)?;
        let ordinal: Option<i32> = row.try_get(8)?;
        Ok(TableColumn {
            column: Column {
                label: row.try_get(0)?,
                jdbc_type: described.jdbc_type,
                type_name: row.try_get(3)?,
                precision: described.precision,
                scale: described.scale,
                nullable: !not_null,
                signed: true,
                auto_increment: row.try_get(6)?,
            },
            key_ordinal: ordinal.and_then(|ordinal| u16::try_from(ordinal).ok()),
            has_default: row.try_get(7)?,
        })
    };
    rows.iter().map(column).collect()
}

/// Asks about all columns of a result that are a table's, in one query.
pub(super) async fn attributes(
    client: &Client,
    statement: &Statement,
) -> Result<HashMap<(u32, i16), Attribute>, Error> {
    let places = statement.columns().iter().filter_map(|column| column.table_oid().zip(column.column_id()));
    let (relations, numbers): (Vec<u32>, Vec<i16>) = places.unzip();
    if relations.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = client.query(ATTRIBUTES, &[&relations, &numbers]).await?;
    let attribute = |row: &tokio_postgres::Row| {
        let attribute = Attribute { not_null: row.try_get(2)?, auto_increment: row.try_get(3)? };
        Ok(((row.try_get(0)?, row.try_get(1)?), attribute))
    };
    rows.iter().map(attribute).collect()
}
