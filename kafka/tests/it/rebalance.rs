//! Members that come and go.

use std::{collections::BTreeSet, time::Duration};

use millrace_kafka::{Consumer, Polled};

use crate::broker::{Kafka, LIMITS, SOON, join, unique, within};

/// Answers rebalances of two members until both have settled on these numbers of partitions.
async fn settle(members: &mut [Consumer], counts: &[usize]) {
    let settled = async {
        let now =
            |members: &[Consumer]| members.iter().map(|member| member.assignment().len()).collect::<Vec<_>>();
        while now(members) != counts {
            for member in members.iter_mut() {
                let step = tokio::time::timeout(Duration::from_millis(20), member.next(LIMITS)).await;
                match step.map(Result::unwrap) {
                    Ok(Polled::Assigned(partitions)) => member.take(&partitions).await.unwrap(),
                    Ok(Polled::Revoked(partitions)) => member.give_up(&partitions).await.unwrap(),
                    Ok(Polled::Lost(partitions)) => panic!("lost {partitions:?}"),
                    Ok(Polled::Messages(_)) | Err(_) => {}
                }
            }
        }
    };
    within("the group settles", settled).await;
}

async fn members_share(strategy: &str) {
    let kafka = Kafka::any().await;
    let (topic, group) = (kafka.topic(4).await, unique("group"));
    let settings = [("partition.assignment.strategy", strategy), ("heartbeat.interval.ms", "100")];
    let mut members = vec![kafka.consumer(&group, &topic, &settings)];
    settle(&mut members, &[4]).await;
    members.push(kafka.consumer(&group, &topic, &settings));
    settle(&mut members, &[2, 2]).await;
    let all: BTreeSet<_> = members.iter().flat_map(Consumer::assignment).collect();
    assert_eq!(all.len(), 4, "no partition twice");
    members.pop().unwrap().close(SOON).await.unwrap();
    settle(&mut members, &[4]).await;
}

#[tokio::test]
async fn members_share_eagerly() {
    members_share("org.apache.kafka.clients.consumer.RangeAssignor").await;
}

#[tokio::test]
async fn members_share_cooperatively() {
    members_share("org.apache.kafka.clients.consumer.CooperativeStickyAssignor").await;
}

#[tokio::test]
async fn a_rebalance_waits_for_the_task() {
    let kafka = Kafka::any().await;
    let (topic, group) = (kafka.topic(2).await, unique("group"));
    kafka.write(&topic, 0, (0..10).map(|number| number.to_string())).await;
    let settings = [("heartbeat.interval.ms", "100")];
    let mut first = kafka.consumer(&group, &topic, &settings);
    join(&mut first).await;
    let mut second = kafka.consumer(&group, &topic, &settings);
    // The second member joins only when it is polled for the first time, or before: either way it waits for the first.
    let revoked = loop {
        let polled = within("the first is asked", async {
            tokio::select! {
                polled = first.next(LIMITS) => polled.unwrap(),
                polled = second.next(LIMITS) => panic!("the second went ahead: {polled:?}"),
            }
        });
        if let Polled::Revoked(partitions) = polled.await {
            break partitions;
        }
    };
    assert_eq!(revoked.len(), 2);
    // Nothing but the answer moves the group on, and committing is still possible.
    let waits = tokio::time::timeout(Duration::from_millis(500), second.next(LIMITS)).await;
    assert!(waits.is_err(), "{waits:?}");
    let offsets = [(revoked[0].clone(), millrace_api::TopicOffset::at(5))].into();
    first.commit(&offsets, SOON).await.unwrap();
    first.give_up(&revoked).await.unwrap();
    let mut members = [first, second];
    settle(&mut members, &[1, 1]).await;
    let owner = members.iter_mut().find(|member| member.assignment().contains(&revoked[0])).unwrap();
    let position = owner.position(&revoked[..1], SOON).await.unwrap();
    assert_eq!(position[&revoked[0]], 5);
}

#[tokio::test]
async fn a_member_that_was_silent_too_long_has_lost_its_partitions() {
    let kafka = Kafka::own().await;
    let topic = kafka.topic(2).await;
    let settings =
        [("session.timeout.ms", "1000"), ("heartbeat.interval.ms", "100"), ("max.poll.interval.ms", "1000")];
    let mut member = kafka.consumer(&unique("group"), &topic, &settings);
    join(&mut member).await;
    // The one wait of these tests that is about time itself.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    match within("losing", member.next(LIMITS)).await.unwrap() {
        Polled::Lost(partitions) => {
            assert_eq!(partitions.len(), 2);
            member.give_up(&partitions).await.unwrap();
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(join(&mut member).await, 2, "and it gets them again");
}

#[tokio::test]
async fn a_member_may_go_without_having_answered() {
    let kafka = Kafka::any().await;
    let (topic, group) = (kafka.topic(2).await, unique("group"));
    for strategy in ["RangeAssignor", "CooperativeStickyAssignor"] {
        let strategy = format!("org.apache.kafka.clients.consumer.{strategy}");
        let settings = [("partition.assignment.strategy", strategy.as_str())];
        let mut member = kafka.consumer(&group, &topic, &settings);
        let offered = within("joining", member.next(LIMITS)).await.unwrap();
        assert!(matches!(&offered, Polled::Assigned(partitions) if partitions.len() == 2), "{offered:?}");
        within("closing", member.close(SOON)).await.unwrap();

        let mut member = kafka.consumer(&group, &topic, &settings);
        join(&mut member).await;
        let begun = std::time::Instant::now();
        drop(member);
        assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
        // It left the group: the next member need not wait for its session to end.
        let mut next = kafka.consumer(&group, &topic, &settings);
        assert_eq!(join(&mut next).await, 2);
        assert!(begun.elapsed() < SOON / 2, "{:?}", begun.elapsed());
        next.close(SOON).await.unwrap();
    }
}

#[tokio::test]
async fn a_member_whose_owner_hangs_can_be_taken_out_of_its_group() {
    let kafka = Kafka::any().await;
    let (topic, group) = (kafka.topic(2).await, unique("group"));
    for answered in [true, false] {
        let mut hanging = kafka.consumer(&group, &topic, &[]);
        if answered {
            join(&mut hanging).await;
        } else {
            let offered = within("joining", hanging.next(LIMITS)).await.unwrap();
            assert!(matches!(offered, Polled::Assigned(_)), "{offered:?}");
        }
        let begun = std::time::Instant::now();
        hanging.departure().leave();
        // Its owner does nothing more: the group waits for nobody.
        let mut next = kafka.consumer(&group, &topic, &[]);
        assert_eq!(join(&mut next).await, 2);
        assert!(begun.elapsed() < SOON / 2, "{:?}", begun.elapsed());
        next.close(SOON).await.unwrap();
        drop(hanging);
    }
}
