//! Permissive licences only, by the list in deny.toml. Does what `cargo deny check licenses` does for the plain cases,
//! where that tool is not installed.

use crate::metadata::Package;
use crate::tidy::Fault;

/// Returns a fault for each package whose licence is missing or not allowed.
pub fn check(allowed: &[String], packages: &[Package]) -> Vec<Fault> {
    let is_allowed = |package: &&Package| match &package.licence {
        Some(licence) => satisfies(licence, allowed),
        None => false,
    };
    let fault = |package: &Package| {
        let licence = package.licence.as_deref().unwrap_or("no licence");
        let message = format!("{} {} is under {licence}", package.name, package.version);
        Fault::new("deny.toml", 1, "licences", message)
    };
    packages.iter().filter(|package| !is_allowed(package)).map(fault).collect()
}

/// Reads the list `allow` of the section `[licenses]`.
pub fn allowed(deny: &str) -> Vec<String> {
    let section = deny.split("[licenses]").nth(1).unwrap_or_default();
    let list = section.split("allow = [").nth(1).unwrap_or_default();
    let list = list.split(']').next().unwrap_or_default();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns whether an SPDX expression can be satisfied by allowed licences alone. `/` is how `OR` was once written.
fn satisfies(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { tokens: &tokens, allowed };
    let satisfied = reader.any();
    satisfied && reader.tokens.is_empty()
}

struct Reader<'a> {
    tokens: &'a [&'a str],
    allowed: &'a [String],
}

impl Reader<'_> {
    fn any(&mut self) -> bool {
        let mut satisfied = self.all();
        while self.takes("OR") {
            satisfied |= self.all();
        }
        satisfied
    }

    fn all(&mut self) -> bool {
        let mut satisfied = self.one();
        while self.takes("AND") {
            satisfied &= self.one();
        }
        satisfied
    }

    fn one(&mut self) -> bool {
        if self.takes("(") {
            let satisfied = self.any();
            return self.takes(")") && satisfied;
        }
        let Some((name, rest)) = self.tokens.split_first() else { return false };
        self.tokens = rest;
        let mut licence = (*name).to_owned();
        if self.takes("WITH")
            && let Some((exception, rest)) = self.tokens.split_first()
        {
            self.tokens = rest;
            licence = format!("{licence} WITH {exception}");
        }
        self.allowed.contains(&licence)
    }

    fn takes(&mut self, token: &str) -> bool {
        let is_next = self.tokens.first().is_some_and(|next| *next == token);
        if is_next {
            self.tokens = &self.tokens[1..];
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_expression(expression: &str, expected: bool) {
        let allowed = allowed(
            "[licenses]\nallow = [\"MIT\", \"Apache-2.0\", \"Apache-2.0 WITH LLVM-exception\"]\n[bans]",
        );
        assert_eq!(satisfies(expression, &allowed), expected, "{expression}");
    }

    #[test]
    fn one_allowed_choice_is_enough() {
        check_expression("MIT", true);
        check_expression("GPL-3.0 OR MIT", true);
        check_expression("MIT/GPL-3.0", true);
        check_expression("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true);
    }

    #[test]
    fn every_part_of_an_and_must_be_allowed() {
        check_expression("(MIT OR GPL-3.0) AND Apache-2.0", true);
        check_expression("MIT AND GPL-3.0", false);
        check_expression("(MIT OR Apache-2.0) AND (AGPL-3.0 OR SSPL-1.0)", false);
    }

    #[test]
    fn what_is_not_understood_is_not_allowed() {
        check_expression("AGPL-3.0-only", false);
        check_expression("", false);
        check_expression("(MIT", false);
        check_expression("MIT MIT", false);
    }

    #[test]
    fn a_package_without_licence_is_a_fault() {
        let package = |licence: Option<&str>| Package {
            name: "p".to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.map(str::to_owned),
        };
        let faults =
            check(&["MIT".to_owned()], &[package(None), package(Some("MIT")), package(Some("BUSL-1.1"))]);
        let messages: Vec<String> = faults.iter().map(Fault::to_string).collect();
        assert_eq!(
            messages,
            [
                "deny.toml:1: p 1.0.0 is under no licence [licences]",
                "deny.toml:1: p 1.0.0 is under BUSL-1.1 [licences]"
            ]
        );
    }
}
