//! What is configured, told from the log alone and more simply than the herder does it.

use std::{collections::BTreeMap, sync::Arc};

use millrace_api::Properties;
use millrace_herder::{ConfigRecord, Target};

use crate::check::{Checked, ensure};

#[derive(Default)]
pub struct Model {
    pub connectors: BTreeMap<Arc<str>, Configured>,
    deferred: BTreeMap<Arc<str>, Vec<Arc<Properties>>>,
    targets: BTreeMap<Arc<str>, Target>,
}

#[derive(Clone)]
pub struct Configured {
    pub config: Arc<Properties>,
    pub tasks: Vec<Arc<Properties>>,
}

impl Model {
    pub fn read(&mut self, record: &ConfigRecord) -> Checked {
        match record {
            ConfigRecord::Connector { name, config: Some(config) } => {
                let tasks = self.connectors.get(name).map(|known| known.tasks.clone()).unwrap_or_default();
                self.connectors.insert(name.clone(), Configured { config: config.clone(), tasks });
            }
            ConfigRecord::Connector { name, config: None } => {
                self.connectors.remove(name);
                self.deferred.remove(name);
            }
            ConfigRecord::TargetState { name, target } => {
                self.targets.insert(name.clone(), target.unwrap_or_default());
            }
            ConfigRecord::TaskConfig { name, index, settings } => {
                ensure(settings.get("secret") != Some(crate::SECRET), || {
                    format!("{name}-{index} reveals a secret")
                })?;
                let set = self.deferred.entry(name.clone()).or_default();
                ensure(set.len() == *index as usize, || format!("{name}-{index} is written out of order"))?;
                set.push(settings.clone());
            }
            ConfigRecord::TasksCommitted { name, count } => {
                let set = self.deferred.remove(name).unwrap_or_default();
                ensure(set.len() == *count as usize, || {
                    format!("{name} commits {count} of {} tasks", set.len())
                })?;
                if let Some(connector) = self.connectors.get_mut(name) {
                    connector.tasks = set;
                }
            }
            ConfigRecord::TasksFenced { .. }
            | ConfigRecord::Restart { .. }
            | ConfigRecord::SessionKey(_)
            | ConfigRecord::LoggerLevel { .. } => {}
        }
        Ok(())
    }

    pub fn target(&self, name: &str) -> Target {
        self.targets.get(name).copied().unwrap_or_default()
    }
}
