//! Task plans as values: what of them is stored, and whether they change anything.

use std::sync::Arc;

use millrace_api::Properties;

use crate::config::ConfigState;

/// Returns the settings as they are stored: what the connector's own configuration refers to is not revealed.
///
/// A setting of a task is replaced by the connector's when both have the same name and the connector's contains a
/// reference. A connector that renames the setting reveals it, as with Kafka Connect.
pub(crate) fn stored_form(connector_config: &Properties, mut settings: Properties) -> Properties {
    for (name, text) in connector_config.iter() {
        let Some(text) = text else { continue };
        if settings.contains(name) && has_reference(text) {
            settings.insert(name, text);
        }
    }
    settings
}

/// Tells whether a plan, in the form in which it is stored, has to be written.
pub(crate) fn differs(config: &ConfigState, name: &str, plan: &[Arc<Properties>]) -> bool {
    let Some(connector) = config.connector(name) else { return false };
    config.is_inconsistent(name)
        || config.is_uncommitted(name)
        || plan.len() != config.task_count(name)
        || config.applied(name) != Some(&connector.config)
        || !config.tasks(name).map(|(_, settings)| settings).eq(plan.iter())
}

/// Tells whether a text contains `${provider:key}` or `${provider:path:key}`.
fn has_reference(text: &str) -> bool {
    text.match_indices("${").any(|(start, _)| {
        let inside = text[start + 2..].split_once('}').map(|(inside, _)| inside);
        inside.is_some_and(|inside| inside.contains(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigRecord;

    #[track_caller]
    fn check_reference(text: &str, expected: bool) {
        assert_eq!(has_reference(text), expected, "{text}");
    }

    #[test]
    fn references_have_a_provider_and_an_end() {
        check_reference("${file:/etc/s.properties:pw}", true);
        check_reference("jdbc://${env:HOST}/${env:DB}", true);
        check_reference("${a ${env:B}", true);
        check_reference("${x} and ${env:B}", true);
        check_reference("${x}", false);
        check_reference("${x}:y", false);
        check_reference("${env:B", false);
        check_reference("$ {env:B}", false);
        check_reference("", false);
    }

    #[test]
    fn what_was_referred_to_is_not_stored() {
        let config =
            Properties::from([("password", "${file:/etc/s:pw}"), ("table", "a"), ("other", "${env:O}")]);
        let settings = Properties::from([("password", "secret"), ("table", "b"), ("db.password", "secret")]);
        let expected =
            Properties::from([("password", "${file:/etc/s:pw}"), ("table", "b"), ("db.password", "secret")]);
        assert_eq!(stored_form(&config, settings), expected);
    }

    /// Compares a plan with a connector whose tasks were committed under the configuration `applied`.
    #[track_caller]
    fn check_differs(applied: &str, now: &str, stored: &[&str], plan: &[&str], expected: bool) {
        let name: Arc<str> = "a".into();
        let settings = |text: &&str| Arc::new(Properties::from([("v", *text)]));
        let connector = |text| ConfigRecord::Connector { name: name.clone(), config: Some(settings(&text)) };
        let tasks = stored.iter().zip(0..).map(|(text, index)| ConfigRecord::TaskConfig {
            name: name.clone(),
            index,
            settings: settings(text),
        });
        let commit = ConfigRecord::TasksCommitted { name: name.clone(), count: stored.len() as u32 };
        let records = [connector(applied)].into_iter().chain(tasks).chain([commit, connector(now)]);
        let mut config = ConfigState::default();
        for (offset, record) in records.enumerate() {
            config.fold(offset as u64, &record);
        }
        let plan: Vec<_> = plan.iter().map(settings).collect();
        assert_eq!(differs(&config, "a", &plan), expected);
    }

    #[test]
    fn an_equal_plan_changes_nothing() {
        check_differs("x", "x", &["p", "q"], &["p", "q"], false);
        check_differs("x", "x", &[], &[], false);
    }

    #[test]
    fn number_order_and_content_of_tasks_count() {
        check_differs("x", "x", &["p", "q"], &["p"], true);
        check_differs("x", "x", &["p", "q"], &["q", "p"], true);
        check_differs("x", "x", &["p"], &["q"], true);
    }

    #[test]
    fn a_changed_connector_changes_its_tasks() {
        check_differs("x", "y", &["p"], &["p"], true);
    }

    #[test]
    fn a_connector_without_any_commit_differs() {
        let mut config = ConfigState::default();
        let connector = ConfigRecord::Connector { name: "a".into(), config: Some(Arc::default()) };
        config.fold(0, &connector);
        assert!(differs(&config, "a", &[]));
        config.fold(1, &ConfigRecord::TasksCommitted { name: "a".into(), count: 1 });
        assert!(differs(&config, "a", &[Arc::default()]), "inconsistent");
    }
}
