//! Records in and out.

use crate::clients::{
    PATIENCE, admin, blocking, config, consumer, create_topic, produce, producer, read_until, start,
};
use millrace_broker::{Broker, Fsync, Options};
use rdkafka::admin::{AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::FutureRecord;
use rdkafka::{Offset, TopicPartitionList};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_codec_comes_back_as_it_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let broker = start(folder.path()).await;
    let address = broker.address();
    create_topic(address, "codecs", 1).await;
    for (at, codec) in ["none", "gzip", "snappy", "lz4", "zstd"].iter().enumerate() {
        let producer = producer(address, &[("compression.codec", codec), ("linger.ms", "20")]);
        produce(&producer, "codecs", at * 100..(at + 1) * 100).await.unwrap();
    }
    let numbers = blocking(move || {
        let consumer = consumer(address, "codecs");
        consumer.subscribe(&["codecs"]).unwrap();
        let mut numbers = Vec::new();
        read_until(&consumer, &mut numbers, |_, numbers| numbers.len() >= 500);
        numbers
    })
    .await;
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_forces_every_write_to_the_disk_serves_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { fsync: Fsync::EveryWrite, ..Options::default() };
    let broker = Broker::start(folder.path(), ([127, 0, 0, 1], 0).into(), options).await.unwrap();
    let address = broker.address();
    create_topic(address, "safe", 1).await;
    produce(&producer(address, &[]), "safe", 0..100).await.unwrap();
    let committed = blocking(move || {
        let consumer = consumer(address, "safe");
        consumer.subscribe(&["safe"]).unwrap();
        read_until(&consumer, &mut Vec::new(), |_, numbers| numbers.len() >= 100);
        consumer.commit_consumer_state(CommitMode::Sync).unwrap();
        consumer.committed(PATIENCE).unwrap().find_partition("safe", 0).unwrap().offset()
    })
    .await;
    assert_eq!(committed, Offset::Offset(100));
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_without_key_is_refused_on_a_compacted_topic() {
    let folder = tempfile::tempdir().unwrap();
    let broker = start(folder.path()).await;
    let topic = NewTopic::new("compacted", 1, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
    admin(broker.address()).create_topics(&[topic], &AdminOptions::new()).await.unwrap();
    let producer = producer(broker.address(), &[]);
    let keyless = FutureRecord::<(), _>::to("compacted").payload("x");
    let (error, _) = producer.send(keyless, PATIENCE).await.unwrap_err();
    assert!(error.to_string().contains("InvalidRecord"), "{error}");
    producer.send(FutureRecord::to("compacted").key("k").payload("x"), PATIENCE).await.unwrap();
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_are_made_widened_described_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let broker = start(folder.path()).await;
    let (admin, options) = (admin(broker.address()), AdminOptions::new());
    let topic = NewTopic::new("orders", 2, TopicReplication::Fixed(1)).set("retention.ms", "1234");
    admin.create_topics(&[topic], &options).await.unwrap();
    let widened = admin.create_partitions(&[NewPartitions::new("orders", 5)], &options).await.unwrap();
    assert_eq!(widened, [Ok("orders".to_owned())]);
    let described = admin.describe_configs(&[ResourceSpecifier::Topic("orders")], &options).await.unwrap();
    let configs = described.into_iter().next().unwrap().unwrap();
    assert_eq!(configs.get("retention.ms").unwrap().value.as_deref(), Some("1234"));
    let deleted = admin.delete_topics(&["orders", "nowhere"], &options).await.unwrap();
    assert_eq!(deleted[0], Ok("orders".to_owned()));
    assert!(deleted[1].is_err());
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn producing_to_an_unknown_topic_creates_it_and_times_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let broker = start(folder.path()).await;
    let address = broker.address();
    let producer = producer(address, &[("linger.ms", "100"), ("compression.codec", "gzip")]);
    let mut sent = Vec::new();
    for at in 0..50 {
        let record = FutureRecord::to("automatic").key("k").payload("v").timestamp(1_000 + at * 10);
        sent.push(producer.send_result(record).unwrap());
    }
    for delivery in sent {
        delivery.await.unwrap().unwrap();
    }
    let (low, high, at_time) = blocking(move || {
        let consumer: BaseConsumer = config(address).set("group.id", "times").create().unwrap();
        let (low, high) = consumer.fetch_watermarks("automatic", 0, PATIENCE).unwrap();
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_offset("automatic", 0, Offset::Offset(1_241)).unwrap();
        let found = consumer.offsets_for_times(wanted, PATIENCE).unwrap();
        (low, high, found.find_partition("automatic", 0).unwrap().offset())
    })
    .await;
    assert_eq!((low, high, at_time), (0, 50, Offset::Offset(25)));
    broker.stop().await;
}
