//! The leader's part in a round: agrees with all members on a place in the config topic, and then shares the work out.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    assign::{Assignor, Configured, Generations, Round, Share, assign_eagerly},
    time::Time,
    wire::protocol::{Assignment, AssignmentError, MemberState, SubProtocol, Work},
};

/// What was configured at a place in the config topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The place after the last record that was read; -1 when there is none.
    pub offset: i64,
    pub configured: Configured,
}

/// What the elected leader knows.
#[derive(Debug)]
pub struct Election<'a> {
    pub now: Time,
    pub protocol: SubProtocol,
    pub generations: Generations,
    /// The leader's own member id.
    pub leader: &'a Arc<str>,
    /// What the leader knew when it joined.
    pub joined_with: &'a View,
    /// What it knows now.
    pub latest: &'a View,
    /// What each member joined with; nothing for one that could not be understood.
    pub members: &'a BTreeMap<Arc<str>, Option<MemberState>>,
}

/// What the leader decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Led {
    pub assignments: BTreeMap<Arc<str>, Assignment>,
    /// Where everything is after the round, by the workers' URLs.
    pub owned: BTreeMap<Arc<str>, Work>,
    /// Whether the leader has to read on before it can lead.
    pub error: AssignmentError,
}

/// Computes a round. A leader that knows less than a member gives nothing to anybody.
pub fn lead(assignor: &mut Assignor, election: &Election<'_>) -> Led {
    let known = || election.members.values().flatten();
    let newest = known().map(|state| state.config_offset).max().unwrap_or(-1);
    let leader_url = election.members.get(election.leader).and_then(Option::as_ref);
    let answer = Answer {
        leader: election.leader.clone(),
        leader_url: leader_url.map_or_else(|| "".into(), |state| state.url.clone()),
    };
    let (offset, configured) = if election.joined_with.offset >= newest {
        (newest, &election.joined_with.configured)
    } else if election.latest.offset >= newest {
        (election.latest.offset, &election.latest.configured)
    } else {
        let nothing = answer.of(AssignmentError::ConfigMismatch, newest, Share::default(), 0);
        let assignments = election.members.keys().map(|id| (id.clone(), nothing.clone())).collect();
        return Led { assignments, owned: BTreeMap::new(), error: AssignmentError::ConfigMismatch };
    };
    let (shares, delay_ms) = shares(assignor, election, configured);
    let mut owned = BTreeMap::new();
    let mut assignments = BTreeMap::new();
    for (id, state) in election.members {
        let share = shares.get(id).cloned().unwrap_or_default();
        let Some(state) = state else {
            // It is told to try again, and given nothing that it might not understand either.
            let nothing = answer.of(AssignmentError::ConfigMismatch, offset, Share::default(), 0);
            assignments.insert(id.clone(), nothing);
            continue;
        };
        let here: &mut Work = owned.entry(state.url.clone()).or_default();
        here.connectors.extend(share.owned.connectors.iter().cloned());
        here.tasks.extend(share.owned.tasks.iter().cloned());
        assignments.insert(id.clone(), answer.of(AssignmentError::None, offset, share, delay_ms));
    }
    Led { assignments, owned, error: AssignmentError::None }
}

fn shares(
    assignor: &mut Assignor,
    election: &Election<'_>,
    configured: &Configured,
) -> (BTreeMap<Arc<str>, Share>, i32) {
    let mut members = BTreeMap::new();
    for (id, state) in election.members {
        let Some(state) = state else { continue };
        let held = state.allocation.as_ref().map(|allocation| allocation.assigned.clone());
        members.insert(id.clone(), held.unwrap_or_default());
    }
    if election.protocol == SubProtocol::Eager {
        let shares = assign_eagerly(configured, members.keys()).into_iter();
        let share = |work: Work| Share { assigned: work.clone(), revoked: Work::default(), owned: work };
        return (shares.map(|(id, work)| (id, share(work))).collect(), 0);
    }
    let round = Round { now: election.now, configured, generations: election.generations, members: &members };
    let shares = assignor.assign(&round);
    (shares.members, i32::try_from(shares.delay_ms).unwrap_or(i32::MAX))
}

/// What is the same in all answers of a round.
struct Answer {
    leader: Arc<str>,
    leader_url: Arc<str>,
}

impl Answer {
    fn of(&self, error: AssignmentError, config_offset: i64, share: Share, delay_ms: i32) -> Assignment {
        Assignment {
            error,
            leader: self.leader.clone(),
            leader_url: self.leader_url.clone(),
            config_offset,
            assigned: share.assigned,
            revoked: share.revoked,
            delay_ms,
        }
    }
}
