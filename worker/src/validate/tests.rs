#![allow(clippy::unwrap_used)]

use super::*;
use crate::fake_plugins::plugins;

const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";

fn worker(settings: &[(&str, &str)]) -> WorkerConfig {
    let mut properties = Properties::from([
        ("key.converter", STRING),
        ("value.converter", STRING),
        ("offset.storage.file.filename", "/tmp/o"),
    ]);
    settings.iter().for_each(|(name, text)| properties.insert(*name, *text));
    WorkerConfig::parse(properties, &plugins()).unwrap()
}

fn source(settings: &[(&str, &str)]) -> Properties {
    let mut config = Properties::from([("name", "x"), ("connector.class", "LinesSource"), ("topic", "t")]);
    settings.iter().for_each(|(name, text)| config.insert(*name, *text));
    config
}

fn sink(settings: &[(&str, &str)]) -> Properties {
    let mut config = Properties::from([("name", "x"), ("connector.class", "LinesSink")]);
    settings.iter().for_each(|(name, text)| config.insert(*name, *text));
    config
}

async fn found(config: &Properties) -> ConfigInfos {
    validate(&plugins(), &worker(&[]), config).await.unwrap()
}

/// `expected` is one line for each error: the setting, a blank, the text.
async fn check(config: Properties, expected: &[&str]) {
    let infos = found(&config).await;
    let errors: Vec<_> = infos
        .configs
        .iter()
        .flat_map(|info| info.value.errors.iter().map(|error| format!("{} {error}", info.value.name)))
        .collect();
    assert_eq!(errors, expected);
}

#[tokio::test]
async fn a_good_configuration_has_no_errors() {
    check(source(&[]), &[]).await;
    check(
        source(&[
            ("transforms", "a"),
            ("transforms.a.type", "org.example.Stamp$Value"),
            ("transforms.a.field", "f"),
        ]),
        &[],
    )
    .await;
    check(sink(&[("topics", "a,b"), ("consumer.override.max.poll.records", "5")]), &[]).await;
    assert_eq!(found(&source(&[])).await.refusal(), None);
}

#[tokio::test]
async fn values_are_held_against_the_definitions() {
    check(
        source(&[("tasks.max", "abc"), ("config.action.reload", "maybe"), ("batch.size", "many")]),
        &[
            "tasks.max Invalid value abc for configuration tasks.max: Not a number of type INT",
            "tasks.max Invalid value null for configuration tasks.max: Value must be non-null",
            "config.action.reload Invalid value maybe for configuration config.action.reload: String must be one of: none, restart",
            "batch.size Invalid value many for configuration batch.size: Not a number of type INT",
        ],
    )
    .await;
    check(source(&[("name", " ")]), &["name Invalid value  for configuration name: String may not be empty"])
        .await;
    check(
        source(&[("name", "a\r\nb")]),
        &["name Invalid value a\r\nb for configuration name: String may not contain control sequences but had the following ASCII chars: 13, 10"],
    )
    .await;
    check(
        source(&[("exactly.once.support", "x"), ("transaction.boundary", "y")]),
        &[
            "exactly.once.support Invalid value x for configuration exactly.once.support: String must be one of (case insensitive): REQUIRED, REQUESTED",
            "exactly.once.support Invalid value x for configuration exactly.once.support: exactly-once delivery is not supported by Millrace yet",
            "transaction.boundary Invalid value y for configuration transaction.boundary: String must be one of (case insensitive): INTERVAL, POLL, CONNECTOR",
        ],
    )
    .await;
}

#[tokio::test]
async fn transforms_and_predicates_bring_their_settings() {
    check(
        source(&[
            ("transforms", "a,b"),
            ("transforms.a.type", "org.example.Stamp$Value"),
            ("transforms.a.negate", "true"),
            ("transforms.b.type", "Nope"),
            ("predicates", "p"),
        ]),
        &[
            "transforms.a.type Config 'transforms.a.negate' was provided but there is no config 'transforms.a.predicate' defining a predicate to be negated.",
            "transforms.a.field Missing required configuration \"transforms.a.field\" which has no default value.",
            "transforms.b.type Invalid value Nope for configuration transforms.b.type: Class Nope could not be found.",
            "predicates.p.type Missing required configuration \"predicates.p.type\" which has no default value.",
        ],
    )
    .await;
    check(
        source(&[
            ("transforms", "a,a"),
            ("transforms.a.type", "org.example.Stamp$Value"),
            ("transforms.a.field", "f"),
        ]),
        &["transforms Invalid value [a, a] for configuration transforms: Duplicate alias provided."],
    )
    .await;
}

#[tokio::test]
async fn a_sink_needs_topics() {
    let text = "Must configure one of topics or topics.regex";
    check(sink(&[]), &[&format!("topics {text}"), &format!("topics.regex {text}")]).await;
    let text = "topics and topics.regex are mutually exclusive options, but both are set.";
    check(
        sink(&[("topics", "a"), ("topics.regex", "b")]),
        &[&format!("topics {text}"), &format!("topics.regex {text}")],
    )
    .await;
    let invalid = found(&sink(&[("topics.regex", "a(")])).await;
    assert!(
        invalid
            .refusal()
            .unwrap()
            .contains("Invalid value a( for configuration topics.regex: Invalid regex: ")
    );
}

#[tokio::test]
async fn groups_of_topics_are_checked_before_anything_starts() {
    check(
        source(&[("topic.creation.default.partitions", "0")]),
        &[
            "topic.creation.default.replication.factor Missing required configuration \"topic.creation.default.replication.factor\" which has no default value.",
            "topic.creation.default.partitions Invalid value 0 for configuration topic.creation.default.partitions: Number of partitions must be positive, or -1 to use the broker's default",
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_not_built_yet_is_an_error_of_its_setting() {
    check(
        source(&[("exactly.once.support", "required")]),
        &[
            "exactly.once.support Invalid value required for configuration exactly.once.support: exactly-once delivery is not supported by Millrace yet",
        ],
    )
    .await;
    check(
        source(&[
            ("errors.tolerance", "all"),
            ("errors.retry.timeout", " -1 "),
            ("exactly.once.support", "requested"),
        ]),
        &[],
    )
    .await;
    check(
        sink(&[("topics", "a"), ("errors.deadletterqueue.topic.name", "a")]),
        &[
            "topics The DLQ topic 'a' may not be included in the list of topics ('topics=[a]') consumed by the connector",
        ],
    )
    .await;
    let replication = "errors.deadletterqueue.topic.replication.factor";
    check(
        source(&[("errors.deadletterqueue.topic.name", "dead"), (replication, "many")]),
        &["errors.deadletterqueue.topic.replication.factor Invalid value many for configuration errors.deadletterqueue.topic.replication.factor: it is not a number in range"],
    )
    .await;
}

#[tokio::test]
async fn nulls_overrides_and_converters_are_looked_at() {
    let mut config = source(&[
        ("producer.override.acks", "some"),
        ("key.converter", "StringConverter"),
        ("value.converter", "Nope"),
        ("connector.plugin.version", "[9,9]"),
    ]);
    config.insert_null("unknown");
    check(
        config,
        &[
            "unknown Null value can not be supplied as the configuration value.",
            "connector.plugin.version Plugin LinesSource not found that matches the version range [9,9], available versions: [4.1.1]",
            "value.converter Invalid value Nope for configuration value.converter: Class Nope could not be found.",
            "producer.override.acks Invalid configuration producer.override.acks: not one of all, -1, 0, 1",
        ],
    )
    .await;
    let strict = worker(&[("connector.client.config.override.policy", "None")]);
    let infos =
        validate(&plugins(), &strict, &source(&[("producer.override.linger.ms", "1")])).await.unwrap();
    let text =
        "The 'None' policy does not allow 'linger.ms' to be overridden in the connector configuration.";
    assert_eq!(infos.configs.last().unwrap().value.errors, [text]);
}

#[tokio::test]
async fn the_connector_has_a_word() {
    check(source(&[("file", "bad")]), &["file this file is bad"]).await;
    let outcome = validate(&plugins(), &worker(&[]), &source(&[("file", "panics")])).await;
    let text = "An unexpected error occurred during validation: validation went wrong";
    assert_eq!(outcome.unwrap_err().to_string(), text);
    // Kafka Connect asks for boundaries in distributed mode only.
    check(source(&[("transaction.boundary", "connector")]), &[]).await;
}

#[tokio::test]
async fn a_hook_that_hangs_times_out() {
    let plugin = plugins().connector("LinesSource").unwrap();
    let outcome = ask(&plugin, &source(&[("file", "hangs")]), Duration::from_millis(20)).await;
    let text =
        "Request timed out. The worker is currently performing multi-property validation for the connector";
    assert_eq!(outcome.unwrap_err().to_string(), text);
}

#[tokio::test]
async fn without_a_class_there_is_nothing_to_validate() {
    let validated = async |config| validate(&plugins(), &worker(&[]), &config).await.unwrap_err().to_string();
    let mut config = Properties::from([("b", "1")]);
    config.insert_null("a");
    assert_eq!(validated(config).await, "Connector config {a=null, b=1} contains no connector type");
    assert_eq!(
        validated(Properties::from([("connector.class", "Nope")])).await,
        "Failed to find any class that implements Connector and which name matches Nope, available connectors are: \
         org.example.LinesSinkConnector, org.example.LinesSourceConnector"
    );
}

#[tokio::test]
async fn the_refusal_lists_every_error() {
    assert_eq!(
        found(&sink(&[])).await.refusal().unwrap(),
        "Connector configuration is invalid and contains the following 2 error(s):\n\
         Must configure one of topics or topics.regex\n\
         Must configure one of topics or topics.regex\n\
         You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
    );
}

/// The order of Kafka Connect 4.1.1, with the settings of a transformation and of the connector.
#[tokio::test]
async fn settings_and_groups_come_in_connects_order() {
    let infos = found(&source(&[
        ("transforms", "a"),
        ("transforms.a.type", "org.example.Stamp$Value"),
        ("predicates", "p"),
        ("predicates.p.type", "IsOdd"),
    ]))
    .await;
    let names: Vec<_> = infos.configs.iter().map(|info| info.value.name.to_string()).collect();
    let expected = "name connector.class connector.plugin.version tasks.max tasks.max.enforce key.converter \
        key.converter.plugin.version value.converter value.converter.plugin.version header.converter \
        header.converter.plugin.version transforms predicates config.action.reload errors.retry.timeout \
        errors.retry.delay.max.ms errors.tolerance errors.log.enable errors.log.include.messages topic.creation.groups \
        exactly.once.support transaction.boundary transaction.boundary.interval.ms offsets.storage.topic \
        transforms.a.type transforms.a.plugin.version transforms.a.field transforms.a.negate transforms.a.predicate \
        predicates.p.type predicates.p.plugin.version file topic batch.size";
    assert_eq!(names.join(" "), expected);
    let groups: Vec<_> = infos.groups.iter().map(|group| group.as_ref()).collect();
    let expected = [
        "Common",
        "Transforms",
        "Predicates",
        "Error Handling",
        "Topic Creation",
        "Exactly Once Support",
        "offsets.topic",
        "Transforms: a",
        "Predicates: p",
    ];
    assert_eq!(groups, expected);
}
