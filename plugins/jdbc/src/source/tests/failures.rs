//! What goes wrong, and what comes of it.

use super::*;

async fn numbered(place: &mut Place, rows: i64) -> (String, Properties) {
    let table = unique("numbered").replace('-', "_");
    place.run(&format!("CREATE TABLE {table} (id INTEGER NOT NULL PRIMARY KEY)")).await;
    for id in 1..=rows {
        place.run(&format!("INSERT INTO {table} VALUES ({id})")).await;
    }
    let mut given = place.settings(&table, "incrementing");
    given.insert("incrementing.column.name", "id");
    given.insert("connection.backoff.ms", "100");
    given.insert("connection.attempts", "200");
    (table, given)
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_of_a_table_loses_nothing() {
    for server in [Database::own_postgresql(), Database::own_mariadb()] {
        let mut place = Place::at(server.jdbc_url()).await;
        let (table, given) = numbered(&mut place, 10).await;
        let mut task = place.task(&table, &given, &Arc::default()).await.unwrap();
        let mut records = read_some(&mut task, 3).await;
        server.kill_9();
        server.start();
        records.extend(read(&mut task, 10 - records.len()).await);
        let mut ids: Vec<_> = offsets(&records, "incrementing").into_iter().flatten().collect();
        ids.dedup();
        assert_eq!(ids, (1..=10).collect::<Vec<_>>());
    }
}

/// Polls until there are at least that many records.
async fn read_some(task: &mut super::super::JdbcSourceTask, count: usize) -> Vec<SourceRecord> {
    let mut records = Vec::new();
    while records.len() < count {
        records.extend(timeout(PATIENCE, task.poll()).await.unwrap().unwrap());
    }
    records
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_again() {
    let mut place = Place::postgresql().await;
    let (table, given) = numbered(&mut place, 5).await;
    let mut task = place.task(&table, &given, &Arc::default()).await.unwrap();
    let records = read_some(&mut task, 1).await;
    place.run(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'Millrace' AND pid <> pg_backend_pid() AND query LIKE '%{table}%' OR query LIKE 'FETCH%' AND pid <> pg_backend_pid()")).await;
    let rest = read(&mut task, 5 - records.len()).await;
    assert_eq!(offsets(&rest, "incrementing").last(), Some(&Some(5)));
}

#[tokio::test]
async fn a_dropped_table_is_tried_for_ever_or_as_often_as_wanted() {
    let mut place = Place::postgresql().await;
    let (table, mut given) = numbered(&mut place, 1).await;
    given.insert("query.retry.attempts", "2");
    let mut task = place.task(&table, &given, &Arc::default()).await.unwrap();
    read(&mut task, 1).await;
    place.run(&format!("DROP TABLE {table}")).await;
    let trace = failure(&mut task).await;
    assert!(trace.contains("Failed to query table after retries") && trace.contains(&table), "{trace}");
}

#[tokio::test]
async fn changed_columns_are_followed() {
    for mut place in Place::all().await {
        let (table, given) = numbered(&mut place, 2).await;
        let mut task = place.task(&table, &given, &Arc::default()).await.unwrap();
        read(&mut task, 2).await;
        place.run(&format!("ALTER TABLE {table} ADD COLUMN name VARCHAR(20)")).await;
        place.run(&format!("INSERT INTO {table} VALUES (3, 'three')")).await;
        assert_eq!(texts(&read(&mut task, 1).await, "name"), ["three"], "{}", place.name());
    }
}

#[tokio::test]
async fn columns_that_will_not_do_are_refused_at_the_start() {
    let mut place = Place::postgresql().await;
    let table = unique("nullable").replace('-', "_");
    place.run(&format!("CREATE TABLE {table} (id INT, a TIMESTAMP, b TIMESTAMP)")).await;
    let quoted = format!("\"public\".\"{table}\"");
    for (mode, column, name, expected) in [
        (
            "incrementing",
            "incrementing.column.name",
            "id",
            format!(
                "Cannot make incremental queries using incrementing column id on {quoted} because this column is nullable."
            ),
        ),
        (
            "timestamp",
            "timestamp.column.name",
            "a,b",
            format!(
                "Cannot make incremental queries using timestamp columns a,b on {quoted} because all of these columns are nullable."
            ),
        ),
        (
            "incrementing",
            "incrementing.column.name",
            "no",
            format!("Incrementing column: no does not exist in table '{quoted}'"),
        ),
        (
            "timestamp",
            "timestamp.column.name",
            "x,y",
            format!("Timestamp columns: x, y do not exist in table '{quoted}'"),
        ),
    ] {
        let mut given = place.settings(&table, mode);
        given.insert(column, name);
        let error = place.task(&table, &given, &Arc::default()).await.err().unwrap();
        assert!(error.trace("test").contains(&expected), "{}", error.trace("test"));
    }
}

#[tokio::test]
async fn a_null_in_the_incrementing_column_is_left_alone() {
    let mut place = Place::postgresql().await;
    let table = unique("nulls").replace('-', "_");
    place.run(&format!("CREATE TABLE {table} (id INT)")).await;
    place.run(&format!("INSERT INTO {table} VALUES (1), (NULL), (2)")).await;
    let mut given = place.settings(&table, "incrementing");
    given.insert("incrementing.column.name", "id");
    given.insert("validate.non.null", "false");
    let mut task = place.task(&table, &given, &Arc::default()).await.unwrap();
    assert_eq!(texts(&read(&mut task, 2).await, "id"), ["1", "2"]);
}

#[tokio::test]
async fn a_value_that_does_not_fit_fails_the_task_and_names_its_column() {
    let mut place = Place::sqlite().await;
    place.run("CREATE TABLE wide (id INTEGER NOT NULL, number INTEGER)").await;
    place.run("INSERT INTO wide VALUES (1, 5000000000)").await;
    let mut given = place.settings("wide", "incrementing");
    given.insert("incrementing.column.name", "id");
    let mut task = place.task("wide", &given, &Arc::default()).await.unwrap();
    let trace = failure(&mut task).await;
    assert!(trace.contains("Error while processing table querier"), "{trace}");
    assert!(trace.contains("column number: 5000000000 does not fit into Int32"), "{trace}");
}

#[tokio::test]
async fn a_password_is_in_no_error() {
    let place = Place::postgresql().await;
    let mut given = place.settings("t", "bulk");
    given.insert_secret("connection.password", "hunter2");
    let error = connector(&given, &Arc::default()).await.err().unwrap();
    let trace = error.trace("test");
    assert!(trace.contains("authentication failed") && !trace.contains("hunter2"), "{trace}");
}
