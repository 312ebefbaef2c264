//! What the contract asks of connectors of both kinds: names, settings, and the settings of their tasks.

use super::{FakeConnectorHost, GLANCE, PATIENCE, within};
use crate::{ConfigDef, ConnectorPlugin, PluginInfo, Properties, Result, plugins::RunningConnector};
use std::sync::Arc;

/// A setting no plugin knows: a client override, or one of a later version.
const UNKNOWN: &str = "some.setting.of.somebody.else";

/// A connector plugin as the suites use it.
pub(super) struct Connector {
    pub(super) plugin: ConnectorPlugin,
    pub(super) settings: Properties,
    /// Settings that the connector may add for a task.
    pub(super) task_settings: Vec<&'static str>,
}

impl Connector {
    /// Checks everything that does not need data.
    pub(super) async fn check(&self) {
        check_names(self.plugin.info());
        check_definition(&self.plugin.definition());
        let problems: Vec<_> = self
            .plugin
            .definition()
            .validate(&self.settings)
            .into_iter()
            .flat_map(|value| value.errors)
            .collect();
        assert!(problems.is_empty(), "contract: the fixture's settings are valid: {problems:?}");
        // Wrong settings are reported, however wrong they are; a panic here fails the test.
        self.plugin.definition().validate(&Properties::new());
        for tasks_max in [1, 2, 7] {
            self.check_task_configs(tasks_max).await;
        }
        self.check_watch().await;
    }

    /// Returns the settings of the only task.
    pub(super) async fn task_config(&self) -> Properties {
        let mut configs = self.task_configs(&self.settings, 1).await;
        assert_eq!(configs.len(), 1, "contract: with tasks.max=1 the fixture's settings give one task");
        configs.remove(0)
    }

    async fn check_task_configs(&self, tasks_max: usize) {
        let mut given = self.settings.clone();
        given.insert(UNKNOWN, " kept as it is ");
        given.insert_secret("some.secret", "hunter2");
        given.insert_null("some.null");
        let configs = self.task_configs(&given, tasks_max).await;
        let count = configs.len();
        assert!(count <= tasks_max, "contract: at most tasks.max={tasks_max} tasks, not {count}");
        assert!(count > 0, "contract: the fixture's settings give a task");
        for config in &configs {
            for (name, text) in given.iter() {
                assert!(config.contains(name), "contract: task settings keep {name}");
                assert_eq!(config.get(name), text, "contract: task settings do not change {name}");
            }
            assert!(config.is_secret("some.secret"), "contract: task settings keep the mark of a secret");
            let added = config.iter().map(|(name, _)| name).find(|name| !self.may_hold(&given, name));
            assert_eq!(added, None, "contract: nothing is added to task settings");
        }
        let again = self.task_configs(&given, tasks_max).await;
        assert_eq!(configs, again, "contract: the same settings give the same task settings");
    }

    fn may_hold(&self, given: &Properties, name: &str) -> bool {
        given.contains(name) || self.task_settings.contains(&name)
    }

    async fn check_watch(&self) {
        let mut connector = self.start(&self.settings).await.expect("contract: the connector starts");
        for _ in 0..2 {
            // It waits, returns or fails; what counts is that it can be dropped while it waits and called again.
            let _ = tokio::time::timeout(GLANCE, connector.watch()).await;
        }
        let configs = within(PATIENCE, "task_configs after a dropped watch", connector.task_configs(1)).await;
        configs.expect("contract: a connector whose watch was dropped works");
        stop(connector).await;
    }

    async fn task_configs(&self, settings: &Properties, tasks_max: usize) -> Vec<Properties> {
        let mut connector = self.start(settings).await.expect("contract: the connector starts");
        let configs = within(PATIENCE, "task_configs returns", connector.task_configs(tasks_max)).await;
        stop(connector).await;
        configs.expect("contract: the fixture's settings give task settings")
    }

    async fn start(&self, settings: &Properties) -> Result<Box<dyn RunningConnector>> {
        let context = Arc::<FakeConnectorHost>::default().context(settings);
        let starting = async {
            match &self.plugin {
                ConnectorPlugin::Source(plugin) => plugin.start(settings, context).await,
                ConnectorPlugin::Sink(plugin) => plugin.start(settings, context).await,
            }
        };
        within(PATIENCE, "the connector starts", starting).await
    }
}

async fn stop(connector: Box<dyn RunningConnector>) {
    let stopped = within(PATIENCE, "the connector stops", connector.stop()).await;
    stopped.expect("contract: the connector stops without an error");
}

fn check_names(info: &PluginInfo) {
    let named = |class: &str| !class.is_empty() && !class.contains(char::is_whitespace);
    assert!(named(&info.class), "contract: class {:?} is a class name", info.class);
    assert!(named(&info.task_class), "contract: task class {:?} is a class name", info.task_class);
    assert!(!info.version.is_empty(), "contract: the plugin has a version");
}

fn check_definition(definition: &ConfigDef) {
    for key in definition.keys() {
        let name = &key.name;
        assert!(!key.doc.trim().is_empty(), "contract: setting {name} says what it does");
        let lower = name.chars().all(|char| !char.is_uppercase() && !char.is_whitespace());
        assert!(lower && !name.is_empty(), "contract: setting {name:?} has a name in lower case");
    }
}
