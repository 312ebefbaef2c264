//! What the Kafka clients of a connector are set to.

use millrace_api::Properties;

/// Prefixes of settings that belong to one kind of client.
const ROLES: [&str; 3] = ["admin.", "producer.", "consumer."];

/// What a client has unless a setting says otherwise.
pub(crate) struct Base<'a> {
    /// The brokers of the worker; for an embedded one its address.
    pub(crate) servers: &'a str,
    pub(crate) client_id: &'a str,
}

/// Returns the settings of a connector's admin client: everything of the worker's that is not for another kind of client,
/// then what is for this one, then the connector's own.
pub(crate) fn admin_settings(base: Base<'_>, worker: &Properties, connector: &Properties) -> Properties {
    let mut settings = worker.clone();
    let foreign: Vec<String> = worker
        .iter()
        .map(|(name, _)| name)
        .filter(|name| ROLES.iter().any(|role| name.starts_with(role)))
        .map(str::to_owned)
        .collect();
    foreign.iter().for_each(|name| settings.remove(name));
    settings.insert("bootstrap.servers", base.servers);
    settings.insert("client.id", base.client_id);
    settings.extend(&worker.with_prefix("admin."));
    settings.extend(&connector.with_prefix("admin.override."));
    settings
}

/// Returns the consumer group of a sink.
pub(crate) fn sink_group(name: &str, worker: &Properties, connector: &Properties) -> String {
    let given = connector.get("consumer.override.group.id").or_else(|| worker.get("consumer.group.id"));
    given.map_or_else(|| format!("connect-{name}"), |group| group.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_client_inherits_what_is_not_for_others() {
        let worker = Properties::from([
            ("bootstrap.servers", "embedded://data"),
            ("security.protocol", "SSL"),
            ("producer.acks", "1"),
            ("consumer.acks", "2"),
            ("admin.retries", "3"),
            ("admin.security.protocol", "PLAINTEXT"),
        ]);
        let connector = Properties::from([("admin.override.retries", "4"), ("file", "f")]);
        let expected = [
            ("bootstrap.servers", "a:1"),
            ("client.id", "c"),
            ("retries", "4"),
            ("security.protocol", "PLAINTEXT"),
        ];
        let base = Base { servers: "a:1", client_id: "c" };
        assert_eq!(admin_settings(base, &worker, &connector), Properties::from(expected));
    }

    #[test]
    fn a_group_may_have_another_name() {
        let none = Properties::new();
        let worker = Properties::from([("consumer.group.id", "w")]);
        let own = Properties::from([("consumer.override.group.id", " c ")]);
        assert_eq!(sink_group("s", &none, &none), "connect-s");
        assert_eq!(sink_group("s", &worker, &none), "w");
        assert_eq!(sink_group("s", &worker, &own), "c");
    }
}
