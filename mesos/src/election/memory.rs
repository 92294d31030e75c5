//! A group in memory, for simulated clusters, with faults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::historic::{Historic, Museum};

use super::group::{Group, GroupError, Look, Membership, Session};

/// The sessions of a group look after themselves so many times in their timeout, as clients of ZooKeeper do.
const SIGNS_OF_LIFE: u32 = 3;

/// Longer than anything is simulated.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

/// A group in memory. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryGroup {
    timeout: Duration,
    museum: Museum,
    shared: Arc<Shared>,
}

/// The group as one of its users reaches it: each may be cut off by itself.
#[derive(Clone, Debug)]
pub struct MemoryPeer {
    group: MemoryGroup,
    name: String,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Rung when members change, or who reaches what.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// How many there were of members and of who reaches what.
    changes: u64,
    next_session: u64,
    next_sequence: i64,
    /// When each session was last heard of.
    sessions: BTreeMap<u64, Instant>,
    members: BTreeMap<i64, Member>,
    is_down: bool,
    cut_off: BTreeSet<String>,
    delay: Duration,
}

#[derive(Debug)]
struct Member {
    session: u64,
    data: Vec<u8>,
}

impl MemoryGroup {
    /// A group without members, whose sessions end after a silence of `timeout`.
    pub fn new(timeout: Duration) -> MemoryGroup {
        MemoryGroup {
            timeout,
            museum: Museum::default(),
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: Notify::new(),
            }),
        }
    }

    /// With a failure of old on show.
    pub fn showing(self, museum: Museum) -> MemoryGroup {
        MemoryGroup { museum, ..self }
    }

    /// The group as it is reached from `name`.
    pub fn from(&self, name: &str) -> Arc<MemoryPeer> {
        Arc::new(MemoryPeer {
            group: self.clone(),
            name: name.to_owned(),
        })
    }

    /// Ends the session of the first member, as an ensemble does that has not heard of it: whoever led hears of it
    /// later than others.
    pub fn expire_first(&self) {
        self.change(|state| {
            let first = state.members.values().next();
            if let Some(session) = first.map(|member| member.session) {
                state.end(session);
            }
        });
    }

    /// Nobody reaches the group until [`MemoryGroup::restore`]; sessions wait meanwhile.
    pub fn outage(&self) {
        self.change(|state| state.is_down = true);
    }

    /// It is reached again, by all; sessions have their whole timeout before them.
    pub fn restore(&self) {
        self.change(|state| {
            state.is_down = false;
            state.cut_off.clear();
            let now = Instant::now();
            state.sessions.values_mut().for_each(|heard| *heard = now);
        });
    }

    /// One does not reach it until [`MemoryGroup::restore`].
    pub fn cut_off(&self, name: &str) {
        self.change(|state| {
            state.cut_off.insert(name.to_owned());
        });
    }

    /// One that was cut off reaches it again. Its session goes on if it was not silent for too long.
    pub fn reach_again(&self, name: &str) {
        self.change(|state| {
            state.cut_off.remove(name);
        });
    }

    /// Everything takes this long from now on.
    pub fn delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.state().members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state);
        state.changes += 1;
        drop(state);
        self.shared.changed.notify_waiters();
        result
    }

    /// Waits until this holds.
    ///
    /// All who wait hear of a change in the order in which they began to. Not so those of a watch channel, which wakes
    /// its receivers by chance: a simulated world would not be the same twice.
    async fn until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            if holds(&self.state()) {
                return;
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that panics runs under the lock.
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&mut self, session: u64) {
        self.sessions.remove(&session);
        self.members.retain(|_, member| member.session != session);
    }

    fn is_reached_from(&self, name: &str) -> bool {
        !self.is_down && !self.cut_off.contains(name)
    }
}

impl MemoryPeer {
    /// Waits until the group is reached, for as long as an answer takes.
    async fn reach(&self) {
        let delay = self.group.state().delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        self.group
            .until(|state| state.is_reached_from(&self.name))
            .await;
    }

    /// Ends a session that its group has not heard of for too long: because nobody holds it any more, or because
    /// it does not reach the group.
    async fn look_after(self, session: u64, held: Arc<AtomicBool>) {
        let every = self.group.timeout / SIGNS_OF_LIFE;
        loop {
            sleep(every).await;
            let now = Instant::now();
            let mut state = self.group.state();
            let (down, reached) = (state.is_down, state.is_reached_from(&self.name));
            let Some(heard) = state.sessions.get_mut(&session) else {
                return;
            };
            if reached && held.load(Ordering::Relaxed) {
                *heard = now;
            }
            let silent = now - *heard;
            drop(state);
            if !down && silent >= self.group.timeout {
                return self.group.change(|state| state.end(session));
            }
        }
    }
}

impl Group for MemoryPeer {
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Session>, GroupError>> {
        async move {
            let connecting = tokio::time::timeout(self.group.timeout, self.reach());
            if connecting.await.is_err() {
                return Err(GroupError::Unreachable {
                    group: self.name(),
                    reason: "it does not answer".to_owned(),
                });
            }
            let mut state = self.group.state();
            let number = state.next_session;
            state.next_session += 1;
            state.sessions.insert(number, Instant::now());
            let session = MemorySession {
                peer: self.clone(),
                number,
                held: Arc::new(AtomicBool::new(true)),
            };
            Ok(Box::new(session) as _)
        }
        .boxed()
    }

    fn name(&self) -> String {
        "the group in memory".to_owned()
    }
}

struct MemorySession {
    peer: MemoryPeer,
    number: u64,
    /// Whether somebody still keeps the session alive.
    held: Arc<AtomicBool>,
}

impl MemorySession {
    fn over(&self) -> GroupError {
        GroupError::Over(self.peer.name())
    }

    /// Does something once the group is reached, if the session is not over by then.
    async fn once_reached<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T, GroupError> {
        self.peer.reach().await;
        let mut state = self.peer.group.state();
        match state.sessions.contains_key(&self.number) {
            true => Ok(act(&mut state)),
            false => Err(self.over()),
        }
    }

    fn announce(&self) {
        self.peer.group.change(|_| ());
    }
}

impl Session for MemorySession {
    fn timeout(&self) -> Duration {
        match self.peer.group.museum.shows(Historic::StaleLeader) {
            true => FOR_EVER,
            false => self.peer.group.timeout,
        }
    }

    fn join(&self, data: Vec<u8>) -> BoxFuture<'_, Result<Membership, GroupError>> {
        async move {
            let session = self.number;
            let joined = self.once_reached(|state| {
                let sequence = state.next_sequence;
                state.next_sequence += 1;
                state.members.insert(sequence, Member { session, data });
                sequence
            });
            let sequence = joined.await?;
            tokio::spawn(self.peer.clone().look_after(session, self.held.clone()));
            self.announce();
            Ok(Membership {
                sequence,
                node: format!("/member_{sequence}").into(),
            })
        }
        .boxed()
    }

    fn confirm<'a>(&'a self, member: &'a Membership) -> BoxFuture<'a, Result<(), GroupError>> {
        async move {
            let there = self.once_reached(|state| state.members.contains_key(&member.sequence));
            match there.await? {
                true => Ok(()),
                false => Err(self.over()),
            }
        }
        .boxed()
    }

    fn leave<'a>(&'a self, member: &'a Membership) -> BoxFuture<'a, Result<(), GroupError>> {
        async move {
            let left = self.once_reached(|state| state.members.remove(&member.sequence));
            left.await?;
            self.announce();
            Ok(())
        }
        .boxed()
    }

    fn look(&self) -> BoxFuture<'_, Result<Look, GroupError>> {
        async move {
            let group = self.peer.group.clone();
            let seen = group.state().changes;
            let first = self.once_reached(|state| {
                let first = state.members.iter().next();
                first.map(|(sequence, member)| (*sequence, member.data.clone()))
            });
            let first = first.await?;
            let changed = async move { group.until(|state| state.changes != seen).await };
            Ok(Look {
                first,
                changed: changed.boxed(),
            })
        }
        .boxed()
    }

    /// Known once the group is reached again, as with ZooKeeper.
    fn ended(&self) -> BoxFuture<'static, ()> {
        let (peer, number) = (self.peer.clone(), self.number);
        async move {
            let over = |state: &State| {
                state.is_reached_from(&peer.name) && !state.sessions.contains_key(&number)
            };
            peer.group.until(over).await;
        }
        .boxed()
    }
}

impl Drop for MemorySession {
    fn drop(&mut self) {
        self.held.store(false, Ordering::Relaxed);
        // Whoever only looks has nothing that lasts as long as the session.
        let mut state = self.peer.group.state();
        let number = self.number;
        if state
            .members
            .values()
            .all(|member| member.session != number)
        {
            state.sessions.remove(&number);
        }
    }
}
