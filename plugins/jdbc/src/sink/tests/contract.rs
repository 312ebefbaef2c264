//! The contract that all sinks keep.

use super::*;
use async_trait::async_trait;
use millrace_api::testing::{SinkFixture, sink_contract};

on_every_database!(keeps_the_contract);

struct Fixture(Target);

#[async_trait]
impl SinkFixture for Fixture {
    fn register(&self, plugins: &mut Plugins) {
        crate::sink::register(plugins);
    }

    fn class(&self) -> &str {
        SINK_CLASSES[0]
    }

    fn settings(&self) -> Properties {
        self.0.settings(&[("table.name.format", &self.0.quoted(&self.0.table))])
    }

    fn value(&self, index: usize) -> Datum {
        pair(index as i64, "text")
    }

    async fn written(&mut self) -> Vec<usize> {
        let lines = self.0.sql("SELECT \"id\" FROM T ORDER BY 1".replace('"', self.0.quote_mark()).as_str());
        lines.lines().map(|line| line.parse().unwrap()).collect()
    }

    fn broken(&self) -> Option<Properties> {
        let mut settings = self.settings();
        settings.insert("table.name.format", "nothing_is_created");
        settings.insert("auto.create", "false");
        settings.insert("connection.url", "jdbc:sqlite:/no/such/folder/db");
        Some(settings)
    }
}

async fn keeps_the_contract(target: Target) {
    sink_contract(Fixture(target)).await;
}
