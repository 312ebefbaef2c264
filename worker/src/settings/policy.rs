//! Which client settings a connector may override.

use millrace_api::Properties;

/// The worker's setting that names the policy.
pub const SETTING: &str = "connector.client.config.override.policy";

const ALLOWLIST: &str = "connector.client.config.override.allowlist";
const PACKAGE: &str = "org.apache.kafka.connect.connector.policy.";
const SUFFIX: &str = "ConnectorClientConfigOverridePolicy";
const PRINCIPAL: [&str; 3] = ["sasl.jaas.config", "sasl.mechanism", "security.protocol"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverridePolicy {
    All,
    None,
    /// Only who the client is.
    Principal,
    /// Only these.
    Allowlist(Vec<String>),
}

/// Reads the worker's policy by class name, simple name or short name; the error names the setting.
pub(super) fn of(properties: &Properties) -> Result<OverridePolicy, String> {
    let given = properties.get(SETTING).unwrap_or("All").trim();
    let simple = given.strip_prefix(PACKAGE).unwrap_or(given);
    match simple.strip_suffix(SUFFIX).unwrap_or(simple) {
        "All" => Ok(OverridePolicy::All),
        "None" => Ok(OverridePolicy::None),
        "Principal" => Ok(OverridePolicy::Principal),
        "Allowlist" => {
            let names = properties.get(ALLOWLIST).unwrap_or_default().split(',').map(str::trim);
            Ok(OverridePolicy::Allowlist(names.filter(|name| !name.is_empty()).map(str::to_owned).collect()))
        }
        _ => {
            let known: Vec<_> = ["All", "Allowlist", "None", "Principal"]
                .map(|name| format!("{PACKAGE}{name}{SUFFIX}"))
                .into();
            Err(format!(
                "Invalid value {given} for configuration {SETTING}: Failed to find any class that implements \
                 ConnectorClientConfigOverridePolicy and which name matches {given}, available \
                 ConnectorClientConfigOverridePolicies are: {}",
                known.join(", ")
            ))
        }
    }
}

impl OverridePolicy {
    /// Returns the text that refuses a client setting, in Kafka Connect's words; nothing when it is allowed.
    pub fn refusal(&self, client_setting: &str) -> Option<String> {
        let (policy, allowed) = match self {
            Self::All => ("All", true),
            Self::None => ("None", false),
            Self::Principal => ("Principal", PRINCIPAL.contains(&client_setting)),
            Self::Allowlist(names) => ("Allowlist", names.iter().any(|name| name == client_setting)),
        };
        let text = || {
            format!(
                "The '{policy}' policy does not allow '{client_setting}' to be overridden in the connector configuration."
            )
        };
        (!allowed).then(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: &str, setting: &str, allowed: bool) {
        let properties = Properties::from([(SETTING, policy), (ALLOWLIST, "linger.ms, acks")]);
        let found = of(&properties).map(|policy| policy.refusal(setting).is_none());
        assert_eq!(found, Ok(allowed), "{policy} {setting}");
    }

    #[test]
    fn a_policy_is_found_by_any_of_its_names() {
        check("All", "linger.ms", true);
        check("NoneConnectorClientConfigOverridePolicy", "linger.ms", false);
        check(&format!("{PACKAGE}Principal{SUFFIX}"), "sasl.mechanism", true);
        check("Principal", "linger.ms", false);
        check("Allowlist", "acks", true);
        check("Allowlist", "retries", false);
    }

    #[test]
    fn an_unknown_policy_is_refused_with_the_known_ones() {
        let text = of(&Properties::from([(SETTING, "Some")])).unwrap_err();
        assert!(text.contains("which name matches Some") && text.contains("Principal"), "{text}");
    }

    #[test]
    fn the_refusal_is_that_of_connect() {
        let text = "The 'None' policy does not allow 'compression.type' to be overridden in the connector configuration.";
        assert_eq!(OverridePolicy::None.refusal("compression.type").as_deref(), Some(text));
    }
}
