#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

/// Translates `given` (name and value alternate) and compares one outcome.
#[track_caller]
fn check(role: Role, given: &[(&str, &str)], name: &str, expected: Option<&str>) {
    let translation = translate(role, &properties(given)).unwrap();
    assert_eq!(translation.get(name), expected, "{name} of {given:?}");
}

#[track_caller]
fn refuses(role: Role, given: &[(&str, &str)], name: &str, reason: &str) {
    let error = translate(role, &properties(given)).unwrap_err().to_string();
    assert_eq!(error, format!("client setting {name}: {reason}"));
}

fn properties(given: &[(&str, &str)]) -> Properties {
    given.iter().copied().collect()
}

use Role::{Admin, Consumer, Producer};

const BOOTSTRAP: (&str, &str) = ("bootstrap.servers", "a:1, b:2 ,");

#[test]
fn a_list_of_servers_loses_its_spaces() {
    check(Admin, &[BOOTSTRAP], "bootstrap.servers", Some("a:1,b:2"));
    refuses(Admin, &[("bootstrap.servers", " ,")], "bootstrap.servers", "no server is named");
}

#[test]
fn defaults_are_those_of_java() {
    for (role, name, value) in [
        (Producer, "acks", "-1"),
        (Producer, "linger.ms", "5"),
        (Producer, "partitioner", "murmur2_random"),
        (Producer, "max.in.flight.requests.per.connection", "5"),
        (Producer, "enable.idempotence", "true"),
        (Producer, "message.max.bytes", "1048576"),
        (Producer, "delivery.timeout.ms", "120000"),
        (Producer, "request.timeout.ms", "30000"),
        (Consumer, "auto.offset.reset", "latest"),
        (Consumer, "isolation.level", "read_uncommitted"),
        (Consumer, "partition.assignment.strategy", "range"),
        (Consumer, "allow.auto.create.topics", "true"),
        (Consumer, "enable.auto.commit", "false"),
        (Consumer, "socket.timeout.ms", "30000"),
        (Admin, "reconnect.backoff.max.ms", "1000"),
        (Admin, "security.protocol", "plaintext"),
    ] {
        check(role, &[BOOTSTRAP], name, Some(value));
    }
    // The size of a batch is a matter of speed: librdkafka's own is better for it.
    check(Producer, &[BOOTSTRAP], "batch.size", None);
}

#[test]
fn the_defaults_of_connectors_are_understood() {
    let given = [
        ("max.block.ms", "9223372036854775807"),
        ("enable.idempotence", "false"),
        ("acks", "all"),
        ("max.in.flight.requests.per.connection", "1"),
        ("delivery.timeout.ms", "2147483647"),
        ("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
    ];
    check(Producer, &given, "delivery.timeout.ms", Some("2147483647"));
    check(Producer, &given, "enable.idempotence", Some("false"));
    check(Producer, &given, "max.in.flight.requests.per.connection", Some("1"));
}

#[test]
fn idempotence_gives_way_or_insists_as_in_java() {
    check(Producer, &[("acks", "1")], "enable.idempotence", Some("false"));
    check(Producer, &[("max.in.flight.requests.per.connection", "6")], "enable.idempotence", Some("false"));
    let both = [("acks", "1"), ("enable.idempotence", "true")];
    refuses(Producer, &both, "enable.idempotence", "needs acks=all");
    let both = [("transactional.id", "t"), ("enable.idempotence", "false")];
    refuses(Producer, &both, "transactional.id", "needs enable.idempotence=true");
    refuses(Producer, &[("acks", "2")], "acks", "not one of all, -1, 0, 1");
}

#[test]
fn values_are_brought_into_range() {
    check(Producer, &[("linger.ms", "999999999")], "linger.ms", Some("900000"));
    check(Producer, &[("batch.size", "0")], "batch.size", Some("1"));
    check(
        Consumer,
        &[("metadata.max.age.ms", "9999999999")],
        "topic.metadata.refresh.interval.ms",
        Some("3600000"),
    );
    check(Consumer, &[("max.poll.interval.ms", "1000")], "max.poll.interval.ms", Some("45000"));
    check(Consumer, &[("fetch.max.bytes", "2147483647")], "receive.message.max.bytes", Some("2147483647"));
    check(Consumer, &[("receive.buffer.bytes", "-1")], "socket.receive.buffer.bytes", Some("0"));
    refuses(Producer, &[("linger.ms", "five")], "linger.ms", "not a whole number");
}

#[test]
fn names_and_forms_differ() {
    check(Consumer, &[("fetch.max.wait.ms", "100")], "fetch.wait.max.ms", Some("100"));
    check(Consumer, &[("auto.offset.reset", "NONE")], "auto.offset.reset", Some("error"));
    check(Consumer, &[("max.partition.fetch.bytes", "5")], "fetch.message.max.bytes", Some("5"));
    check(Producer, &[("compression.type", "zstd")], "compression.codec", Some("zstd"));
    let level =
        [("compression.type", "gzip"), ("compression.gzip.level", "9"), ("compression.zstd.level", "3")];
    check(Producer, &level, "compression.level", Some("9"));
    refuses(
        Consumer,
        &[("auto.offset.reset", "by_duration:PT1H")],
        "auto.offset.reset",
        "a duration is not supported",
    );
}

#[test]
fn assignors_are_known_by_class() {
    const NAME: &str = "partition.assignment.strategy";
    let class = |simple: &str| format!("org.apache.kafka.clients.consumer.{simple}");
    let (range, robin, cooperative) =
        (class("RangeAssignor"), class("RoundRobinAssignor"), class("CooperativeStickyAssignor"));
    check(Consumer, &[(NAME, &cooperative)], NAME, Some("cooperative-sticky"));
    check(Consumer, &[(NAME, &format!("{robin}, {range}"))], NAME, Some("roundrobin,range"));
    check(Consumer, &[(NAME, &format!("{range},{cooperative}"))], NAME, Some("range"));
    refuses(Consumer, &[(NAME, "com.example.Mine")], NAME, CUSTOM_CODE);
    let new = [("group.protocol", "CONSUMER"), ("session.timeout.ms", "1")];
    check(Consumer, &new, NAME, None);
    check(Consumer, &new, "session.timeout.ms", None);
    check(Consumer, &new, "group.protocol", Some("consumer"));
}

#[test]
fn what_has_no_effect_is_reported_once() {
    let given = [
        BOOTSTRAP,
        ("metric.reporters", "x.Y"),
        ("group.id", "not of a producer"),
        ("max.block.ms", "1"),
        ("mine", "1"),
        ("connections.max.idle.ms", "1"),
    ];
    let translation = translate(Producer, &properties(&given)).unwrap();
    assert_eq!(translation.ignored, ["group.id", "metric.reporters", "mine"]);
    let mut null = properties(&[BOOTSTRAP]);
    null.insert_null("acks");
    assert!(translate(Producer, &null).is_err(), "null is no value of acks");
}

#[test]
fn what_would_lose_its_meaning_is_refused() {
    refuses(Producer, &[("partitioner.class", "com.example.Mine")], "partitioner.class", CUSTOM_CODE);
    refuses(Consumer, &[("enable.auto.commit", "true")], "enable.auto.commit", "the worker commits offsets");
    check(Consumer, &[("enable.auto.commit", "False")], "enable.auto.commit", Some("false"));
    let reason = "Java's names of cipher suites cannot be translated";
    refuses(Admin, &[("ssl.cipher.suites", "TLS_X")], "ssl.cipher.suites", reason);
    check(Admin, &[("ssl.cipher.suites", "")], "ssl.cipher.suites", None);
}

const SCRAM: &str =
    r#"org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="hunter2";"#;

#[test]
fn sasl_credentials_come_from_jaas() {
    let given = [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "SCRAM-SHA-256"),
        ("sasl.jaas.config", SCRAM),
    ];
    check(Admin, &given, "sasl.username", Some("u"));
    check(Admin, &given, "sasl.password", Some("hunter2"));
    check(Admin, &given, "sasl.mechanism", Some("SCRAM-SHA-256"));
    // Without SASL the text is not even looked at, as in Java.
    check(Admin, &[("sasl.jaas.config", "x")], "sasl.username", None);
    let reason = "only PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are supported";
    refuses(Admin, &[("security.protocol", "sasl_ssl")], "sasl.mechanism", reason);
}

#[test]
fn secrets_never_show() {
    let given = [
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.jaas.config", SCRAM),
        ("ssl.keystore.key", "hunter2"),
        ("ssl.keystore.certificate.chain", "hunter2"),
    ];
    let shown = format!("{:?}", translate(Admin, &properties(&given)).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    let broken = [given[0], given[1], ("sasl.jaas.config", "m required password=\"hunter2")];
    let shown = translate(Admin, &properties(&broken)).unwrap_err().to_string();
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn tls_takes_pem() {
    let ssl = ("security.protocol", "SSL");
    check(Admin, &[ssl], "ssl.ca.location", Some("probe"));
    check(Admin, &[ssl], "ssl.endpoint.identification.algorithm", Some("https"));
    check(
        Admin,
        &[ssl, ("ssl.endpoint.identification.algorithm", "")],
        "ssl.endpoint.identification.algorithm",
        Some("none"),
    );
    let store = [ssl, ("ssl.truststore.type", "PEM"), ("ssl.truststore.location", "/ca.pem")];
    check(Admin, &store, "ssl.ca.location", Some("/ca.pem"));
    let one_line = "-----BEGIN CERTIFICATE----- AAAA BBBB -----END CERTIFICATE-----";
    let lines = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n";
    check(Admin, &[ssl, ("ssl.truststore.certificates", one_line)], "ssl.ca.pem", Some(lines));
    let key = [ssl, ("ssl.keystore.type", "PEM"), ("ssl.keystore.location", "/k"), ("ssl.key.password", "p")];
    check(Admin, &key, "ssl.key.location", Some("/k"));
    check(Admin, &key, "ssl.certificate.location", Some("/k"));
    check(Admin, &key, "ssl.key.password", Some("p"));
    let reason = "JKS and PKCS12 stores cannot be read yet; convert the store to PEM and set the type to PEM";
    refuses(Admin, &[ssl, ("ssl.truststore.location", "/x.jks")], "ssl.truststore.type", reason);
    refuses(
        Admin,
        &[ssl, ("ssl.keystore.location", "/x"), ("ssl.keystore.type", "PKCS12")],
        "ssl.keystore.type",
        reason,
    );
}

/// librdkafka must know every name and take every value that the table can set.
#[test]
fn librdkafka_takes_every_translation() {
    let producer = [
        BOOTSTRAP,
        ("client.id", "x"),
        ("client.rack", "r"),
        ("client.dns.lookup", "use_all_dns_ips"),
        ("retry.backoff.ms", "100"),
        ("retry.backoff.max.ms", "1000"),
        ("send.buffer.bytes", "131072"),
        ("receive.buffer.bytes", "-1"),
        ("metadata.recovery.strategy", "REBOOTSTRAP"),
        ("metadata.recovery.rebootstrap.trigger.ms", "300000"),
        ("enable.metrics.push", "true"),
        ("batch.size", "16384"),
        ("compression.type", "lz4"),
        ("compression.lz4.level", "9"),
        ("partitioner.ignore.keys", "true"),
        ("delivery.timeout.ms", "2147483647"),
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.jaas.config", SCRAM),
    ];
    let consumer = [
        BOOTSTRAP,
        ("group.id", "g"),
        ("group.instance.id", "i"),
        ("auto.offset.reset", "none"),
        ("fetch.min.bytes", "1"),
        ("fetch.max.wait.ms", "500"),
        ("max.partition.fetch.bytes", "1048576"),
        ("security.protocol", "SSL"),
    ];
    let new_group =
        [BOOTSTRAP, ("group.id", "g"), ("group.protocol", "consumer"), ("group.remote.assignor", "uniform")];
    for (role, given) in [
        (Producer, &producer[..]),
        (Producer, &[BOOTSTRAP]),
        (Consumer, &consumer),
        (Consumer, &new_group),
        (Admin, &[BOOTSTRAP]),
    ] {
        let translation = translate(role, &properties(given)).unwrap();
        let config: rdkafka::ClientConfig = translation.settings.into_iter().collect();
        let created = match role {
            Consumer => config.create::<rdkafka::consumer::BaseConsumer>().map(drop),
            Producer | Admin => config.create::<rdkafka::producer::BaseProducer>().map(drop),
        };
        created.unwrap();
    }
}
