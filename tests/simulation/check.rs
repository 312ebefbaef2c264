//! A broken invariant is a value, so that a test can plant a fault and look for it.

use std::fmt;

#[derive(Debug)]
pub struct Violation(pub String);

pub type Checked = Result<(), Violation>;

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation(otherwise())) }
}
