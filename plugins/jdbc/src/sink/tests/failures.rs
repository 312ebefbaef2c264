//! Databases that go away and come back.

use super::*;

#[tokio::test]
async fn a_batch_is_written_when_the_server_is_back() {
    for server in [Database::own_postgresql(), Database::own_mariadb()] {
        let settings = [
            ("name", "sink"),
            ("connection.url", &server.jdbc_url()),
            ("connection.user", "test"),
            ("connection.password", "secret"),
            ("connection.attempts", "2"),
            ("connection.backoff.ms", "5"),
            ("auto.create", "true"),
            ("max.retries", "3"),
            ("retry.backoff.ms", "7"),
        ];
        let settings = SinkSettings::confluent(&settings.into_iter().collect()).unwrap();
        let host = FakeSinkHost::assigning([]);
        let task = JdbcSinkTask::new(settings, host.context());
        let mut sink = Sink { task, host, topic: "orders".to_string(), next: 0 };
        sink.put_values(vec![pair(1, "a")]).await.unwrap();
        server.kill_9();
        // The lost connection costs a retry; of two attempts to connect only the second does.
        for wait in [7, 5, 7, 5] {
            let error = sink.put_values(vec![pair(2, "b")]).await.unwrap_err();
            let wait = Some(std::time::Duration::from_millis(wait));
            assert_eq!(error.class(), Class::Retry { after: wait }, "{}", error.trace("test"));
        }
        server.start();
        sink.put_values(vec![pair(2, "b")]).await.unwrap();
        assert_eq!(server.sql("SELECT * FROM orders ORDER BY 1").trim_end(), "1|a\n2|b");
        // A success gives all retries back; when they are used up, the task fails.
        server.kill_9();
        for tries_left in (0..=6).rev() {
            let error = sink.put_values(vec![pair(3, "c")]).await.unwrap_err();
            let retries = matches!(error.class(), Class::Retry { .. });
            assert_eq!(retries, tries_left > 0, "{}", error.trace("test"));
            if tries_left == 0 {
                assert!(error.to_string().ends_with(" failed after 3 retries"), "{error}");
                assert!(error.trace("test").contains("java.sql.SQLException: Exception chain:\n"));
            }
        }
        sink.stop().await;
    }
}

#[tokio::test]
async fn a_wrong_password_fails_at_once_and_is_not_shown() {
    let target = Target::postgresql();
    let mut settings = target.settings(&[]);
    settings.insert_secret("connection.password", "hunter2");
    let host = FakeSinkHost::assigning([]);
    let task = JdbcSinkTask::new(SinkSettings::confluent(&settings).unwrap(), host.context());
    let mut sink = Sink { task, host, topic: target.table.clone(), next: 0 };
    let error = sink.put_values(vec![pair(1, "a")]).await.unwrap_err();
    assert!(!matches!(error.class(), Class::Retry { .. }), "{}", error.trace("test"));
    let trace = error.trace("test");
    assert!(trace.contains("password authentication failed"), "{trace}");
    assert!(!trace.contains("hunter2"), "{trace}");
}

#[tokio::test]
async fn a_connection_that_was_killed_is_replaced() {
    let target = Target::postgresql();
    let mut sink = target.start(&[]);
    sink.put_values(vec![pair(1, "a")]).await.unwrap();
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
        AND query LIKE '%COMMIT%'";
    assert_ne!(target.sql(kill), "0");
    let error = sink.put_values(vec![pair(2, "b")]).await.unwrap_err();
    assert!(matches!(error.class(), Class::Retry { .. }), "{}", error.trace("test"));
    sink.put_values(vec![pair(2, "b")]).await.unwrap();
    assert_eq!(target.rows(), ["1|a", "2|b"]);
    sink.stop().await;
}
