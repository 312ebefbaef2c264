//! Every order of failures, in virtual time.

use super::*;

const POLICIES: [(Patience, u64); 6] = [
    (Patience::For(Duration::ZERO), 60_000),
    (Patience::For(Duration::from_millis(1)), 60_000),
    (Patience::For(Duration::from_millis(2_000)), 60_000),
    (Patience::For(Duration::from_millis(2_000)), 400),
    (Patience::For(Duration::from_millis(2_000)), 0),
    (Patience::Forever, 1_000),
];

/// What an operation does at each attempt; after the last entry it goes on like that.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Attempt {
    Succeeds,
    FailsRetriably,
    FailsBadly,
}

const ATTEMPTS: [Attempt; 3] = [Attempt::Succeeds, Attempt::FailsRetriably, Attempt::FailsBadly];

/// More than any bounded policy here allows.
const STEPS_MAX: usize = 5_000;

/// How one life of a record ended, and what was seen on the way.
#[derive(Debug, PartialEq)]
struct Life {
    /// None when the record went on.
    end: Option<Fate>,
    waits: Vec<Duration>,
    reports: usize,
    /// Attempts made.
    tried: usize,
}

/// The machine, or one with a planted fault.
#[derive(Clone, Copy)]
struct Machine {
    failed: fn(&mut Case, Duration, Kind, f64) -> Next,
    fate: fn(Tolerance, Reported) -> Fate,
}

const REAL: Machine = Machine { failed: Case::failed, fate };

/// Runs one record through a machine.
fn live(
    policy: Policy,
    script: &[Attempt],
    reported: Reported,
    chance: f64,
    machine: Machine,
) -> Option<Life> {
    let mut now = Duration::from_secs(7);
    let mut case = Case::new(policy, now);
    let mut life = Life { end: None, waits: Vec::new(), reports: 0, tried: 0 };
    for step in 0..STEPS_MAX {
        life.tried += 1;
        let kind = match script[step.min(script.len() - 1)] {
            Attempt::Succeeds => return Some(life),
            Attempt::FailsRetriably => Kind::Retriable,
            Attempt::FailsBadly => Kind::Bad,
        };
        match (machine.failed)(&mut case, now, kind, chance) {
            Next::Retry(wait) => {
                life.waits.push(wait);
                now += wait;
            }
            Next::Report => {
                life.reports += 1;
                life.end = Some((machine.fate)(policy.tolerance, reported));
                return Some(life);
            }
        }
    }
    None
}

/// Says what a life breaks, if anything.
fn broken(
    policy: Policy,
    script: &[Attempt],
    reported: Reported,
    life: Option<&Life>,
) -> Option<&'static str> {
    let endless = policy.patience == Patience::Forever && script.last() == Some(&Attempt::FailsRetriably);
    let Some(life) = life else { return (!endless).then_some("it never ends") };
    let last = script[(life.tried - 1).min(script.len() - 1)];
    let tolerates = policy.tolerance == Tolerance::All;
    let waited: Duration = life.waits.iter().sum();
    let in_time = |limit: Duration| waited <= limit;
    let checks = [
        (
            (life.end.is_none()) == (last == Attempt::Succeeds),
            "a record passes only when its operation succeeded",
        ),
        (life.end != Some(Fate::Skip) || tolerates, "a record is left out though nothing is tolerated"),
        (
            life.end != Some(Fate::Skip) || reported != Reported::Broken,
            "a record is lost: nobody took its report",
        ),
        (
            life.end != Some(Fate::Fail) || !tolerates || reported == Reported::Broken,
            "a bad record stops a connector that tolerates it",
        ),
        (life.reports == usize::from(life.end.is_some()), "each failure is reported once, a success never"),
        (
            last != Attempt::FailsRetriably || policy.patience != Patience::Forever,
            "it gave up though it may try for ever",
        ),
        (life.waits.len() + 1 == life.tried, "each attempt but the first follows a wait"),
        (
            !script[..life.tried.min(script.len()) - 1].contains(&Attempt::FailsBadly),
            "a bad record was tried again",
        ),
        (life.waits.iter().all(|wait| !wait.is_zero()), "it does not wait at all"),
        (
            match policy.patience {
                Patience::For(limit) => in_time(limit),
                Patience::Forever => true,
            },
            "it tried longer than it may",
        ),
    ];
    checks.into_iter().find(|(holds, _)| !holds).map(|(_, law)| law)
}

/// Every script of up to five attempts, every policy, every outcome of the report.
fn every_life(machine: Machine) -> Result<usize, String> {
    let mut lives = 0;
    let mut scripts: Vec<Vec<Attempt>> = ATTEMPTS.map(|attempt| vec![attempt]).into();
    for _ in 0..5 {
        for script in &scripts {
            for (patience, delay_max) in POLICIES {
                for tolerance in [Tolerance::None, Tolerance::All] {
                    let policy = Policy { patience, delay_max: Duration::from_millis(delay_max), tolerance };
                    for reported in [Reported::Safe, Reported::Refused, Reported::Broken] {
                        for chance in [0.0, 0.5, 0.999] {
                            let life = live(policy, script, reported, chance, machine);
                            lives += 1;
                            if let Some(law) = broken(policy, script, reported, life.as_ref()) {
                                return Err(format!(
                                    "{law}: {policy:?} {script:?} {reported:?} {chance}: {life:?}"
                                ));
                            }
                        }
                    }
                }
            }
        }
        scripts = scripts
            .iter()
            .flat_map(|script| ATTEMPTS.map(|attempt| [script.as_slice(), &[attempt]].concat()))
            .collect();
    }
    Ok(lives)
}

#[test]
fn every_order_of_failures_keeps_the_laws() {
    let lives = every_life(REAL).unwrap();
    assert_eq!(lives, (3 + 9 + 27 + 81 + 243) * 6 * 2 * 3 * 3);
}

/// The simulation is worth something only when it notices.
#[test]
fn planted_faults_are_noticed() {
    let failing = |failed| Machine { failed, ..REAL };
    let ending = |fate| Machine { fate, ..REAL };
    let faults = [
        (
            "a bad record was tried again",
            failing(|case, now, kind, chance| {
                let kind = if case.failures == 0 { Kind::Retriable } else { kind };
                case.failed(now, kind, chance)
            }),
        ),
        ("though nothing is tolerated", ending(|_, reported| fate(Tolerance::All, reported))),
        ("nobody took its report", ending(|tolerance, _| fate(tolerance, Reported::Safe))),
        ("stops a connector that tolerates it", ending(|_, _| Fate::Fail)),
        ("it never ends", failing(|_, _, _, _| Next::Retry(Duration::from_nanos(1)))),
        (
            "it does not wait at all",
            failing(|case, now, kind, chance| match case.failed(now, kind, chance) {
                Next::Retry(_) if case.failures < 10 => Next::Retry(Duration::ZERO),
                next => next,
            }),
        ),
        (
            "it tried longer than it may",
            failing(|case, now, kind, chance| match case.failed(now, kind, chance) {
                Next::Retry(wait) => Next::Retry(wait + Duration::from_millis(5)),
                Next::Report => Next::Report,
            }),
        ),
        (
            "it gave up though it may try for ever",
            failing(|case, now, kind, chance| match case.failures {
                3.. => Next::Report,
                _ => case.failed(now, kind, chance),
            }),
        ),
    ];
    for (law, fault) in faults {
        let found = every_life(fault).unwrap_err();
        assert!(found.contains(law), "{law}: {found}");
    }
}

#[test]
fn the_wait_doubles_up_to_its_bound_and_ends_at_the_deadline() {
    let policy = |patience, delay_max| Policy {
        patience,
        delay_max: Duration::from_millis(delay_max),
        tolerance: Tolerance::All,
    };
    let waits = |policy| {
        let life = live(policy, &[Attempt::FailsRetriably], Reported::Safe, 0.5, REAL).unwrap();
        life.waits.iter().map(|wait| wait.as_millis()).collect::<Vec<_>>()
    };
    let bounded = Patience::For(Duration::from_millis(10_000));
    assert_eq!(waits(policy(bounded, 60_000)), [300, 600, 1200, 2400, 4800, 700]);
    assert_eq!(
        waits(policy(Patience::For(Duration::from_millis(2_500)), 700)),
        [300, 600, 350, 350, 350, 350, 200]
    );
    assert!(waits(policy(Patience::For(Duration::ZERO), 60_000)).is_empty());
}

#[test]
fn many_failures_do_not_overflow_the_wait() {
    let mut case = Case::new(
        Policy {
            patience: Patience::Forever,
            delay_max: Duration::from_secs(60),
            tolerance: Tolerance::None,
        },
        Duration::ZERO,
    );
    for second in 0..200 {
        let now = Duration::from_secs(second);
        let Next::Retry(wait) = case.failed(now, Kind::Retriable, 0.25) else {
            panic!("it gave up");
        };
        assert!(wait <= Duration::from_secs(60), "{wait:?}");
    }
}
