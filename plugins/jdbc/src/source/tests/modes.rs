//! How new rows are found.

use super::*;

/// Makes a table with an identity and a timestamp, and returns its name.
async fn stamped(place: &mut Place) -> String {
    let table = unique("stamped").replace('-', "_");
    let stamp = match (place.is_mysql(), place.is_sqlite()) {
        (true, _) => "DATETIME(6)",
        (_, true) => "TIMESTAMP",
        _ => "TIMESTAMP(6)",
    };
    place.run(&format!("CREATE TABLE {table} (id INTEGER NOT NULL PRIMARY KEY, at {stamp} NOT NULL)")).await;
    table
}

/// Inserts rows of (id, milliseconds since the epoch).
async fn insert(place: &mut Place, table: &str, rows: &[(i64, i64)]) {
    for (id, millis) in rows {
        let at = match place.is_sqlite() {
            true => millis.to_string(),
            false => format!("'1970-01-01 00:00:{:02}.{:03}'", millis / 1000, millis % 1000),
        };
        place.run(&format!("INSERT INTO {table} VALUES ({id}, {at})")).await;
    }
}

#[tokio::test]
async fn incrementing_reads_each_row_once_and_resumes_anywhere() {
    for mut place in Place::all().await {
        let table = stamped(&mut place).await;
        let rows: Vec<_> = (1..=8).map(|id| (id, 1000)).collect();
        insert(&mut place, &table, &rows).await;
        let mut given = place.settings(&table, "incrementing");
        given.insert("incrementing.column.name", "id");
        let host = Arc::<FakeSourceHost>::default();
        let mut task = place.task(&table, &given, &host).await.unwrap();
        let records = read(&mut task, 8).await;
        let expected: Vec<_> = (1..=8).map(Some).collect();
        assert_eq!(offsets(&records, "incrementing"), expected, "{}", place.name());
        assert_eq!(records[0].record.as_ref().unwrap().topic.as_deref(), Some(format!("p-{table}").as_str()));
        insert(&mut place, &table, &[(9, 1000)]).await;
        assert_eq!(texts(&read(&mut task, 1).await, "id"), ["9"]);
        Box::new(task).stop().await.unwrap();

        host.commit(&records[..5]);
        let mut task = place.task(&table, &given, &host).await.unwrap();
        assert_eq!(texts(&read(&mut task, 4).await, "id"), ["6", "7", "8", "9"], "{}", place.name());
    }
}

#[tokio::test]
async fn equal_timestamps_over_a_batch_boundary_are_not_lost() {
    for mut place in Place::all().await {
        let table = stamped(&mut place).await;
        insert(&mut place, &table, &[(1, 10), (2, 10), (3, 20), (4, 20), (5, 20), (6, 20), (7, 30)]).await;
        let mut given = place.settings(&table, "timestamp");
        given.insert("timestamp.column.name", "at");
        given.insert("timestamp.initial", "5");
        let host = Arc::<FakeSourceHost>::default();
        let mut task = place.task(&table, &given, &host).await.unwrap();
        let records = read(&mut task, 7).await;
        let expected = [5, 10, 10, 10, 10, 20, 30].map(Some);
        assert_eq!(offsets(&records, "timestamp"), expected, "{}", place.name());
        for done in 1..=7 {
            let host = Arc::<FakeSourceHost>::default();
            host.commit(&records[..done]);
            let missing = 7 - done;
            let mut task = place.task(&table, &given, &host).await.unwrap();
            if missing == 0 {
                continue;
            }
            let mut seen = texts(&records[..done], "id");
            let from = expected[done - 1].unwrap();
            let count = [10, 10, 20, 20, 20, 20, 30].iter().filter(|at| **at > from).count();
            seen.extend(texts(&read(&mut task, count).await, "id"));
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen, ["1", "2", "3", "4", "5", "6", "7"], "{} after {done}", place.name());
        }
    }
}

#[tokio::test]
async fn a_changed_row_is_read_again_by_timestamp_and_number() {
    for mut place in Place::all().await {
        let table = stamped(&mut place).await;
        insert(&mut place, &table, &[(1, 10), (2, 10), (3, 20)]).await;
        let mut given = place.settings(&table, "timestamp+incrementing");
        given.insert("timestamp.column.name", "at");
        given.insert("incrementing.column.name", "id");
        let mut task = place.task(&table, &given, &Arc::default()).await.unwrap();
        let records = read(&mut task, 3).await;
        assert_eq!(offsets(&records, "incrementing"), [1, 2, 3].map(Some));
        assert_eq!(offsets(&records, "timestamp"), [10, 10, 20].map(Some), "{}", place.name());
        // The end of the result is seen, so that SQLite's file is free to be written.
        assert_eq!(task.poll().await.unwrap(), []);
        let later = if place.is_sqlite() { "30" } else { "'1970-01-01 00:00:00.030'" };
        place.run(&format!("UPDATE {table} SET at = {later} WHERE id = 1")).await;
        assert_eq!(texts(&read(&mut task, 1).await, "id"), ["1"]);
        assert_eq!(task.poll().await.unwrap(), []);
    }
}

#[tokio::test]
async fn bulk_reads_everything_each_time_without_offsets() {
    for mut place in Place::all().await {
        let table = stamped(&mut place).await;
        insert(&mut place, &table, &[(1, 10), (2, 10), (3, 20), (4, 30)]).await;
        let given = place.settings(&table, "bulk");
        let mut task = place.task(&table, &given, &Arc::default()).await.unwrap();
        let records = read(&mut task, 4).await;
        let origin = records[0].origin.as_ref().unwrap();
        assert_eq!(origin.offset, None);
        assert_eq!(origin.partition.entries.get("table"), Some(&Scalar::from(table.as_str())));
        assert_eq!(origin.partition.entries.len(), 1);
        let again = read(&mut task, 4).await;
        assert_eq!(texts(&again, "id"), ["1", "2", "3", "4"], "{}", place.name());
    }
}

#[tokio::test]
async fn a_query_has_its_aliases_and_the_bare_prefix_as_topic() {
    for mut place in Place::all().await {
        let table = stamped(&mut place).await;
        insert(&mut place, &table, &[(1, 10), (2, 10)]).await;
        let mut given = place.settings("", "incrementing");
        given.insert("query", format!("SELECT * FROM (SELECT a.id AS number, b.at AS seen FROM {table} a JOIN {table} b ON a.id = b.id) q"));
        given.insert("incrementing.column.name", "number");
        given.insert("query.suffix", "LIMIT 1");
        given.remove("table.whitelist");
        let mut task =
            JdbcSource::start_task(given, Arc::<FakeSourceHost>::default().context()).await.unwrap();
        let records = read(&mut task, 2).await;
        assert_eq!(texts(&records, "number"), ["1", "2"], "{}", place.name());
        let record = records[0].record.as_ref().unwrap();
        assert_eq!(record.topic.as_deref(), Some("p-"));
        assert_eq!(record.value.schema.as_ref().unwrap().name, None);
        let partition = &records[0].origin.as_ref().unwrap().partition;
        assert_eq!(partition.entries.get("query"), Some(&Scalar::from("query")));
    }
}

#[tokio::test]
async fn the_first_timestamp_that_is_not_null_counts() {
    let mut place = Place::postgresql().await;
    let table = unique("coalesced").replace('-', "_");
    place.run(&format!("CREATE TABLE {table} (id INT, updated TIMESTAMP, created TIMESTAMP NOT NULL)")).await;
    place
        .run(&format!("INSERT INTO {table} VALUES (1, NULL, '2024-01-02'), (2, '2024-01-01', '2023-01-01')"))
        .await;
    let mut given = place.settings(&table, "timestamp");
    given.insert("timestamp.column.name", "updated,created");
    let mut task = place.task(&table, &given, &Arc::default()).await.unwrap();
    assert_eq!(texts(&read(&mut task, 2).await, "id"), ["2", "1"]);
}

#[tokio::test]
async fn offsets_of_the_first_protocol_are_taken_over() {
    let mut place = Place::postgresql().await;
    let table = stamped(&mut place).await;
    insert(&mut place, &table, &[(1, 10), (2, 10), (3, 20)]).await;
    let mut given = place.settings(&table, "incrementing");
    given.insert("incrementing.column.name", "id");
    let host = Arc::<FakeSourceHost>::default();
    let older = millrace_api::SourcePartition::new(millrace_api::Scalars::one("table", table.as_str()));
    host.store(older, millrace_api::SourceOffset::new(millrace_api::Scalars::one("incrementing", 2)));
    let mut task = place.task(&table, &given, &host).await.unwrap();
    let records = read(&mut task, 1).await;
    let partition = &records[0].origin.as_ref().unwrap().partition;
    assert_eq!(partition.entries.get("protocol"), Some(&Scalar::from("1")));
    assert_eq!(partition.entries.get("table"), Some(&Scalar::from(format!("public.{table}"))));
}

#[tokio::test]
async fn the_column_that_the_database_fills_is_found() {
    for mut place in Place::all().await {
        let table = unique("filled").replace('-', "_");
        let column = match (place.is_mysql(), place.is_sqlite()) {
            (true, _) => "id INT NOT NULL AUTO_INCREMENT PRIMARY KEY",
            (_, true) => "id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
            _ => "id SERIAL",
        };
        place.run(&format!("CREATE TABLE {table} ({column}, name VARCHAR(9))")).await;
        place.run(&format!("INSERT INTO {table} (name) VALUES ('a'), ('b')")).await;
        let given = place.settings(&table, "incrementing");
        let mut task = place.task(&table, &given, &Arc::default()).await.unwrap();
        assert_eq!(offsets(&read(&mut task, 2).await, "incrementing"), [1, 2].map(Some), "{}", place.name());
        assert_eq!(task.poll().await.unwrap(), []);
    }
}

#[tokio::test]
async fn rows_are_left_alone_for_the_delay() {
    let mut place = Place::postgresql().await;
    let table = stamped(&mut place).await;
    let mut given = place.settings(&table, "timestamp");
    given.insert("timestamp.column.name", "at");
    given.insert("timestamp.delay.interval.ms", "1500");
    place.run(&format!("INSERT INTO {table} VALUES (1, timezone('UTC', now()))")).await;
    let began = tokio::time::Instant::now();
    let mut task = place.task(&table, &given, &Arc::default()).await.unwrap();
    assert_eq!(texts(&read(&mut task, 1).await, "id"), ["1"]);
    assert!(began.elapsed().as_millis() >= 1400, "{:?}", began.elapsed());
}
