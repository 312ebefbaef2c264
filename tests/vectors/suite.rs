//! Runs one file of vectors and counts every case.

use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// What became of one case.
pub enum Verdict {
    /// It holds.
    Held,
    /// It does not, for this reason.
    Failed(String),
    /// There is nothing to run it on.
    NotBuilt,
}

impl Verdict {
    /// Holds what was found against what was expected.
    pub fn of(found: &Json, expected: &Json) -> Self {
        if found == expected {
            return Self::Held;
        }
        Self::Failed(format!("\n    found    {found}\n    expected {expected}"))
    }
}

/// One file of vectors.
pub struct Suite {
    pub name: &'static str,
    pub text: &'static str,
    /// The member that names what is tested.
    pub subject: &'static str,
    /// Subjects that are not built yet.
    pub not_built: &'static [&'static str],
    /// Cases that are known to differ, with the reason.
    pub different: &'static [(&'static str, &'static str)],
    pub run: Box<dyn Fn(&Json) -> Verdict>,
}

/// What was counted.
#[derive(Default)]
pub struct Count {
    pub held: usize,
    pub different: usize,
    pub not_built: BTreeMap<String, usize>,
    pub problems: Vec<String>,
}

impl Count {
    /// Returns how many cases say nothing about what is built.
    pub fn ignored(&self) -> usize {
        self.different + self.not_built.values().sum::<usize>()
    }
}

impl Suite {
    /// Runs the cases whose names contain `part`, prints what was found.
    pub fn run(&self, part: Option<&str>) -> Count {
        let vectors: Vec<Json> = serde_json::from_str(self.text).unwrap();
        let selected = vectors.iter().filter(|vector| part.is_none_or(|part| name(vector).contains(part)));
        let selected: Vec<_> = selected.collect();
        let mut count = Count::default();
        selected.iter().for_each(|vector| self.count(vector, &mut count));
        if part.is_none() {
            self.check_lists(&vectors, &mut count);
        }
        let (held, different) = (count.held, count.different);
        let not_built = count.ignored() - different;
        println!(
            "{}: {} cases, {held} hold, {different} differ as known, {not_built} not built yet, {} problems",
            self.name,
            selected.len(),
            count.problems.len()
        );
        for (subject, cases) in &count.not_built {
            println!("  not built yet: {cases:>4}  {subject}");
        }
        count.problems.iter().for_each(|problem| println!("  {problem}"));
        count
    }

    fn count(&self, vector: &Json, count: &mut Count) {
        let name = name(vector);
        let known = self.different.iter().find(|(different, _)| *different == name);
        match ((self.run)(vector), known) {
            (Verdict::NotBuilt, _) => {
                *count.not_built.entry(self.subject_of(vector).to_string()).or_default() += 1;
            }
            (Verdict::Held, None) => count.held += 1,
            (Verdict::Held, Some(_)) => count.problems.push(format!("{name}: holds now, no longer differs")),
            (Verdict::Failed(_), Some(_)) => count.different += 1,
            // A result that nobody has confirmed is a hint.
            (Verdict::Failed(reason), None) if vector["certain"] == false => {
                println!("  hint: {name}: {reason}");
                count.different += 1;
            }
            (Verdict::Failed(reason), None) => count.problems.push(format!("{name}: {reason}")),
        }
    }

    /// Holds the list of what is not built against what was found, so that nothing new goes untested.
    fn check_lists(&self, vectors: &[Json], count: &mut Count) {
        let listed: BTreeSet<_> = self.not_built.iter().copied().collect();
        let found: BTreeSet<_> = count.not_built.keys().map(String::as_str).collect();
        if listed != found {
            count.problems.push(format!("not built yet is {found:#?}, the list says {listed:#?}"));
        }
        for (different, _) in self.different {
            if !vectors.iter().any(|vector| name(vector) == *different) {
                count.problems.push(format!("{different}: no such case"));
            }
        }
    }

    fn subject_of<'a>(&self, vector: &'a Json) -> &'a str {
        vector[self.subject].as_str().unwrap()
    }
}

fn name(vector: &Json) -> &str {
    vector["name"].as_str().unwrap()
}
