//! Which tables are found, divided and let go.

use super::*;
use millrace_api::testing::eventually;

/// Returns settings for all tables of a schema of its own.
async fn schema(place: &mut Place, tables: &[&str]) -> Properties {
    let schema = unique("schema").replace('-', "_");
    place.run(&format!("CREATE SCHEMA {schema}")).await;
    for table in tables {
        let table = table.replace('"', "\"\"");
        place.run(&format!("CREATE TABLE {schema}.\"{table}\" (id INT NOT NULL PRIMARY KEY)")).await;
    }
    let mut given = place.settings("", "incrementing");
    given.remove("table.whitelist");
    given.insert("incrementing.column.name", "id");
    given.insert("schema.pattern", schema);
    given
}

fn shares(configs: &[Properties], given: &Properties) -> Vec<String> {
    let schema = format!("\"{}\".", given.get("schema.pattern").unwrap());
    configs.iter().map(|config| config.get("tables").unwrap().replace(&schema, "")).collect()
}

#[tokio::test]
async fn tables_are_divided_among_tasks() {
    let mut place = Place::postgresql().await;
    let given = schema(&mut place, &["e", "a", "Ü \"x", "d", "c"]).await;
    let mut source = connector(&given, &Arc::default()).await.unwrap();
    let configs = source.task_configs(2).await.unwrap();
    assert_eq!(shares(&configs, &given), [r#""a","c","d""#, r#""e","Ü ""x""#]);
    assert_eq!(configs[0].get("tables.fetched"), Some("true"));
    assert_eq!(source.task_configs(9).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_new_table_is_found_and_a_dropped_one_let_go() {
    let mut place = Place::postgresql().await;
    let mut given = schema(&mut place, &["a"]).await;
    given.insert("table.poll.interval.ms", "50");
    let host = Arc::<FakeConnectorHost>::default();
    let mut source = connector(&given, &host).await.unwrap();
    assert_eq!(shares(&source.task_configs(3).await.unwrap(), &given), [r#""a""#]);
    let schema = given.get("schema.pattern").unwrap().to_string();
    place.run(&format!("CREATE TABLE {schema}.b (id INT NOT NULL)")).await;
    watched(&mut source, &host, 1).await;
    assert_eq!(shares(&source.task_configs(3).await.unwrap(), &given), [r#""a""#, r#""b""#]);
    place.run(&format!("DROP TABLE {schema}.a")).await;
    watched(&mut source, &host, 2).await;
    assert_eq!(shares(&source.task_configs(3).await.unwrap(), &given), [r#""b""#]);
}

/// Lets the connector watch until it has asked so often for new task settings.
async fn watched(source: &mut JdbcSource, host: &Arc<FakeConnectorHost>, asked: usize) {
    tokio::select! {
        ended = source.watch() => panic!("the watch ended: {ended:?}"),
        () = eventually(PATIENCE, || host.reconfigurations() >= asked) => {}
    }
}

#[tokio::test]
async fn tables_of_one_name_in_two_schemas_are_refused() {
    let mut place = Place::postgresql().await;
    let table = unique("twin").replace('-', "_");
    let given = schema(&mut place, &[&table]).await;
    let first = given.get("schema.pattern").unwrap().to_string();
    let second = format!("{first}_2");
    place.run(&format!("CREATE SCHEMA {second}")).await;
    place.run(&format!("CREATE TABLE {second}.{table} (id INT)")).await;
    let mut given = given.clone();
    given.insert("schema.pattern", format!("{first}%"));
    let mut source = connector(&given, &Arc::default()).await.unwrap();
    let trace = source.task_configs(1).await.unwrap_err().trace("test");
    assert!(trace.contains("Encountered an unrecoverable error while reading tables"), "{trace}");
    let group = format!("\n\t[[\"{first}\".\"{table}\", \"{second}\".\"{table}\"]]");
    assert!(trace.contains(&group), "{trace}");
}

#[tokio::test]
async fn no_table_is_an_error_of_the_task() {
    let mut place = Place::postgresql().await;
    let given = schema(&mut place, &[]).await;
    let mut source = connector(&given, &Arc::default()).await.unwrap();
    let configs = source.task_configs(4).await.unwrap();
    assert_eq!(shares(&configs, &given), [""]);
    let started =
        JdbcSource::start_task(configs[0].clone(), Arc::<FakeSourceHost>::default().context()).await;
    let text = started.err().unwrap().to_string();
    assert!(text.starts_with("Task is being killed because it was not assigned a table"), "{text}");
}

#[tokio::test]
async fn views_are_tables_when_asked_for() {
    for mut place in Place::all().await {
        let table = unique("seen").replace('-', "_");
        place.run(&format!("CREATE TABLE {table} (id INT NOT NULL)")).await;
        place.run(&format!("INSERT INTO {table} VALUES (7)")).await;
        place.run(&format!("CREATE VIEW v_{table} AS SELECT id FROM {table}")).await;
        let mut given = place.settings(&format!("v_{table}"), "bulk");
        given.insert("table.types", "view");
        let mut source = connector(&given, &Arc::default()).await.unwrap();
        let configs = source.task_configs(1).await.unwrap();
        let mut task = JdbcSource::start_task(configs[0].clone(), Arc::<FakeSourceHost>::default().context())
            .await
            .unwrap();
        assert_eq!(texts(&read(&mut task, 1).await, "id"), ["7"], "{}", place.name());
    }
}

#[tokio::test]
async fn a_thousand_tables_are_found_and_divided_in_time() {
    let mut place = Place::postgresql().await;
    let given = schema(&mut place, &[]).await;
    let schema = given.get("schema.pattern").unwrap().to_string();
    place.run(&format!("DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format('CREATE TABLE {schema}.t%s (id int not null)', i); END LOOP; END $$")).await;
    let began = tokio::time::Instant::now();
    let mut source = connector(&given, &Arc::default()).await.unwrap();
    let configs = source.task_configs(10).await.unwrap();
    let took = began.elapsed();
    assert_eq!(configs.len(), 10);
    assert!(took.as_secs() < 2, "{took:?}");
}
