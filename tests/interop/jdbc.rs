//! Tables of a database go to topics.

use std::collections::BTreeSet;

use millrace_tests::databases::{Database, PASSWORD, USER};
use millrace_tests::{Broker, BrokerKind, Connector, LATE, SOON, Worker, eventually, unique};

on_both_brokers!(
    rows_become_json_and_new_ones_follow,
    a_worker_that_is_killed_in_the_middle_of_a_table_loses_no_row,
);

fn jdbc_source(database: &Database, table: &str) -> Connector {
    Connector::new("tables", "io.confluent.connect.jdbc.JdbcSourceConnector")
        .set("connection.url", database.jdbc_url())
        .set("connection.user", USER)
        .set("connection.password", PASSWORD)
        .set("table.whitelist", table)
        .set("mode", "incrementing")
        .set("incrementing.column.name", "id")
        .set("topic.prefix", "p-")
        .set("poll.interval.ms", 100)
        .set("value.converter", "org.apache.kafka.connect.json.JsonConverter")
        .set("value.converter.schemas.enable", "false")
}

fn rows_become_json_and_new_ones_follow(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    for database in [Database::postgresql(), Database::mariadb()] {
        let table = unique("orders").replace('-', "_");
        database.sql(&format!("create table {table} (id int not null primary key, item varchar(20), price numeric(10,2), at timestamp null)"));
        database.sql(&format!(
            "insert into {table} values (1, 'pen ö', 1.5, '2024-01-01 12:00:00'), (2, null, null, null)"
        ));
        let mut worker = Worker::millrace(broker);
        worker.add(&jdbc_source(database, &table));
        worker.start();
        let topic = format!("p-{table}");
        let first = [
            r#"{"id":1,"item":"pen ö","price":"AJY=","at":1704110400000}"#,
            r#"{"id":2,"item":null,"price":null,"at":null}"#,
        ];
        eventually(SOON, || broker.client().values(&topic) == first);
        database.sql(&format!("insert into {table} values (3, 'ink', null, null)"));
        eventually(SOON, || broker.client().values(&topic).len() == 3);
        worker.stop();
    }
}

fn a_worker_that_is_killed_in_the_middle_of_a_table_loses_no_row(kind: BrokerKind) {
    const ROWS: usize = 100_000;
    let broker = Broker::shared(kind);
    let database = Database::postgresql();
    let table = unique("large").replace('-', "_");
    database.sql(&format!("create table {table} (id int not null primary key)"));
    database.sql(&format!("insert into {table} select generate_series(1, {ROWS})"));
    let mut worker = Worker::millrace(broker);
    worker.add(&jdbc_source(database, &table).set("batch.max.rows", 50));
    worker.start();
    let topic = format!("p-{table}");
    let seen = || broker.client().count(&topic);
    eventually(SOON, || seen() > 0);
    worker.kill_9();
    let before = seen();
    worker.start();
    eventually(LATE, || ids(broker, &topic).len() == ROWS);
    println!("{before} of {ROWS} rows before the kill, {} records in all", seen());
}

fn ids(broker: &Broker, topic: &str) -> BTreeSet<String> {
    broker.client().values(topic).into_iter().collect()
}
