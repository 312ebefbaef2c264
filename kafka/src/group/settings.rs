//! The settings of a group's member, by their Java names.

use std::time::Duration;

use millrace_api::Properties;

use crate::KafkaError;

/// What a member of a group must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSettings {
    pub(super) servers: Vec<String>,
    pub(super) client_id: String,
    pub(super) group_id: String,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    pub(super) heartbeat_interval: Duration,
    pub(super) request_timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) backoff_min: Duration,
    pub(super) backoff_max: Duration,
}

impl GroupSettings {
    /// Reads the worker's settings; those without a prefix are the group's.
    pub fn of(worker: &Properties) -> Result<Self, KafkaError> {
        let text = |name: &str, default: &str| worker.get(name).unwrap_or(default).trim().to_owned();
        let millis = |name: &str, default: &str| {
            let value = text(name, default).parse::<u32>();
            let value = value.map_err(|_| KafkaError::setting(name, "is not a number of milliseconds"))?;
            Ok::<_, KafkaError>(Duration::from_millis(value.into()))
        };
        // The seam for TLS and SASL is `Connection::open`.
        if !text("security.protocol", "PLAINTEXT").eq_ignore_ascii_case("PLAINTEXT") {
            let reason = "group membership is there for PLAINTEXT only so far";
            return Err(KafkaError::setting("security.protocol", reason));
        }
        let servers = text("bootstrap.servers", "localhost:9092");
        let servers = servers.split(',').map(str::trim).filter(|server| !server.is_empty());
        let without_scheme = |server: &str| server.rsplit("://").next().unwrap_or(server).to_owned();
        let settings = Self {
            servers: servers.map(without_scheme).collect(),
            client_id: text("client.id", ""),
            group_id: text("group.id", ""),
            session_timeout: millis("session.timeout.ms", "10000")?,
            rebalance_timeout: millis("rebalance.timeout.ms", "60000")?,
            heartbeat_interval: millis("heartbeat.interval.ms", "3000")?,
            request_timeout: millis("request.timeout.ms", "40000")?,
            connect_timeout: millis("socket.connection.setup.timeout.ms", "10000")?,
            backoff_min: millis("retry.backoff.ms", "100")?,
            backoff_max: millis("retry.backoff.max.ms", "1000")?,
        };
        if settings.group_id.is_empty() {
            return Err(KafkaError::setting("group.id", "names no group"));
        }
        if settings.servers.is_empty() {
            return Err(KafkaError::setting("bootstrap.servers", "names no server"));
        }
        if settings.heartbeat_interval >= settings.session_timeout {
            let reason = "Heartbeat must be set lower than the session timeout";
            return Err(KafkaError::setting("heartbeat.interval.ms", reason));
        }
        Ok(settings)
    }

    /// Returns how long to wait after so many failures in a row.
    pub(super) fn backoff(&self, failures: u32) -> Duration {
        self.backoff_min.saturating_mul(2_u32.saturating_pow(failures)).min(self.backoff_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(settings: &[(&str, &str)], expected: &str) {
        let mut worker = Properties::from([("group.id", "g"), ("bootstrap.servers", "h:1")]);
        worker.extend(&settings.iter().copied().collect());
        let answer = GroupSettings::of(&worker).map_err(|error| error.to_string());
        assert_eq!(answer.map(|_| ()), Err(expected.to_owned()));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        check_refused(&[("group.id", " ")], "client setting group.id: names no group");
        check_refused(&[("bootstrap.servers", ",")], "client setting bootstrap.servers: names no server");
        check_refused(
            &[("session.timeout.ms", "3000")],
            "client setting heartbeat.interval.ms: Heartbeat must be set lower than the session timeout",
        );
        check_refused(
            &[("session.timeout.ms", "x")],
            "client setting session.timeout.ms: is not a number of milliseconds",
        );
        check_refused(
            &[("security.protocol", "SASL_SSL")],
            "client setting security.protocol: group membership is there for PLAINTEXT only so far",
        );
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let worker = Properties::from([("group.id", "g"), ("bootstrap.servers", "PLAINTEXT://h:1, i:2")]);
        let settings = GroupSettings::of(&worker).expect("these are good");
        assert_eq!(settings.servers, ["h:1", "i:2"]);
        let waits: Vec<_> = (0..6).map(|failures| settings.backoff(failures).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
    }
}
