//! What every driver does alike.

use super::{cells, connections, settings};
use crate::{
    cell::Cell,
    connection::{Connection, JdbcType, TableFilter, connect},
    identifier::{Quoting, TableId},
};
use millrace_tests::{databases::Database, unique};

/// Makes a table of this many rows, and returns its name in SQL.
async fn table_of(connection: &mut dyn Connection, rows: i64) -> TableId {
    let name = TableId::bare(unique("numbers-ü \" `x"));
    let rules = connection.dialect().identifiers();
    let sql = name.sql(rules, Quoting::Always);
    connection
        .execute(&format!("CREATE TABLE {sql} (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(50))"), &[])
        .await
        .unwrap();
    let places = format!("{}, {}", connection.dialect().placeholder(1), connection.dialect().placeholder(2));
    let rows: Vec<_> =
        (1..=rows).map(|id| vec![Cell::Integer(id), Cell::from(format!("row {id} äöü"))]).collect();
    connection.begin().await.unwrap();
    let touched =
        connection.execute_batch(&format!("INSERT INTO {sql} VALUES ({places})"), &rows).await.unwrap();
    connection.commit().await.unwrap();
    assert_eq!(touched, vec![1; rows.len()]);
    name
}

#[tokio::test]
async fn rows_are_written_and_read_by_a_cursor() {
    let folder = tempfile::tempdir().unwrap();
    for mut connection in connections(folder.path()).await {
        let connection = connection.as_mut();
        let table = table_of(connection, 25).await;
        let dialect = connection.dialect();
        let sql = table.sql(dialect.identifiers(), Quoting::Always);
        let query = format!("SELECT * FROM {sql} WHERE id > {} ORDER BY id", dialect.placeholder(1));
        let columns = connection.open_cursor(&query, &[Cell::Integer(3)], 10).await.unwrap();
        let described: Vec<_> =
            columns.iter().map(|column| (column.label.as_str(), column.jdbc_type, column.nullable)).collect();
        assert_eq!(
            described,
            [("id", JdbcType::Integer, false), ("name", JdbcType::Text, true)],
            "{}",
            dialect.name()
        );
        let mut sizes = Vec::new();
        let mut ids = Vec::new();
        loop {
            let rows = connection.fetch().await.unwrap();
            sizes.push(rows.len());
            ids.extend(cells(rows.as_ref(), 1).into_iter().flatten());
            if rows.len() == 0 {
                break;
            }
        }
        assert_eq!(sizes, [10, 10, 2, 0]);
        assert_eq!(ids, (4..=25).map(Cell::Integer).collect::<Vec<_>>());
        connection.close_cursor().await.unwrap();
        assert!(connection.is_alive().await);
        let count = connection.query(&format!("SELECT count(*) FROM {sql}"), &[]).await.unwrap();
        assert_eq!(cells(count.rows.as_ref(), 1), [[Cell::Integer(25)]]);
    }
}

#[tokio::test]
async fn tables_and_columns_are_found() {
    let folder = tempfile::tempdir().unwrap();
    for mut connection in connections(folder.path()).await {
        let connection = connection.as_mut();
        let table = table_of(connection, 1).await;
        let filter = TableFilter { types: vec!["TABLE".to_string()], ..TableFilter::default() };
        let found = connection.tables(&filter).await.unwrap();
        let found: Vec<_> = found.into_iter().filter(|found| found.name == table.name).collect();
        assert_eq!(found.len(), 1, "{}", connection.dialect().name());
        let columns = connection.columns(&found[0]).await.unwrap();
        let described: Vec<_> = columns
            .iter()
            .map(|column| {
                (
                    column.column.label.as_str(),
                    column.column.jdbc_type,
                    column.column.nullable,
                    column.key_ordinal,
                )
            })
            .collect();
        let expected = [("id", JdbcType::Integer, false, Some(1)), ("name", JdbcType::Text, true, None)];
        assert_eq!(described, expected, "{}", connection.dialect().name());
        assert_eq!(connection.columns(&TableId::bare("no such table")).await.unwrap(), []);
    }
}

#[tokio::test]
async fn an_error_of_the_server_leaves_the_connection_alive() {
    let folder = tempfile::tempdir().unwrap();
    for mut connection in connections(folder.path()).await {
        let error = connection.query("SELECT * FROM nowhere_to_be_found", &[]).await.err().unwrap();
        assert!(error.to_string().contains("nowhere_to_be_found"), "{error}");
        assert!(connection.is_alive().await, "{}", connection.dialect().name());
        connection.close().await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_final_and_not_shown() {
    for database in [Database::postgresql(), Database::mariadb()] {
        let mut wrong = settings(&database.jdbc_url());
        wrong.password = Some(super::secret("hunter2"));
        let error = connect(&wrong).await.err().unwrap();
        assert!(!error.is_transient(), "{}", error.full());
        assert!(!error.full().contains("hunter2") && error.full().contains("test"), "{}", error.full());
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again() {
    let port = millrace_tests::free_port();
    for product in ["postgresql", "mysql"] {
        let mut settings = settings(&format!("jdbc:{product}://127.0.0.1:{port}/test"));
        settings.attempts = 2;
        let error = connect(&settings).await.err().unwrap();
        assert!(error.is_transient(), "{}", error.full());
    }
}

#[tokio::test]
async fn parameters_are_refused_by_name() {
    for url in [
        "jdbc:postgresql://127.0.0.1/d?socketFactory=com.example.Factory",
        "jdbc:mysql://127.0.0.1/d?socketFactory=com.example.Factory",
        "jdbc:sqlite:/tmp/none.db?socketFactory=com.example.Factory",
    ] {
        let error = connect(&settings(url)).await.err().unwrap();
        assert!(error.to_string().contains("socketFactory"), "{error}");
    }
}
