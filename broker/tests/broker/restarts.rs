//! Producers over restarts, and folders that cannot be used.

use crate::clients::{blocking, consumer, create_topic, produce, producer, read_until, start, start_at};
use millrace_broker::{Broker, BrokerError, Options};
use rdkafka::consumer::Consumer;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotent_producer_goes_on_while_the_broker_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = start(folder.path()).await;
    let address = broker.address();
    create_topic(address, "events", 1).await;
    let producer = producer(address, &[("enable.idempotence", "true"), ("linger.ms", "1")]);
    for round in 0..3 {
        let sending = {
            let producer = producer.clone();
            tokio::spawn(
                async move { produce(&producer, "events", round * 5_000..(round + 1) * 5_000).await },
            )
        };
        broker.stop().await;
        broker = start_at(folder.path(), address).await;
        sending.await.unwrap().unwrap();
    }
    let numbers = blocking(move || {
        let consumer = consumer(address, "events");
        consumer.subscribe(&["events"]).unwrap();
        let mut numbers = Vec::new();
        read_until(&consumer, &mut numbers, |_, numbers| numbers.len() >= 15_000);
        numbers
    })
    .await;
    assert_eq!(numbers, (0..15_000).collect::<Vec<_>>(), "each once, in order");
    broker.stop().await;
}

#[tokio::test]
async fn what_is_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let broker = start(folder.path()).await;
    let again = Broker::start(folder.path(), ([127, 0, 0, 1], 0).into(), Options::default()).await;
    assert!(matches!(again, Err(BrokerError::Locked { .. })));
    let other = tempfile::tempdir().unwrap();
    let taken = Broker::start(other.path(), broker.address(), Options::default()).await.unwrap_err();
    assert!(taken.to_string().contains(&broker.address().to_string()), "{taken}");
    let file = other.path().join("file");
    std::fs::write(&file, "").unwrap();
    let unusable = Broker::start(&file, ([127, 0, 0, 1], 0).into(), Options::default()).await.unwrap_err();
    assert!(unusable.to_string().contains("file"), "{unusable}");
    broker.stop().await;
}

#[tokio::test]
async fn a_stopped_or_dropped_broker_frees_folder_and_address() {
    let folder = tempfile::tempdir().unwrap();
    let broker = start(folder.path()).await;
    let (address, cluster_id) = (broker.address(), broker.cluster_id().to_owned());
    broker.stop().await;
    let broker = start_at(folder.path(), address).await;
    assert_eq!(broker.cluster_id(), cluster_id);
    drop(broker);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match Broker::start(folder.path(), address, Options::default()).await {
            Ok(broker) => break broker.stop().await,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}
