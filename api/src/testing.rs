//! What every plugin's tests need: a contract that all plugins keep, and stand-ins for the worker.
//!
//! A plugin runs [`source_contract`] or [`sink_contract`] with a small fixture that knows how to feed the plugin
//! and how to see what it did. The stand-ins ([`FakeSourceHost`], [`FakeSinkHost`], [`FakeConnectorHost`]) serve
//! tests of its own. `docs/plugins.md` shows both.
//!
//! Everything here panics when the plugin is at fault, with a message that names the rule: it is for tests.

mod connector;
mod hosts;
mod sink;
mod source;

pub use hosts::{FakeConnectorHost, FakeSinkHost, FakeSourceHost};
pub use sink::{SinkFixture, sink_contract};
pub use source::{SourceFixture, source_contract};

use std::{future::Future, time::Duration};

/// How long anything may take that a plugin is asked to do: generous for a busy machine, and still an end.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long to look at something that waits before it counts as waiting.
const GLANCE: Duration = Duration::from_millis(50);

/// Waits until a condition holds, looking again and again.
///
/// # Panics
/// When it does not hold at the deadline.
pub async fn eventually(deadline: Duration, mut condition: impl FnMut() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(deadline, "a condition holds", holds).await;
}

/// Awaits something that must not take longer.
async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(output) => output,
        Err(_) => panic!("contract: {what} within {limit:?}"),
    }
}
