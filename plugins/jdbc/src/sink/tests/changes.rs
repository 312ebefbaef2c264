//! Inserts, upserts, updates and deletes; tables that are created and completed.

use super::*;

on_every_database!(
    rows_are_inserted,
    the_second_write_of_a_key_changes_its_row,
    keys_alone_are_upserted,
    an_update_changes_the_row_of_its_key,
    deletes_keep_their_place,
    columns_are_added,
    a_column_that_is_missing_is_named,
    schemas_may_alternate_in_a_batch,
    the_place_in_kafka_is_a_key,
    names_may_be_anything,
    a_thousand_rows_and_one_are_all_there,
    two_tasks_may_create_the_same_table,
    a_table_that_was_dropped_is_made_again,
    a_plain_text_has_a_column,
);

const UPSERT: [(&str, &str); 3] =
    [("insert.mode", "upsert"), ("pk.mode", "record_value"), ("pk.fields", "id")];

const DELETES: [(&str, &str); 4] =
    [("insert.mode", "upsert"), ("pk.mode", "record_key"), ("pk.fields", "id"), ("delete.enabled", "true")];

async fn rows_are_inserted(target: Target) {
    let mut sink = target.start(&[]);
    sink.put_values(vec![pair(1, "one"), pair(2, Value::Null)]).await.unwrap();
    sink.put_values(vec![pair(3, "it's \\ \" ` ä 𝄞")]).await.unwrap();
    assert_eq!(target.rows(), ["1|one", "2|", "3|it's \\ \" ` ä 𝄞"]);
    sink.stop().await;
}

async fn the_second_write_of_a_key_changes_its_row(target: Target) {
    let mut sink = target.start(&UPSERT);
    sink.put_values(vec![pair(1, "a"), pair(2, "b"), pair(1, "c")]).await.unwrap();
    assert_eq!(target.rows(), ["1|c", "2|b"]);
    // What comes again after a crash changes nothing.
    sink.put_values(vec![pair(1, "a"), pair(2, "b"), pair(1, "c"), pair(2, Value::Null)]).await.unwrap();
    assert_eq!(target.rows(), ["1|c", "2|"]);
    sink.stop().await;
}

async fn keys_alone_are_upserted(target: Target) {
    let mut sink = target.start(&[("insert.mode", "upsert"), ("pk.mode", "record_value")]);
    let id = |id| row(&[("id", Schema::int64(), Value::Int64(id))]);
    sink.put_values(vec![id(1), id(2), id(1)]).await.unwrap();
    assert_eq!(target.rows(), ["1", "2"]);
    sink.stop().await;
}

async fn an_update_changes_the_row_of_its_key(target: Target) {
    let mut sink = target.start(&UPSERT);
    sink.put_values(vec![pair(1, "a"), pair(2, "b")]).await.unwrap();
    sink.stop().await;
    let mut sink =
        target.start(&[("insert.mode", "update"), ("pk.mode", "record_value"), ("pk.fields", "id")]);
    sink.put_values(vec![pair(1, "c"), pair(9, "nobody")]).await.unwrap();
    assert_eq!(target.rows(), ["1|c", "2|b"]);
    sink.stop().await;
}

async fn deletes_keep_their_place(target: Target) {
    let mut sink = target.start(&DELETES);
    // A tombstone for a table that is not there yet deletes nothing.
    sink.put(vec![(key(1), Datum::default())]).await.unwrap();
    let text = |text: &str| row(&[("text", Schema::optional_string(), text.into())]);
    sink.put(vec![
        (key(1), text("a")),
        (key(1), Datum::default()),
        (key(1), text("again")),
        (key(2), text("b")),
        (key(2), Datum::default()),
        (key(3), text("c")),
    ])
    .await
    .unwrap();
    let rows = target.sql("SELECT text FROM T ORDER BY 1");
    assert_eq!(rows, "again\nc");
    sink.put(vec![(key(3), Datum::default()), (key(1), Datum::default())]).await.unwrap();
    assert_eq!(target.sql("SELECT text FROM T"), "");
    sink.stop().await;
}

async fn columns_are_added(target: Target) {
    let mut sink = target.start(&[("auto.evolve", "true")]);
    sink.put_values(vec![pair(1, "a")]).await.unwrap();
    let more = row(&[
        ("id", Schema::int64(), Value::Int64(2)),
        ("text", Schema::optional_string(), "b".into()),
        ("more", Schema::optional_int32(), Value::Int32(5)),
        ("most", Schema::optional_string(), "c".into()),
    ]);
    sink.put_values(vec![pair(3, "c"), more, pair(4, "d")]).await.unwrap();
    let expected = ["1|a||", "2|b|5|c", "3|c||", "4|d||"];
    assert_eq!(target.rows(), expected);
    sink.stop().await;
}

async fn a_column_that_is_missing_is_named(target: Target) {
    target.sql("CREATE TABLE T (id BIGINT)");
    let mut sink = target.start(&[]);
    sink.put_values(vec![pair(1, "a")]).await.unwrap();
    let error = sink.host.take_reported().remove(0).1.to_string();
    let text = "is missing fields ([SinkRecordField{schema=Schema{STRING}, name='text', isPrimaryKey=false}]) and \
        auto-evolution is disabled";
    assert!(error.ends_with(text), "{error}");
    assert_eq!(target.sql("SELECT count(*) FROM T"), "0");
    sink.stop().await;
}

async fn schemas_may_alternate_in_a_batch(target: Target) {
    let mut sink = target.start(&[("auto.evolve", "true")]);
    let short = |id| row(&[("id", Schema::int64(), Value::Int64(id))]);
    sink.put_values(vec![short(1), pair(2, "b"), short(3), pair(4, "d")]).await.unwrap();
    assert_eq!(target.rows(), ["1|", "2|b", "3|", "4|d"]);
    sink.stop().await;
}

async fn the_place_in_kafka_is_a_key(target: Target) {
    let mut sink =
        target.start(&[("pk.mode", "kafka"), ("pk.fields", "t,p,o"), ("fields.whitelist", "text")]);
    sink.put_values(vec![pair(1, "a"), pair(2, "b")]).await.unwrap();
    let topic = &target.table;
    let rows = target.sql("SELECT t,p,o,text FROM T ORDER BY o");
    assert_eq!(rows, format!("{topic}|3|0|a\n{topic}|3|1|b"));
    sink.stop().await;
}

async fn names_may_be_anything(target: Target) {
    let names = ["select", "a b", "q\"uote", "back`tick", "ünï", "Case"];
    let fields: Vec<_> =
        names.iter().map(|name| (*name, Schema::optional_string(), Value::from(*name))).collect();
    let mut sink =
        target.start(&[("insert.mode", "upsert"), ("pk.mode", "record_key"), ("pk.fields", "the key")]);
    sink.put(vec![(key(1), row(&fields)), (key(1), row(&fields))]).await.unwrap();
    let mut cells: Vec<String> = target.rows()[0].split('|').map(str::to_string).collect();
    cells.sort_unstable();
    let mut expected: Vec<_> = names.iter().map(|name| name.to_string()).chain(["1".to_string()]).collect();
    expected.sort_unstable();
    assert_eq!(cells, expected);
    sink.stop().await;
}

/// More than one statement's worth, with statements of all sizes.
async fn a_thousand_rows_and_one_are_all_there(target: Target) {
    for (index, batch_size) in ["3000", "7", "0"].iter().enumerate() {
        let mut settings = UPSERT.to_vec();
        settings.push(("batch.size", batch_size));
        let mut sink = target.start(&settings);
        let begin = index as i64 * 10_000;
        let rows = (begin..begin + 1001).map(|id| pair(id, format!("text {id}"))).collect();
        sink.put_values(rows).await.unwrap();
        sink.stop().await;
    }
    assert_eq!(target.sql("SELECT count(*) FROM T WHERE text LIKE 'text %'"), "3003");
}

async fn two_tasks_may_create_the_same_table(target: Target) {
    let (mut one, mut other) = (target.start(&[]), target.start(&[]));
    let (first, second) =
        tokio::join!(one.put_values(vec![pair(1, "a")]), other.put_values(vec![pair(2, "b")]));
    for (sink, result, value) in [(&mut one, first, pair(1, "a")), (&mut other, second, pair(2, "b"))] {
        // SQLite locks the whole file, and says so: the worker offers the batch again.
        if let Err(error) = result {
            assert!(matches!(error.class(), Class::Retry { .. }), "{}", error.trace("test"));
            sink.put_values(vec![value]).await.unwrap();
        }
    }
    assert_eq!(target.rows(), ["1|a", "2|b"]);
    one.stop().await;
    other.stop().await;
}

async fn a_table_that_was_dropped_is_made_again(target: Target) {
    let mut sink = target.start(&[]);
    sink.put_values(vec![pair(1, "a")]).await.unwrap();
    target.sql("DROP TABLE T");
    sink.put_values(vec![pair(2, "b")]).await.unwrap();
    assert_eq!(target.rows(), ["2|b"]);
    sink.stop().await;
}

async fn a_plain_text_has_a_column(target: Target) {
    let mut sink = target.start(&[("string.output.value.column.name", "line")]);
    sink.put_values(vec![Datum::string("a"), Datum::string("b")]).await.unwrap();
    assert_eq!(target.sql("SELECT line FROM T ORDER BY 1"), "a\nb");
    sink.stop().await;
}
