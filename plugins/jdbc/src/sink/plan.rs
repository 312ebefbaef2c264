//! From a batch of records to runs of rows that one statement writes. Pure.

use super::{
    check::Deletes,
    config::{InsertMode, PkMode},
    error::RowError,
    layout::{Column, ColumnRules, Layout},
    names::TableNames,
};
use millrace_api::{Schema, SinkRecord};
use std::{collections::HashMap, sync::Arc};

/// How many pairs of schemas are remembered for one topic.
///
/// A topic has as many as it has versions in use at a time, and finding the columns again is cheap.
const LAYOUTS_MAX: usize = 32;

/// How many topics are remembered; a subscription by pattern may have thousands.
const TOPICS_MAX: usize = 1024;

/// Records of one table that follow each other and are written by the same statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    /// The table as the settings name it.
    pub table: Arc<str>,
    pub layout: Arc<Layout>,
    pub kind: RunKind,
    /// Places of the records in their batch.
    pub rows: Vec<usize>,
}

/// What happens to the rows of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunKind {
    Write,
    Delete,
}

/// What is to be done with a batch.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// In the order in which they must be written, table by table.
    pub runs: Vec<Run>,
    /// Records that have no row, by their place.
    pub bad: Vec<(usize, RowError)>,
}

/// Cuts batches into runs, and remembers what it found out about schemas.
#[derive(Debug)]
pub(crate) struct Planner {
    rules: ColumnRules,
    names: TableNames,
    deletes: Deletes,
    /// The most rows of a run.
    rows_max: usize,
    topics: HashMap<Arc<str>, Topic>,
}

#[derive(Debug)]
struct Topic {
    table: Result<Arc<str>, RowError>,
    known: Vec<Known>,
}

#[derive(Debug, Clone)]
struct Known {
    key: Option<Arc<Schema>>,
    value: Option<Arc<Schema>>,
    layout: Result<Arc<Layout>, RowError>,
}

impl Planner {
    pub fn new(rules: ColumnRules, names: TableNames, deletes: Deletes, rows_max: usize) -> Self {
        Self { rules, names, deletes, rows_max: rows_max.max(1), topics: HashMap::new() }
    }

    /// Cuts a batch into runs. `bare_name` takes the table's own name out of what the settings say.
    pub fn plan<'a>(
        &mut self,
        records: impl Iterator<Item = &'a SinkRecord>,
        bare_name: &dyn Fn(&str) -> String,
    ) -> Plan {
        let mut plan = Plan::default();
        // The open run of each table: the last of its list.
        let mut tables: Vec<(Arc<str>, Vec<Run>)> = Vec::new();
        for (index, record) in records.enumerate() {
            let (table, layout) = match self.look_up(record, bare_name) {
                Ok(found) => found,
                Err(error) => {
                    plan.bad.push((index, error));
                    continue;
                }
            };
            let kind = self.kind(record);
            let position = tables.iter().position(|(name, _)| *name == table).unwrap_or_else(|| {
                tables.push((table.clone(), Vec::new()));
                tables.len() - 1
            });
            let runs = &mut tables[position].1;
            match runs.last_mut() {
                Some(run) if run.takes(kind, &layout, self.rows_max) => run.rows.push(index),
                _ => runs.push(Run { table, layout, kind, rows: vec![index] }),
            }
        }
        plan.runs = tables.into_iter().flat_map(|(_, runs)| runs).collect();
        plan
    }

    fn kind(&self, record: &SinkRecord) -> RunKind {
        let is_tombstone = record.record.value.value.is_null() && self.deletes == Deletes::Enabled;
        if is_tombstone { RunKind::Delete } else { RunKind::Write }
    }

    fn look_up(
        &mut self,
        record: &SinkRecord,
        bare_name: &dyn Fn(&str) -> String,
    ) -> Result<(Arc<str>, Arc<Layout>), RowError> {
        // A transformation may have renamed the topic.
        let name = record.record.topic.as_ref().unwrap_or(&record.topic);
        if self.topics.len() >= TOPICS_MAX && !self.topics.contains_key(name) {
            self.topics.clear();
        }
        let topic = self
            .topics
            .entry(name.clone())
            .or_insert_with(|| Topic { table: self.names.table_of(name).map(Arc::from), known: Vec::new() });
        let table = topic.table.clone()?;
        // The key's schema counts only where the key becomes columns.
        let key = if self.rules.pk_mode == PkMode::RecordKey { &record.record.key.schema } else { &None };
        let value = &record.record.value.schema;
        // A tombstone has a row of keys alone, whatever its schema says of the value it does not have.
        let value = if record.record.value.value.is_null() { &None } else { value };
        let found = topic.known.iter().position(|known| same(&known.key, key) && same(&known.value, value));
        let layout = match found {
            // Batches come in runs of one schema, so the last one used is looked at first.
            Some(index) => {
                topic.known[..=index].rotate_right(1);
                topic.known[0].layout.clone()
            }
            None => {
                let layout = Layout::of(&self.rules, &bare_name(&table), key.as_ref(), value.as_ref());
                let layout = layout.map(Arc::new);
                topic.known.truncate(LAYOUTS_MAX - 1);
                let known = Known { key: key.clone(), value: value.clone(), layout: layout.clone() };
                topic.known.insert(0, known);
                layout
            }
        };
        Ok((table, layout?))
    }
}

impl Run {
    /// Returns the columns in the order of the statement's parameters.
    pub fn columns(&self, mode: InsertMode) -> Vec<&Column> {
        let (keys, others) = (self.layout.keys.iter(), self.layout.others.iter());
        match (self.kind, mode) {
            (RunKind::Delete, _) => keys.collect(),
            (RunKind::Write, InsertMode::Update) => others.chain(keys).collect(),
            (RunKind::Write, InsertMode::Insert | InsertMode::Upsert) => keys.chain(others).collect(),
        }
    }

    fn takes(&self, kind: RunKind, layout: &Arc<Layout>, rows_max: usize) -> bool {
        self.kind == kind && self.rows.len() < rows_max && Arc::ptr_eq(&self.layout, layout)
    }
}

fn same(one: &Option<Arc<Schema>>, other: &Option<Arc<Schema>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Schema::same(one, other),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
