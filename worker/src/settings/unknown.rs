//! Settings that nobody knows, and the ones that were probably meant.

use millrace_api::{ConfigDef, Properties};

/// How many letters a name may differ from the one that was meant.
const DISTANCE_MAX: usize = 3;

/// Of this many unknown settings the rest is only counted.
const SHOWN_MAX: usize = 20;

/// What settings of a worker begin with that are for a client, a plugin or the framework, whatever follows.
const PREFIXES: [&str; 13] = [
    "producer.",
    "consumer.",
    "admin.",
    "key.converter.",
    "value.converter.",
    "header.converter.",
    "config.providers.",
    "listeners.https.",
    "metrics.context.",
    "config.storage.",
    "offset.storage.",
    "status.storage.",
    "sasl.",
];

/// Settings of distributed workers and of clients that a standalone worker's file may hold, too.
const CLIENT: [&str; 34] = [
    "client.id",
    "connect.protocol",
    "connections.max.idle.ms",
    "default.api.timeout.ms",
    "exactly.once.source.support",
    "group.id",
    "heartbeat.interval.ms",
    "inter.worker.key.generation.algorithm",
    "inter.worker.key.size",
    "inter.worker.key.ttl.ms",
    "inter.worker.signature.algorithm",
    "inter.worker.verification.algorithms",
    "internal.key.converter",
    "internal.value.converter",
    "metadata.max.age.ms",
    "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy",
    "rebalance.timeout.ms",
    "receive.buffer.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retries",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "scheduled.rebalance.max.delay.ms",
    "security.protocol",
    "security.providers",
    "send.buffer.bytes",
    "session.timeout.ms",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
    "worker.sync.timeout.ms",
    "worker.unsync.backoff.ms",
];

/// What is known: names, and beginnings of names.
pub(crate) struct Known<'a> {
    pub(crate) names: Vec<&'a str>,
    pub(crate) prefixes: &'a [&'a str],
}

/// Returns a sentence for each setting that is not known and looks like one that is, in the order of their names.
///
/// Others may be for a plugin, and pass in silence.
pub(crate) fn warnings(properties: &Properties, known: &Known<'_>) -> Vec<String> {
    let is_known = |name: &str| {
        known.names.contains(&name) || known.prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    let mut found = Vec::new();
    for (name, _) in properties.iter().filter(|(name, _)| !is_known(name)) {
        let nearest = known.names.iter().map(|known| (distance(name, known), *known)).min();
        if let Some((_, meant)) = nearest.filter(|(distance, known)| *distance <= limit(known)) {
            found.push(format!("{name} is not a setting that is known; {meant} was probably meant"));
        }
    }
    if found.len() > SHOWN_MAX {
        let more = found.len() - SHOWN_MAX;
        found.truncate(SHOWN_MAX);
        found.push(format!("{more} more settings are not known"));
    }
    found
}

/// Looks at a worker's settings.
pub(super) fn of_worker(properties: &Properties, definition: &ConfigDef) -> Vec<String> {
    let names = definition.keys().iter().map(|key| key.name.as_ref());
    let names = names.chain(CLIENT).collect();
    warnings(properties, &Known { names, prefixes: &PREFIXES })
}

/// A short name is soon like any other.
fn limit(name: &str) -> usize {
    DISTANCE_MAX.min(name.len() / 4)
}

/// Returns how many letters must be added, removed, replaced or swapped with their neighbour to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > DISTANCE_MAX {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        let known = Known {
            names: vec!["bootstrap.servers", "listeners", "tasks.max", "topics", "file"],
            prefixes: &["producer."],
        };
        let found = warnings(&Properties::from([(name, "x")]), &known);
        let expected: Vec<_> = expected
            .map(|meant| format!("{name} is not a setting that is known; {meant} was probably meant"))
            .into_iter()
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_was_probably_meant_is_named() {
        check("bootstrap.server", Some("bootstrap.servers"));
        check("bootstarp.servers", Some("bootstrap.servers"));
        check("listener", Some("listeners"));
        check("task.max", Some("tasks.max"));
        check("topic", Some("topics"));
    }

    #[test]
    fn what_is_known_or_like_nothing_passes() {
        check("tasks.max", None);
        check("producer.lister", None);
        check("my.own.setting", None);
        check("tile.size", None);
    }

    #[test]
    fn many_are_counted() {
        let known = Known { names: vec!["bootstrap.servers"], prefixes: &[] };
        let many = ('a'..='z').map(|letter| (format!("bootstrap.server{letter}"), "x"));
        let found = warnings(&many.collect(), &known);
        assert_eq!(found.len(), SHOWN_MAX + 1);
        assert_eq!(found[SHOWN_MAX], "5 more settings are not known");
    }
}
