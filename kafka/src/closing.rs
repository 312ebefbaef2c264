//! Clients that are being closed, off the async threads.
//!
//! Destroying a client of librdkafka waits for its threads, and a consumer's for the answer of its group. Whoever
//! drops one hands it over to a thread, whose handle is kept here until it has ended.

use std::{
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::time::Instant;

/// How often [`all_closed`] looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Threads that close a client. A std mutex: held for a push or a sweep only.
static CLOSING: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Waits until every client that was dropped or closed so far is gone; returns how many were left when
/// `timeout` had passed.
pub async fn all_closed(timeout: Duration) -> usize {
    let deadline = Instant::now() + timeout;
    loop {
        let left = sweep();
        if left == 0 || Instant::now() >= deadline {
            return left;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Keeps the handle of a thread that ends by itself once its client is closed.
pub(crate) fn keep(thread: JoinHandle<()>) {
    sweep();
    CLOSING.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
}

/// Runs `close` on a thread of its own. When there can be none, it runs here and blocks: that is better than
/// leaving a group member behind.
pub(crate) fn run(close: impl FnOnce() + Send + 'static) {
    let place = std::sync::Arc::new(Mutex::new(Some(close)));
    let taken = place.clone();
    let take = move || taken.lock().unwrap_or_else(PoisonError::into_inner).take();
    let started = thread::Builder::new().name("kafka-close".to_owned()).spawn({
        let take = take.clone();
        move || {
            if let Some(close) = take() {
                close();
            }
        }
    });
    match started {
        Ok(thread) => keep(thread),
        Err(error) => {
            tracing::error!(%error, "no thread to close a Kafka client on");
            if let Some(close) = take() {
                close();
            }
        }
    }
    drop(place);
}

/// Joins the threads that have ended; returns how many have not.
fn sweep() -> usize {
    let mut closing = CLOSING.lock().unwrap_or_else(PoisonError::into_inner);
    let (ended, running): (Vec<_>, Vec<_>) = closing.drain(..).partition(JoinHandle::is_finished);
    *closing = running;
    let left = closing.len();
    drop(closing);
    for thread in ended {
        if thread.join().is_err() {
            tracing::error!("closing a Kafka client panicked");
        }
    }
    left
}
