//! The member: finds its coordinator, joins when told to, and keeps its place with heartbeats.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_protocol::messages::JoinGroupResponse;
use tokio::sync::mpsc;

use crate::{
    connection::{Connection, ConnectionError, Target},
    group::{
        Alive, Command, GroupNews, GroupSettings,
        calls::{self, Verdict},
    },
};

/// Why a member leaves whose deciding loop is stuck; the words are Kafka Connect's.
const STUCK: &str = "worker poll timeout has expired.";

pub(super) struct Member {
    settings: GroupSettings,
    commands: mpsc::Receiver<Command>,
    news: mpsc::Sender<GroupNews>,
    alive: Alive,
    coordinator: Option<Coordinator>,
    /// The name that the coordinator gave this member; empty before.
    name: Arc<str>,
    membership: Option<Membership>,
    /// A round was announced, and not joined yet.
    announced: bool,
    /// The last heartbeat, or whatever else told the coordinator that this member lives.
    beat: Instant,
    failures: u32,
    /// Why the last round came to nothing.
    trouble: String,
}

/// A member's place in a round.
#[derive(Debug, Clone)]
pub(super) struct Membership {
    pub(super) generation: i32,
    pub(super) member: Arc<str>,
    pub(super) protocol: Arc<str>,
}

/// Heartbeats have a connection of their own: a broker answers a connection's calls one after the other, and a join
/// takes as long as the slowest member.
struct Coordinator {
    address: String,
    calls: Connection,
    heartbeats: Connection,
}

/// How a round went.
enum Ended {
    Well,
    /// It may be tried again.
    Badly(String),
    /// A command came that makes it pointless.
    Interrupted(Option<Command>),
    Fatally(crate::KafkaError),
}

impl Member {
    pub(super) fn new(
        settings: GroupSettings,
        commands: mpsc::Receiver<Command>,
        news: mpsc::Sender<GroupNews>,
        alive: Alive,
    ) -> Self {
        Self {
            settings,
            commands,
            news,
            alive,
            coordinator: None,
            name: "".into(),
            membership: None,
            announced: false,
            beat: Instant::now(),
            failures: 0,
            trouble: String::new(),
        }
    }

    /// Does what it is told until nobody can tell it anything.
    pub(super) async fn run(mut self) {
        let mut next = None;
        loop {
            let command = match next.take() {
                Some(command) => Some(command),
                None => self.wait().await,
            };
            match command {
                None => return,
                Some(Command::Join { offers }) => match self.round(&offers).await {
                    Ended::Well => (self.failures, self.trouble) = (0, String::new()),
                    Ended::Badly(reason) => {
                        self.trouble = format!("rebalance failed due to {reason}");
                        self.tell(GroupNews::JoinFailed { reason }).await;
                    }
                    Ended::Interrupted(Some(command)) => next = Some(command),
                    Ended::Interrupted(None) => return,
                    Ended::Fatally(error) => return self.tell(GroupNews::Fatal(error)).await,
                },
                // An answer to a round that is over.
                Some(Command::Distribute { .. }) => {}
                Some(Command::Leave { reason }) => self.leave(reason).await,
            }
        }
    }

    /// Waits for a command, and keeps the member's place meanwhile.
    async fn wait(&mut self) -> Option<Command> {
        loop {
            let due = self.beat + self.settings.heartbeat_interval;
            tokio::select! {
                command = self.commands.recv() => return command,
                () = tokio::time::sleep_until(due.into()), if self.membership.is_some() => {
                    if self.alive.silence() > self.settings.rebalance_timeout {
                        tracing::warn!(
                            "the worker's loop was not seen for {:?}: leaving the group",
                            self.settings.rebalance_timeout
                        );
                        self.leave(STUCK).await;
                        self.tell(GroupNews::RebalanceNeeded).await;
                    } else {
                        self.keep_place().await;
                    }
                }
            }
        }
    }

    /// Sends a heartbeat, and finds out why when it does not come through.
    async fn keep_place(&mut self) {
        let Some(membership) = self.membership.clone() else { return };
        self.beat = Instant::now();
        if let Some(coordinator) = &mut self.coordinator {
            match calls::heartbeat(&mut coordinator.heartbeats, &self.settings, &membership).await {
                Ok(code) => return self.heard(code).await,
                Err(error) => self.lose(&error),
            }
        }
        let begin = Instant::now();
        while begin.elapsed() < self.settings.heartbeat_interval {
            match self.find().await {
                Ok(()) => return,
                Err(reason) => self.trouble = reason,
            }
            tokio::time::sleep(self.next_backoff()).await;
        }
        self.membership = None;
        self.tell(GroupNews::CoordinatorLost { reason: self.trouble.clone() }).await;
    }

    async fn heard(&mut self, code: i16) {
        match calls::judge(code) {
            Verdict::Fine => {}
            Verdict::Rebalancing => {
                if !self.announced {
                    self.announced = true;
                    self.tell(GroupNews::RebalanceNeeded).await;
                }
            }
            Verdict::Unknown => {
                self.name = "".into();
                self.forgotten().await;
            }
            Verdict::OldGeneration => self.forgotten().await,
            Verdict::Moved | Verdict::Fatal => self.coordinator = None,
            Verdict::Again | Verdict::Named | Verdict::Later => {}
        }
    }

    async fn forgotten(&mut self) {
        self.membership = None;
        self.tell(GroupNews::RebalanceNeeded).await;
    }

    /// Joins, lets the leader decide, and takes what it gave.
    async fn round(&mut self, offers: &[(String, Bytes)]) -> Ended {
        self.announced = false;
        let joined = loop {
            if let Err(ended) = self.find_patiently().await {
                return ended;
            }
            match self.join_once(offers).await {
                Ok(Some(joined)) => break joined,
                Ok(None) => {}
                Err(ended) => return ended,
            }
        };
        self.take_part(joined).await
    }

    /// Looks for the coordinator until it is found, or something else is wanted.
    async fn find_patiently(&mut self) -> Result<(), Ended> {
        let mut begin = Instant::now();
        while self.coordinator.is_none() {
            let Err(reason) = self.find().await else { return Ok(()) };
            if begin.elapsed() >= self.settings.heartbeat_interval {
                self.membership = None;
                self.tell(GroupNews::CoordinatorLost { reason }).await;
                begin = Instant::now();
            }
            let wait = self.next_backoff();
            tokio::select! {
                command = self.commands.recv() => return Err(Ended::Interrupted(command)),
                () = tokio::time::sleep(wait) => {}
            }
        }
        Ok(())
    }

    /// Sends a join. Nothing comes of it when it has to be repeated.
    async fn join_once(&mut self, offers: &[(String, Bytes)]) -> Result<Option<JoinGroupResponse>, Ended> {
        let (settings, name, trouble) = (&self.settings, self.name.clone(), self.trouble.clone());
        let Some(coordinator) = &mut self.coordinator else { return Ok(None) };
        let answer = tokio::select! {
            answer = calls::join(&mut coordinator.calls, settings, &name, offers, &trouble) => answer,
            command = self.commands.recv() => {
                // The answer would be taken for that of a later call.
                self.coordinator = None;
                return Err(Ended::Interrupted(command));
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.lose(&error);
                return Ok(None);
            }
        };
        self.beat = Instant::now();
        match calls::judge(answer.error_code) {
            Verdict::Fine => return Ok(Some(answer)),
            Verdict::Named => self.name = answer.member_id.as_str().into(),
            Verdict::Unknown | Verdict::OldGeneration => self.name = "".into(),
            Verdict::Again | Verdict::Rebalancing => {}
            Verdict::Later => tokio::time::sleep(self.settings.backoff_min).await,
            Verdict::Moved => {
                self.coordinator = None;
                tokio::time::sleep(self.settings.backoff_min).await;
            }
            Verdict::Fatal => {
                return Err(Ended::Fatally(calls::refused("joining the group", answer.error_code)));
            }
        }
        Ok(None)
    }

    async fn take_part(&mut self, joined: JoinGroupResponse) -> Ended {
        let name: Arc<str> = joined.member_id.as_str().into();
        let protocol = joined.protocol_name.as_ref().map_or("", |name| name.as_str());
        let membership =
            Membership { generation: joined.generation_id, member: name.clone(), protocol: protocol.into() };
        self.name = name.clone();
        self.membership = Some(membership.clone());
        let mut assignments = Vec::new();
        if joined.leader.as_str() == &*name {
            let member = |member: &kafka_protocol::messages::join_group_response::JoinGroupResponseMember| {
                (Arc::from(member.member_id.as_str()), member.metadata.clone())
            };
            let members = joined.members.iter().map(member).collect();
            let (generation, protocol) = (membership.generation, membership.protocol.clone());
            self.tell(GroupNews::Elected { generation, member: name, protocol, members }).await;
            assignments = match self.decided(membership.generation).await {
                Ok(assignments) => assignments,
                Err(ended) => return ended,
            };
        }
        self.synchronise(membership, assignments).await
    }

    /// Waits for what the leader decides.
    async fn decided(&mut self, round: i32) -> Result<Vec<(Arc<str>, Bytes)>, Ended> {
        let bound = self.settings.rebalance_timeout;
        match tokio::time::timeout(bound, self.commands.recv()).await {
            Ok(Some(Command::Distribute { generation, assignments })) if generation == round => {
                Ok(assignments)
            }
            Ok(Some(Command::Distribute { .. })) => {
                Err(Ended::Badly("an answer to another round".to_owned()))
            }
            Ok(command) => Err(Ended::Interrupted(command)),
            Err(_) => Err(Ended::Badly(format!("the leader did not decide within {bound:?}"))),
        }
    }

    /// Hands in what was decided and waits for the own part of it, with heartbeats meanwhile.
    async fn synchronise(&mut self, membership: Membership, assignments: Vec<(Arc<str>, Bytes)>) -> Ended {
        let settings = &self.settings;
        let Some(coordinator) = &mut self.coordinator else {
            return Ended::Badly("no coordinator".to_owned());
        };
        let Coordinator { calls, heartbeats, .. } = coordinator;
        let answer = {
            let synced = calls::sync(calls, settings, &membership, assignments);
            tokio::pin!(synced);
            let mut beats = tokio::time::interval(settings.heartbeat_interval);
            beats.tick().await;
            loop {
                tokio::select! {
                    answer = &mut synced => break answer,
                    _ = beats.tick() => {
                        // What is wrong shows in the answer, too.
                        let _ = calls::heartbeat(heartbeats, settings, &membership).await;
                    }
                }
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.lose(&error);
                return Ended::Badly(error.to_string());
            }
        };
        self.beat = Instant::now();
        let verdict = calls::judge(answer.error_code);
        match verdict {
            Verdict::Fine => {
                let Membership { generation, member, protocol } = membership;
                let assignment = answer.assignment;
                self.tell(GroupNews::Assigned { generation, member, protocol, assignment }).await;
                return Ended::Well;
            }
            Verdict::Fatal => {
                return Ended::Fatally(calls::refused("taking part in a round", answer.error_code));
            }
            Verdict::Unknown => self.name = "".into(),
            Verdict::Moved => self.coordinator = None,
            _ => {}
        }
        self.membership = None;
        if matches!(verdict, Verdict::Moved | Verdict::Later | Verdict::Again) {
            tokio::time::sleep(self.settings.backoff_min).await;
        }
        Ended::Badly(format!("{verdict:?}"))
    }

    async fn leave(&mut self, reason: &'static str) {
        self.membership = None;
        let name = std::mem::replace(&mut self.name, "".into());
        if name.is_empty() {
            return;
        }
        let Some(coordinator) = &mut self.coordinator else { return };
        match calls::leave(&mut coordinator.heartbeats, &self.settings, &name, reason).await {
            Ok(0) => tracing::debug!("left the group: {reason}"),
            Ok(code) => tracing::debug!("leaving the group was answered with error {code}"),
            Err(error) => self.lose(&error),
        }
    }

    /// Asks the known servers, one after the other, for the coordinator, and connects to it.
    async fn find(&mut self) -> Result<(), String> {
        let mut reason = "no server is known".to_owned();
        for server in self.settings.servers.clone() {
            match self.ask(&server).await {
                Ok(coordinator) => {
                    tracing::debug!("the group's coordinator is {}", coordinator.address);
                    self.coordinator = Some(coordinator);
                    self.failures = 0;
                    return Ok(());
                }
                Err(found) => reason = found,
            }
        }
        Err(reason)
    }

    async fn ask(&self, server: &str) -> Result<Coordinator, String> {
        let text = |error: ConnectionError| error.to_string();
        let mut connection = self.open(server).await.map_err(text)?;
        let (code, address) = calls::find_coordinator(&mut connection, &self.settings).await.map_err(text)?;
        if code != 0 {
            return Err(format!("{server} knows no coordinator: error {code}"));
        }
        let calls = self.open(&address).await.map_err(text)?;
        let heartbeats = self.open(&address).await.map_err(text)?;
        Ok(Coordinator { address, calls, heartbeats })
    }

    async fn open(&self, address: &str) -> Result<Connection, ConnectionError> {
        // Nobody is waited for longer than the work may go on without a coordinator.
        let connect_timeout = self.settings.connect_timeout.min(self.settings.heartbeat_interval);
        Connection::open(Target { address, client_id: &self.settings.client_id, connect_timeout }).await
    }

    fn lose(&mut self, error: &ConnectionError) {
        tracing::debug!("the group's coordinator is out of reach: {error}");
        self.trouble = error.to_string();
        self.coordinator = None;
    }

    fn next_backoff(&mut self) -> Duration {
        let wait = self.settings.backoff(self.failures);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    async fn tell(&self, news: GroupNews) {
        // Nobody hears when the owner is gone; then the commands end, too.
        let _ = self.news.send(news).await;
    }
}
