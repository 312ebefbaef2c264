//! Who may use whom. Adding an edge is a change of the design.

use crate::metadata::{Kind, Member};
use crate::tidy::Fault;

/// What a crate may use among Millrace's own.
enum May {
    Use(&'static [&'static str]),
    UseAll,
}

/// In the order of the layers: a crate uses only what stands above it.
const TABLE: &[(&str, May)] = &[
    ("millrace-api-derive", May::Use(&[])),
    ("millrace-api", May::Use(&["millrace-api-derive"])),
    ("millrace-broker", May::Use(&[])),
    ("millrace-herder", May::Use(&["millrace-api"])),
    ("millrace-kafka", May::Use(&["millrace-api"])),
    ("millrace-converters", May::Use(&["millrace-api"])),
    ("millrace-transforms", May::Use(&["millrace-api"])),
    ("millrace-worker", May::Use(&["millrace-api", "millrace-herder", "millrace-kafka"])),
    ("millrace", May::UseAll),
    ("millrace-tests", May::UseAll),
    ("millrace-bench", May::UseAll),
    ("xtask", May::UseAll),
];

/// Any crate in `plugins/`.
const PLUGIN: May = May::Use(&["millrace-api"]);

/// Plugins whose own business is Kafka.
const KAFKA_PLUGINS: &[&str] = &[];

/// What the tests of any crate but the broker may use besides: a broker that is there in a millisecond.
const IN_TESTS: &[&str] = &["millrace-broker", "millrace-tests"];

/// What would bring I/O, a clock, chance or async into the herder from outside.
const NOT_IN_THE_HERDER: &[&str] = &[
    "tokio",
    "futures",
    "async-trait",
    "rand",
    "getrandom",
    "fastrand",
    "socket2",
    "mio",
    "reqwest",
    "hyper",
    "rdkafka",
];

pub fn check(members: &[Member]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for member in members {
        let Some(may) = allowance(member) else {
            let message = format!("{} is not in the table of xtask/src/tidy/dependencies.rs", member.name);
            faults.push(Fault::new(&member.manifest, 1, "dependency table", message));
            continue;
        };
        for dependency in &member.dependencies {
            let name = dependency.name.as_str();
            let forbidden = if is_ours(name, members) {
                name != member.name && !allows(may, name) && !allowed_in_tests(member, dependency.kind, name)
            } else {
                member.name == "millrace-herder" && NOT_IN_THE_HERDER.contains(&name)
            };
            if forbidden {
                let message = format!("{} may not use {name}", member.name);
                faults.push(Fault::new(&member.manifest, 1, "dependency table", message));
            }
        }
    }
    faults
}

fn allowance(member: &Member) -> Option<&'static May> {
    let entry = TABLE.iter().find(|(name, _)| *name == member.name).map(|(_, may)| may);
    entry.or_else(|| member.manifest.starts_with("plugins/").then_some(&PLUGIN))
}

fn allows(may: &May, name: &str) -> bool {
    match may {
        May::UseAll => true,
        May::Use(names) => names.contains(&name),
    }
}

fn allowed_in_tests(member: &Member, kind: Kind, name: &str) -> bool {
    let by_kafka_plugin = KAFKA_PLUGINS.contains(&member.name.as_str()) && name == "millrace-kafka";
    let by_tests = kind == Kind::Dev && member.name != "millrace-broker" && IN_TESTS.contains(&name);
    by_kafka_plugin || by_tests
}

fn is_ours(name: &str, members: &[Member]) -> bool {
    members.iter().any(|member| member.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn member(name: &str, manifest: &str, dependencies: &[(&str, Kind)]) -> Member {
        let dependency = |(name, kind): &(&str, Kind)| Dependency { name: (*name).to_owned(), kind: *kind };
        let dependencies = dependencies.iter().map(dependency).collect();
        Member { name: name.to_owned(), manifest: manifest.to_owned(), dependencies }
    }

    /// Checks `name` with one dependency beside a workspace that has all crates.
    #[track_caller]
    fn check_edge(name: &str, uses: &str, kind: Kind, allowed: bool) {
        let mut members: Vec<Member> =
            TABLE.iter().map(|(name, _)| member(name, &format!("{name}/Cargo.toml"), &[])).collect();
        members.push(member("millrace-file", "plugins/file/Cargo.toml", &[]));
        let planted = members.iter_mut().find(|member| member.name == name);
        planted.expect("a known crate").dependencies.push(Dependency { name: uses.to_owned(), kind });
        let faults: Vec<String> = check(&members).iter().map(Fault::to_string).collect();
        let expected = format!("{name} may not use {uses} [dependency table]");
        assert_eq!(faults.is_empty(), allowed, "{faults:?}");
        assert!(allowed || faults[0].ends_with(&expected), "{faults:?}");
    }

    #[test]
    fn the_arrows_of_the_design_are_held() {
        check_edge("millrace-worker", "millrace-herder", Kind::Normal, true);
        check_edge("millrace-worker", "millrace-file", Kind::Normal, false);
        check_edge("millrace-worker", "millrace-file", Kind::Dev, false);
        check_edge("millrace-worker", "millrace-broker", Kind::Normal, false);
        check_edge("millrace-worker", "millrace-broker", Kind::Dev, true);
        check_edge("millrace-api", "millrace-herder", Kind::Normal, false);
        check_edge("millrace-herder", "millrace-kafka", Kind::Normal, false);
        check_edge("millrace-file", "millrace-api", Kind::Normal, true);
        check_edge("millrace-file", "millrace-worker", Kind::Normal, false);
        check_edge("millrace-broker", "millrace-api", Kind::Normal, false);
        check_edge("millrace-broker", "millrace-tests", Kind::Dev, false);
        check_edge("millrace", "millrace-file", Kind::Normal, true);
    }

    #[test]
    fn the_herder_gets_no_io_from_outside() {
        check_edge("millrace-herder", "tokio", Kind::Normal, false);
        check_edge("millrace-herder", "rand", Kind::Build, false);
        check_edge("millrace-herder", "serde_json", Kind::Normal, true);
    }

    #[test]
    fn a_crate_that_is_not_in_the_table_is_a_fault() {
        let faults = check(&[member("millrace-extra", "extra/Cargo.toml", &[])]);
        assert_eq!(faults.len(), 1);
        assert!(check(&[member("millrace-new", "plugins/new/Cargo.toml", &[])]).is_empty());
    }
}
