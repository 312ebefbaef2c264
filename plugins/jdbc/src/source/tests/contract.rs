//! What every source must do.

use super::*;
use async_trait::async_trait;
use millrace_api::{
    Plugins,
    testing::{SourceFixture, source_contract},
};
use tokio::runtime::Handle;

/// A table that is fed row by row.
struct Fed {
    place: Place,
    table: String,
}

#[async_trait]
impl SourceFixture for Fed {
    fn register(&self, plugins: &mut Plugins) {
        crate::register(plugins);
    }

    fn class(&self) -> &str {
        crate::CONFLUENT_CLASS
    }

    fn settings(&self) -> Properties {
        let mut given = self.place.settings(&self.table, "incrementing");
        given.insert("incrementing.column.name", "id");
        given
    }

    async fn feed(&mut self, index: usize) {
        let sql = format!("INSERT INTO {} VALUES ({}, 'row {index}')", self.table, index + 1);
        self.place.run(&sql).await;
    }

    fn value(&self, index: usize) -> Value {
        let mapping = super::super::settings::Settings::read(
            &self.settings(),
            super::super::settings::Flavour::Confluent,
        )
        .unwrap()
        .mapping;
        let columns = tokio::task::block_in_place(|| Handle::current().block_on(self.columns()));
        let shape = super::super::schema::Shape::new(Some(&self.table), &columns.into(), &mapping).unwrap();
        let cells =
            [crate::cell::Cell::Integer(index as i64 + 1), crate::cell::Cell::from(format!("row {index}"))];
        Value::Struct(shape.value(&mapping, |column| Ok(cells[column].clone())).unwrap())
    }

    fn task_settings(&self) -> Vec<&'static str> {
        vec![TABLES, TABLES_FETCHED]
    }
}

impl Fed {
    async fn new(mut place: Place) -> Self {
        let table = unique("fed").replace('-', "_");
        place.run(&format!("CREATE TABLE {table} (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(20))")).await;
        Self { place, table }
    }

    async fn columns(&self) -> Vec<crate::connection::Column> {
        let mut connection = connect(&settings(&self.place.url)).await.unwrap();
        let found = connection.query(&format!("SELECT * FROM {}", self.table), &[]).await.unwrap();
        found.columns.to_vec()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_keeps_its_contract_on_postgresql() {
    source_contract(Fed::new(Place::postgresql().await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_keeps_its_contract_on_mariadb() {
    source_contract(Fed::new(Place::mariadb().await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_keeps_its_contract_on_sqlite() {
    source_contract(Fed::new(Place::sqlite().await).await).await;
}
