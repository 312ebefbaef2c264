//! What the bench found, as it is kept in `results.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::ceiling::Ceiling;
use crate::figures::{Figures, Metric, median};
use crate::machine::Machine;
use crate::side::Side;

/// The newest outcome of every case, by the case's name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Results {
    pub cases: BTreeMap<String, Outcome>,
}

/// What one case gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub title: String,
    pub group: String,
    pub settings: String,
    /// The files in `settings/` that set the programs up.
    pub files: Vec<String>,
    pub machine: Machine,
    /// How long the whole case took.
    pub seconds: f64,
    pub sides: BTreeMap<Side, SideOutcome>,
    pub ceilings: Vec<Ceiling>,
    /// By which part two runs in a row of the same program differed; the larger of the two programs.
    pub noise: BTreeMap<Metric, f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SideOutcome {
    pub runs: Vec<Figures>,
    /// Why a run ended without figures.
    pub failure: Option<String>,
}

// === impl Results ===

impl Results {
    /// Reads the results of earlier runs; none when there is no file yet.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let hint = || format!("reading {}; remove it to begin anew", path.display());
        serde_json::from_str(&text).with_context(hint)
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }

    /// Returns the groups in order, each with its outcomes, default settings first.
    pub fn groups(&self) -> BTreeMap<&str, Vec<&Outcome>> {
        let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        for outcome in self.cases.values() {
            groups.entry(outcome.group.as_str()).or_default().push(outcome);
        }
        for outcomes in groups.values_mut() {
            outcomes.sort_by(|a, b| a.settings.cmp(&b.settings));
        }
        groups
    }
}

// === impl Outcome ===

impl Outcome {
    /// Returns the median over a program's runs.
    pub fn figure(&self, side: Side, metric: Metric) -> Option<f64> {
        let runs = &self.sides.get(&side)?.runs;
        let values: Vec<f64> = runs.iter().filter_map(|figures| figures.get(&metric).copied()).collect();
        median(&values)
    }

    /// Returns what part of its ceiling a program reaches.
    pub fn share(&self, side: Side) -> Option<f64> {
        let ceiling = self.ceilings.first()?.records_per_second;
        Some(self.figure(side, Metric::RecordsPerSecond)? / ceiling)
    }

    /// Returns how many times Java's figure Millrace's is.
    pub fn ratio(&self, metric: Metric) -> Option<f64> {
        let (ours, theirs) = (self.figure(Side::Millrace, metric)?, self.figure(Side::Java, metric)?);
        (theirs != 0.0).then(|| ours / theirs)
    }
}
