//! The topics that a predicate matches, looked for again and again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rdkafka::consumer::Consumer as _;
use tokio::{task::JoinHandle, time::Instant};

use super::Client;

/// How long a look at the cluster's topics may take.
const LOOK_WAIT: Duration = Duration::from_secs(30);

/// How soon a look that failed is repeated.
const FAILED_WAIT: Duration = Duration::from_secs(2);

/// How soon a look that found nothing is repeated, when topics are looked for less often: a connector that waits for its
/// first topic should not wait five minutes.
const NOTHING_WAIT: Duration = Duration::from_secs(10);

/// Topics that Kafka itself writes. Java's client learns from the broker that they are internal.
const INTERNAL: [&str; 4] =
    ["__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"];

/// Keeps a consumer subscribed to the topics that match.
pub(super) struct Watch {
    matches: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    interval: Duration,
    subscribed: BTreeSet<String>,
    due: Instant,
    /// A look that is under way. It stands here, so that nothing is lost when a wait is cancelled.
    look: Option<JoinHandle<Option<BTreeSet<String>>>>,
}

impl Watch {
    pub(super) fn new(matches: Arc<dyn Fn(&str) -> bool + Send + Sync>, interval: Duration) -> Self {
        Self { matches, interval, subscribed: BTreeSet::new(), due: Instant::now(), look: None }
    }

    /// Waits until the next look is due, looks, and subscribes to what was found. Cancel safe.
    pub(super) async fn refreshed(&mut self, client: &Arc<Client>) {
        if self.look.is_none() {
            tokio::time::sleep_until(self.due).await;
            let (client, matches, known) = (client.clone(), self.matches.clone(), self.subscribed.clone());
            self.look = Some(tokio::task::spawn_blocking(move || look(&client, &*matches, known)));
        }
        let Some(look) = &mut self.look else { return };
        let found = look.await.ok().flatten();
        self.look = None;
        let wait = match found {
            Some(topics) => {
                self.subscribed = topics;
                if self.subscribed.is_empty() { self.interval.min(NOTHING_WAIT) } else { self.interval }
            }
            None => FAILED_WAIT,
        };
        self.due = Instant::now() + wait;
    }
}

/// Looks at the cluster's topics, and subscribes when those that match are not the known ones. Blocks.
fn look(
    client: &Client,
    matches: &(dyn Fn(&str) -> bool + Send + Sync),
    known: BTreeSet<String>,
) -> Option<BTreeSet<String>> {
    let metadata = match client.fetch_metadata(None, LOOK_WAIT) {
        Ok(metadata) => metadata,
        Err(error) => {
            tracing::debug!(%error, "looking for topics to read");
            return None;
        }
    };
    let names = metadata.topics().iter().map(|topic| topic.name());
    let found: BTreeSet<String> =
        names.filter(|name| !INTERNAL.contains(name) && matches(name)).map(str::to_owned).collect();
    if found == known {
        return Some(found);
    }
    if found.is_empty() {
        client.unsubscribe();
        return Some(found);
    }
    let names: Vec<_> = found.iter().map(String::as_str).collect();
    match client.subscribe(&names) {
        Ok(()) => Some(found),
        Err(error) => {
            tracing::warn!(%error, "subscribing to topics that match");
            None
        }
    }
}
