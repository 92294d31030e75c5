//! What a supervisor decides, without actors, clock or chance: told what happened, it says what to do.
//!
//! ```text
//!              Spawn                started
//!   Down ───────────────► Starting ─────────► Up
//!    ▲ ▲                     │ late            │ must stop
//!    │ └── exited ── Killed ◄┘◄── late ──┐     │
//!    │               │ late: abandoned   │     ▼ Stop
//!    └── exited ─────┴───────────────── Stopping
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use super::KILL_GRACE;
use super::spec::{Child, Restart, Strategy, Supervisor};
use crate::error::ExitReason;

/// Time since the supervisor started.
type Time = Duration;

/// The children of one supervisor, and what became of them.
pub(super) struct Family {
    strategy: Strategy,
    intensity: (u32, Duration),
    backoff: Option<(Duration, Duration)>,
    max_children: usize,
    /// In the order of their start.
    members: Vec<Member>,
    /// The restarts that count: no more than one above the limit.
    failures: VecDeque<Time>,
    /// All have been up: from now on, those who are built anew alone do not wait for each other.
    ready: bool,
    /// Why it ends, once it does; no reason if it was asked to.
    ending: Option<Option<String>>,
    over: bool,
    next_id: u64,
}

pub(super) struct Member {
    pub(super) id: u64,
    pub(super) name: String,
    restart: Restart,
    start: Option<Duration>,
    shutdown: Option<Duration>,
    stage: Stage,
    /// It is to be up.
    wanted: bool,
    /// It is to go down, whether or not it comes up again.
    must_stop: bool,
    /// Once down, it is no member any more.
    forget: bool,
    /// It was started at run time: then there is nothing to keep of it once it has ended.
    dynamic: bool,
    lives: u64,
    /// Failures that followed closely upon each other.
    row: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not to be started before this time.
    Down(Time),
    /// Killed if it has not started by then.
    Starting(Option<Time>),
    Up(Time),
    /// Killed if it has not ended by then.
    Stopping(Option<Time>),
    /// Given up if it has not ended by then.
    Killed(Time),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Build the child, which lived so many times before.
    Spawn(u64, u64),
    Stop(u64),
    Kill(u64),
    /// Nothing more is expected of this life.
    Abandon(u64),
    /// The child has started.
    Up(u64),
    /// The child has ended before it had started.
    FailedToStart(u64, ExitReason),
    /// The child is no member any more.
    Gone(u64),
    /// All children have started for the first time.
    Ready,
    /// There is no child left. Why it came to this, if it was a failure.
    End(Option<String>),
}

impl Family {
    /// Nothing is done before the first [`step`](Self::step).
    pub(super) fn new(tree: &Supervisor) -> Self {
        let mut family = Self {
            strategy: tree.strategy,
            intensity: tree.intensity,
            backoff: tree.backoff,
            max_children: tree.max_children,
            members: Vec::new(),
            failures: VecDeque::new(),
            ready: false,
            ending: None,
            over: false,
            next_id: 0,
        };
        for child in &tree.children {
            family.join(child, false);
        }
        family
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(super) fn named(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    pub(super) fn is_full(&self) -> bool {
        self.members.len() >= self.max_children
    }

    /// All children were up at the same time once.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// There is no child left, and never will be.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// When to [`tick`](Self::tick), if nothing happens before.
    pub(super) fn next_deadline(&self, now: Time) -> Option<Time> {
        let deadlines = self.members.iter().filter_map(|member| match member.stage {
            // What could start by now is held up by another.
            Stage::Down(until) => (member.wanted && until > now).then_some(until),
            stage => stage.deadline(),
        });
        deadlines.min()
    }

    /// A child is to be started at run time, at the next [`step`](Self::step).
    pub(super) fn add(&mut self, child: &Child) -> u64 {
        self.join(child, true)
    }

    /// A child is to be stopped and forgotten.
    pub(super) fn remove(&mut self, now: Time, id: u64, out: &mut VecDeque<Effect>) {
        if let Some(member) = self.member(id) {
            member.wanted = false;
            member.forget = true;
            member.must_stop = member.is_running();
        }
        self.step(now, out);
    }

    /// The supervisor is to stop.
    pub(super) fn end(&mut self, now: Time, out: &mut VecDeque<Effect>) {
        self.wind_up(None);
        self.step(now, out);
    }

    /// A child has started.
    pub(super) fn started(&mut self, now: Time, id: u64, out: &mut VecDeque<Effect>) {
        if let Some(member) = self.member(id)
            && matches!(member.stage, Stage::Starting(_))
        {
            member.stage = Stage::Up(now);
            out.push_back(Effect::Up(id));
        }
        self.step(now, out);
    }

    /// A child has ended, or could not be spawned. `chance`, between 0 and 1, spreads the waits.
    pub(super) fn exited(
        &mut self,
        now: Time,
        id: u64,
        reason: ExitReason,
        chance: f64,
        out: &mut VecDeque<Effect>,
    ) {
        let Some(at) = self.members.iter().position(|member| member.id == id) else {
            return;
        };
        let member = &mut self.members[at];
        let stage = std::mem::replace(&mut member.stage, Stage::Down(now));
        let asked = std::mem::take(&mut member.must_stop);
        let starting = match stage {
            Stage::Starting(_) => true,
            Stage::Killed(_) => !asked,
            _ => false,
        };
        if starting {
            out.push_back(Effect::FailedToStart(id, reason.clone()));
        }
        let temporary = member.restart == Restart::Temporary;
        if asked || self.ending.is_some() {
            // Not even those who were stopped for the sake of another come back.
            member.wanted &= !temporary;
            member.forget |= temporary;
        } else if reason == ExitReason::NodeDown {
            self.wind_up(None);
        } else if temporary || member.restart == Restart::Transient && reason == ExitReason::Normal
        {
            member.wanted = false;
            member.forget = temporary || member.dynamic;
        } else {
            let lived = match stage {
                Stage::Up(since) => now.saturating_sub(since),
                _ => Duration::ZERO,
            };
            self.fail(now, at, lived, &reason, chance);
        }
        self.step(now, out);
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Time, chance: f64, out: &mut VecDeque<Effect>) {
        let late = |member: &&mut Member| {
            member
                .stage
                .deadline()
                .is_some_and(|deadline| deadline <= now)
        };
        let mut abandoned = Vec::new();
        for member in self.members.iter_mut().filter(late) {
            match member.stage {
                Stage::Starting(_) | Stage::Stopping(_) => {
                    member.stage = Stage::Killed(now + KILL_GRACE);
                    out.push_back(Effect::Kill(member.id));
                }
                Stage::Killed(_) => abandoned.push(member.id),
                Stage::Down(_) | Stage::Up(_) => {}
            }
        }
        for id in abandoned {
            out.push_back(Effect::Abandon(id));
            self.exited(now, id, ExitReason::Killed, chance, out);
        }
        self.step(now, out);
    }

    /// Does what can be done now.
    pub(super) fn step(&mut self, now: Time, out: &mut VecDeque<Effect>) {
        self.forget_those_gone(out);
        let one_by_one = self.one_by_one();
        let going = |member: &Member| matches!(member.stage, Stage::Stopping(_) | Stage::Killed(_));
        for at in (0..self.members.len()).rev() {
            if one_by_one && self.members.iter().any(going) {
                return;
            }
            let member = &mut self.members[at];
            if member.must_stop && matches!(member.stage, Stage::Starting(_) | Stage::Up(_)) {
                member.stage = Stage::Stopping(member.shutdown.map(|time| now + time));
                out.push_back(Effect::Stop(member.id));
            }
        }
        if one_by_one && self.members.iter().any(going) {
            return;
        }
        match &self.ending {
            None => self.start(now, one_by_one, out),
            Some(why) if !self.over => {
                self.over = true;
                out.push_back(Effect::End(why.clone()));
            }
            Some(_) => {}
        }
    }

    fn start(&mut self, now: Time, one_by_one: bool, out: &mut VecDeque<Effect>) {
        for member in &mut self.members {
            match member.stage {
                Stage::Down(until) if member.wanted && until <= now => {
                    member.stage = Stage::Starting(member.start.map(|time| now + time));
                    out.push_back(Effect::Spawn(member.id, member.lives));
                    member.lives += 1;
                }
                Stage::Down(_) if !member.wanted => continue,
                Stage::Up(_) => continue,
                _ => {}
            }
            // One that waits or starts holds up those behind it.
            if one_by_one {
                return;
            }
        }
        if !self.ready {
            self.ready = true;
            out.push_back(Effect::Ready);
        }
    }

    /// Whether the order of the children matters now.
    fn one_by_one(&self) -> bool {
        self.strategy != Strategy::OneForOne || !self.ready || self.ending.is_some()
    }

    fn join(&mut self, child: &Child, dynamic: bool) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.members.push(Member {
            id,
            name: child.name.clone(),
            restart: child.restart,
            start: child.start,
            shutdown: child.shutdown,
            stage: Stage::Down(Time::ZERO),
            wanted: true,
            must_stop: false,
            forget: false,
            dynamic,
            lives: 0,
            row: 0,
        });
        id
    }

    fn fail(&mut self, now: Time, at: usize, lived: Duration, reason: &ExitReason, chance: f64) {
        let (max, within) = self.intensity;
        self.failures.push_back(now);
        while self
            .failures
            .front()
            .is_some_and(|first| *first + within < now)
        {
            self.failures.pop_front();
        }
        if self.failures.len() > max as usize {
            let name = &self.members[at].name;
            let why =
                format!("more than {max} restarts within {within:?}; the last: `{name}` {reason}");
            return self.wind_up(Some(why));
        }
        let wait = self.wait(at, lived, chance);
        self.members[at].stage = Stage::Down(now + wait);
        let others = match self.strategy {
            Strategy::OneForOne => at..at,
            Strategy::RestForOne => at + 1..self.members.len(),
            Strategy::OneForAll => 0..self.members.len(),
        };
        for member in &mut self.members[others] {
            member.must_stop = member.is_running();
            // The whole begins anew, with those who had done their work.
            member.wanted |= !member.forget && member.restart != Restart::Temporary;
        }
    }

    /// How long to wait before a child is built anew that failed after so long a life.
    fn wait(&mut self, at: usize, lived: Duration, chance: f64) -> Duration {
        let Some((first, longest)) = self.backoff else {
            return Duration::ZERO;
        };
        let member = &mut self.members[at];
        member.row = if lived >= longest {
            1
        } else {
            member.row.saturating_add(1)
        };
        // Beyond 2^31 times the first, any wait is the longest.
        let doubled = first.saturating_mul(1 << (member.row - 1).min(31));
        doubled.min(longest).mul_f64(0.5 + 0.5 * chance)
    }

    fn wind_up(&mut self, why: Option<String>) {
        self.ending.get_or_insert(why);
        for member in &mut self.members {
            member.wanted = false;
            member.must_stop = member.is_running();
        }
    }

    fn forget_those_gone(&mut self, out: &mut VecDeque<Effect>) {
        self.members.retain(|member| {
            let gone = member.forget && matches!(member.stage, Stage::Down(_));
            if gone {
                out.push_back(Effect::Gone(member.id));
            }
            !gone
        });
    }

    fn member(&mut self, id: u64) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }
}

impl Member {
    pub(super) fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up(_))
    }

    /// How often it was built anew.
    pub(super) fn restarts(&self) -> u64 {
        self.lives.saturating_sub(1)
    }

    fn is_running(&self) -> bool {
        !matches!(self.stage, Stage::Down(_))
    }
}

impl Stage {
    /// When patience with it ends.
    fn deadline(self) -> Option<Time> {
        match self {
            Stage::Starting(deadline) | Stage::Stopping(deadline) => deadline,
            Stage::Killed(deadline) => Some(deadline),
            Stage::Down(_) | Stage::Up(_) => None,
        }
    }
}
