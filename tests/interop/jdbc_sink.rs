//! Topics become tables, through a whole worker.

use std::time::Duration;

use millrace_tests::databases::Database;
use millrace_tests::wait::holds_within;
use millrace_tests::{
    Broker, BrokerKind, Connector, LATE, SOON, Worker, eventually, eventually_some, unique,
};

const CLASS: &str = "io.confluent.connect.jdbc.JdbcSinkConnector";

/// A sink that makes its table, which has the topic's name.
fn sink(name: &str, topic: &str, database: &Database) -> Connector {
    Connector::new(name, CLASS)
        .set("topics", topic)
        .set("connection.url", database.jdbc_url())
        .set("connection.user", "test")
        .set("connection.password", "secret")
        .set("auto.create", true)
        .set("retry.backoff.ms", 200)
        .set("max.retries", 1000)
        .set("value.converter", "org.apache.kafka.connect.json.JsonConverter")
        // A crashed member is only gone when its session is.
        .set("consumer.override.session.timeout.ms", 6_000)
        .set("consumer.override.heartbeat.interval.ms", 500)
}

fn upserting(sink: Connector) -> Connector {
    sink.set("insert.mode", "upsert").set("pk.mode", "record_value").set("pk.fields", "id")
}

/// A row as JSON with its schema; the text is the number again, so that a mix-up shows.
fn row(id: usize) -> String {
    format!(
        r#"{{"schema":{{"type":"struct","fields":[{{"field":"id","type":"int64"}},{{"field":"text","type":"string","optional":true}},{{"field":"amount","type":"double"}}]}},"payload":{{"id":{id},"text":"row {id}","amount":{id}.5}}}}"#
    )
}

fn rows(count: usize) -> Vec<String> {
    (0..count).map(row).collect()
}

/// Returns a number that the database computes; nothing while it or its table is away.
fn number(database: &Database, sql: &str) -> Option<usize> {
    database.try_sql(sql).ok()?.trim().parse().ok()
}

#[track_caller]
fn check_a_topic_becomes_a_table(database: &Database, broker: &Broker) {
    let topic = unique("orders").replace('-', "_");
    broker.client().produce(&topic, &rows(5_000));
    let mut worker = Worker::millrace(broker);
    let name = unique("sink");
    worker.add(&upserting(sink(&name, &topic, database)));
    worker.start();
    let count = format!("SELECT count(*) FROM {topic} WHERE amount = id + 0.5");
    eventually(LATE, || number(database, &count) == Some(5_000));
    assert_eq!(database.sql(&format!("SELECT text FROM {topic} WHERE id = 4999")).trim(), "row 4999");
    // Committed in the database first, in Kafka later.
    let group = format!("connect-{name}");
    eventually(SOON, || broker.client().committed(&group) == [(topic.clone(), 0, 5_000)]);
    assert!(worker.rest().is_running(&name));
}

#[test]
fn a_topic_becomes_a_table_of_postgresql() {
    check_a_topic_becomes_a_table(Database::postgresql(), Broker::shared(BrokerKind::Embedded));
}

#[test]
fn a_topic_becomes_a_table_of_mariadb() {
    check_a_topic_becomes_a_table(Database::mariadb(), Broker::shared(BrokerKind::Embedded));
}

#[test]
fn a_topic_of_apache_kafka_becomes_a_table() {
    check_a_topic_becomes_a_table(Database::postgresql(), Broker::shared(BrokerKind::Kafka));
}

/// Kills the worker at moments that nobody chose, while it writes.
#[track_caller]
fn check_kills_of_the_worker(database: &Database, connect: impl Fn(Connector) -> Connector, count: &str) {
    const ROWS: usize = 30_000;
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("killed").replace('-', "_");
    broker.client().create_topic(&topic, 3);
    broker.client().produce(&topic, &rows(ROWS));
    let mut worker = Worker::millrace(broker);
    // Small batches and frequent commits: many moments to be killed in.
    worker.set("offset.flush.interval.ms", 50);
    let connector = connect(sink(&unique("sink"), &topic, database));
    worker.add(&connector.set("consumer.override.max.poll.records", 500).set("tasks.max", 2));
    let found = || number(database, &format!("SELECT count(DISTINCT id) FROM {topic}")).unwrap_or(0);
    for _ in 0..4 {
        worker.start();
        let before = found();
        // Some rows more are there, and not all.
        holds_within(LATE, &mut || found() > before);
        worker.kill_9();
    }
    worker.start();
    let complete = format!("SELECT {count} FROM {topic} WHERE amount = id + 0.5");
    eventually(LATE, || number(database, &complete) == Some(ROWS));
}

#[test]
fn an_upsert_ends_equal_after_kills_of_the_worker() {
    check_kills_of_the_worker(Database::postgresql(), upserting, "count(*)");
    check_kills_of_the_worker(Database::mariadb(), upserting, "count(*)");
}

#[test]
fn an_insert_loses_nothing_by_kills_of_the_worker() {
    let insert = |sink| sink;
    check_kills_of_the_worker(Database::postgresql(), insert, "count(DISTINCT id)");
}

/// A batch that the database had not committed when it died is written once it is back.
#[test]
fn a_database_that_is_killed_and_comes_back_has_every_row() {
    const ROWS: usize = 30_000;
    let broker = Broker::shared(BrokerKind::Embedded);
    for database in [Database::own_postgresql(), Database::own_mariadb()] {
        let topic = unique("gone").replace('-', "_");
        broker.client().produce(&topic, &rows(ROWS));
        let mut worker = Worker::millrace(broker);
        let name = unique("sink");
        let connector =
            upserting(sink(&name, &topic, &database)).set("consumer.override.max.poll.records", 500);
        worker.add(&connector.set("connection.attempts", 1));
        worker.start();
        let found = || number(&database, &format!("SELECT count(*) FROM {topic}"));
        for _ in 0..2 {
            let before = found();
            holds_within(Duration::from_secs(10), &mut || found() > before);
            database.kill_9();
            database.start();
        }
        eventually(LATE, || found() == Some(ROWS));
        assert!(worker.rest().is_running(&name));
    }
}

#[test]
fn a_record_that_cannot_be_written_is_named_in_the_trace() {
    let (database, broker) = (Database::postgresql(), Broker::shared(BrokerKind::Embedded));
    let topic = unique("bad").replace('-', "_");
    database.sql(&format!("CREATE TABLE {topic} (id bigint check (id <> 7), text text, amount float8)"));
    broker.client().produce(&topic, &rows(20));
    let mut worker = Worker::millrace(broker);
    let name = unique("sink");
    worker.add(&sink(&name, &topic, database));
    worker.start();
    let trace = eventually_some(SOON, || worker.rest().task_failure(&name));
    assert!(trace.contains(&format!("topic {topic}, partition 0, offset 7 ")), "{trace}");
    assert!(trace.contains("violates check constraint"), "{trace}");
    assert_eq!(number(database, &format!("SELECT count(*) FROM {topic}")), Some(0));
}
