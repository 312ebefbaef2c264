//! Rows that no table takes, among those that it does.

use super::*;
use crate::sink::tests::Target;

on_every_database!(
    a_bad_row_is_reported_alone,
    many_bad_rows_are_reported_alone,
    a_record_without_columns_is_reported_alone,
    without_a_reporter_nothing_is_written_and_the_record_is_named,
    records_that_do_not_belong_are_refused,
);

/// A row whose text must be there.
fn strict(target: &Target) {
    target.sql("CREATE TABLE T (id BIGINT NOT NULL, text VARCHAR(100) NOT NULL)");
}

async fn a_bad_row_is_reported_alone(target: Target) {
    strict(&target);
    let mut sink = target.start(&[]);
    let mut rows: Vec<_> = (0..100).map(|id| pair(id, "x")).collect();
    rows[61] = pair(61, Value::Null);
    sink.put_values(rows).await.unwrap();
    let reported = sink.host.take_reported();
    let offsets: Vec<_> = reported.iter().map(|(record, _)| record.offset).collect();
    assert_eq!(offsets, [61]);
    let text = reported[0].1.to_string();
    let begin = format!(
        "the record of topic {}, partition 3, offset 61 cannot be written to its table: ",
        target.table
    );
    assert!(text.starts_with(&begin), "{text}");
    assert_eq!(target.sql("SELECT count(*), min(id), max(id) FROM T WHERE id <> 61"), "99|0|99");
    assert_eq!(target.sql("SELECT count(*) FROM T"), "99");
    sink.stop().await;
}

async fn many_bad_rows_are_reported_alone(target: Target) {
    strict(&target);
    for (round, mode) in ["insert", "upsert"].iter().enumerate() {
        let mut settings = vec![("insert.mode", *mode)];
        if *mode == "upsert" {
            target.sql("CREATE UNIQUE INDEX by_id ON T (id)");
            settings.extend([("pk.mode", "record_value"), ("pk.fields", "id")]);
        }
        let mut sink = target.start(&settings);
        let base = round as i64 * 1000;
        let is_bad = |id: i64| id % 7 == 3 || id < 4;
        let value = |id: i64| pair(base + id, if is_bad(id) { Value::Null } else { "x".into() });
        sink.put_values((0..50).map(value).collect()).await.unwrap();
        let mut reported: Vec<_> =
            sink.host.take_reported().iter().map(|(record, _)| record.offset).collect();
        reported.sort_unstable();
        assert_eq!(reported, (0..50).filter(|id| is_bad(*id)).collect::<Vec<_>>());
        let good = (0..50).filter(|id| !is_bad(*id)).count() * (round + 1);
        assert_eq!(target.sql("SELECT count(*) FROM T"), good.to_string());
        sink.stop().await;
    }
    target.sql("DROP TABLE T");
}

async fn a_record_without_columns_is_reported_alone(target: Target) {
    let mut sink = target.start(&[("fields.whitelist", "id,text")]);
    let list = Schema::of(millrace_api::schema::Kind::Map(Some(Schema::string()), Some(Schema::string())));
    let odd = row(&[("id", list.into(), Value::Map(Box::default()))]);
    sink.put_values(vec![pair(1, "a")]).await.unwrap();
    sink.put_values(vec![pair(2, "b"), odd, pair(3, "c")]).await.unwrap();
    let reported = sink.host.take_reported();
    assert_eq!(reported.len(), 1);
    assert!(reported[0].1.to_string().ends_with("Unsupported source data type: MAP"), "{}", reported[0].1);
    assert_eq!(target.rows(), ["1|a", "2|b", "3|c"]);
    sink.stop().await;
}

/// A worker that has no dead letter queue.
struct NoReporter;

impl millrace_api::SinkHost for NoReporter {
    fn assignment(&self) -> Vec<millrace_api::TopicPartition> {
        Vec::new()
    }

    fn pause(&self, _partitions: &[millrace_api::TopicPartition]) -> Result<()> {
        Ok(())
    }

    fn resume(&self, _partitions: &[millrace_api::TopicPartition]) -> Result<()> {
        Ok(())
    }

    fn rewind(&self, _offsets: TopicOffsets) {}

    fn request_commit(&self) {}

    fn retry_after(&self, _wait: std::time::Duration) {}

    fn report(
        &self,
        _record: SinkRecord,
        _error: Error,
    ) -> Option<futures::future::BoxFuture<'static, Result<()>>> {
        None
    }
}

async fn without_a_reporter_nothing_is_written_and_the_record_is_named(target: Target) {
    strict(&target);
    let mut sink = target.start(&[]);
    let settings = SinkSettings::confluent(&target.settings(&[])).unwrap();
    sink.task = JdbcSinkTask::new(settings, SinkContext::new(Arc::new(NoReporter)));
    let error = sink.put_values(vec![pair(1, "a"), pair(2, Value::Null), pair(3, "c")]).await.unwrap_err();
    let place = format!("topic {}, partition 3, offset 1 ", target.table);
    assert!(error.to_string().contains(&place), "{error}");
    assert!(!matches!(error.class(), Class::Retry { .. }));
    assert_eq!(target.sql("SELECT count(*) FROM T"), "0");
    sink.stop().await;
}

async fn records_that_do_not_belong_are_refused(target: Target) {
    let mut sink = target.start(&[]);
    let error = sink.put_values(vec![pair(1, "a"), Datum::default()]).await.unwrap_err();
    let text = "requires records with a non-null Struct or String value and non-null Struct or String schema";
    assert!(error.to_string().contains(text), "{error}");
    let schemaless = Datum::schemaless(Value::Map(Box::default()));
    let error = sink.put_values(vec![schemaless]).await.unwrap_err();
    assert!(error.to_string().ends_with("with a HashMap value and null value schema."), "{error}");
    assert!(sink.host.take_reported().is_empty());
    sink.stop().await;
}
