//! Asks the database what a table looks like.

use super::table::{Table, TableKind};
use crate::{
    cell::Cell,
    connection::{Connection, ResultSet},
    error::JdbcError,
    identifier::TableId,
    url::Product,
};

/// The columns of what has the name, whatever it is: kind, name, type.
const POSTGRESQL: &str = "SELECT c.relkind::text, a.attname::text, pg_catalog.format_type(a.atttypid, NULL)::text \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    WHERE c.relname = $1::text AND n.nspname = COALESCE($2::text, current_schema()) \
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY a.attnum";

const MYSQL: &str = "SELECT t.table_type, c.column_name, c.data_type FROM information_schema.tables t \
    JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name \
    WHERE t.table_name = ? AND t.table_schema = COALESCE(?, DATABASE()) ORDER BY c.ordinal_position";

/// Columns of a PRAGMA's result have no description, so they are made expressions, which need none.
const SQLITE: &str = "SELECT m.type || '', i.name || '', i.type || '' FROM sqlite_master m, pragma_table_info(m.name) i \
    WHERE m.name = ? COLLATE NOCASE AND m.type IN ('table', 'view') ORDER BY i.cid";

/// Looks up a table; `None` when there is nothing of that name and of these types.
pub(crate) async fn find(
    connection: &mut dyn Connection,
    product: Product,
    id: &TableId,
    types: &[String],
) -> Result<Option<Table>, JdbcError> {
    let name = Cell::from(id.name.as_str());
    let optional = |part: &Option<String>| part.clone().map_or(Cell::Null, Cell::from);
    let found = match product {
        Product::PostgreSql => connection.query(POSTGRESQL, &[name, optional(&id.schema)]).await?,
        Product::MySql | Product::MariaDb => connection.query(MYSQL, &[name, optional(&id.catalog)]).await?,
        Product::Sqlite => connection.query(SQLITE, &[name]).await?,
    };
    let mut table: Option<Table> = None;
    for row in 0..found.rows.len() {
        let type_name = type_name(&text(&found, row, 0)?);
        if !types.iter().any(|wanted| wanted == type_name) {
            return Ok(None);
        }
        let kind = if type_name == "VIEW" { TableKind::View } else { TableKind::Table };
        let table = table.get_or_insert(Table { kind, columns: Vec::new() });
        // A table without columns has one row, without a name.
        let name = text(&found, row, 1)?;
        if !name.is_empty() {
            table.columns.push((name, text(&found, row, 2)?));
        }
    }
    Ok(table)
}

/// Fills what a name does not say from the connection: the catalog, and where there are such the schema.
pub(crate) async fn complete(
    connection: &mut dyn Connection,
    product: Product,
    id: TableId,
) -> Result<TableId, JdbcError> {
    let sql = match product {
        Product::PostgreSql => "SELECT current_database()::text, current_schema()::text",
        Product::MySql | Product::MariaDb => "SELECT DATABASE(), NULL",
        Product::Sqlite => return Ok(id),
    };
    let found = connection.query(sql, &[]).await?;
    let part = |column| text(&found, 0, column).map(|text| Some(text).filter(|text| !text.is_empty()));
    let (catalog, schema) = (part(0)?, part(1)?);
    Ok(TableId { catalog: id.catalog.or(catalog), schema: id.schema.or(schema), name: id.name })
}

/// Returns the word of `table.types` for what the database calls a kind of table.
fn type_name(kind: &str) -> &'static str {
    match kind {
        "r" | "BASE TABLE" | "table" => "TABLE",
        "p" => "PARTITIONED TABLE",
        "v" | "VIEW" | "view" => "VIEW",
        _ => "OTHER",
    }
}

/// Returns a text of a result; empty for null.
fn text(found: &ResultSet, row: usize, column: usize) -> Result<String, JdbcError> {
    Ok(match found.rows.cell(row, column)? {
        Cell::Text(text) => text.into_owned(),
        Cell::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    })
}
