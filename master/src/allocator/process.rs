//! The allocator as an actor: when to allocate, and whom to tell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::resources::{Conversion, NotApplicable, Resources};
use mesos::v1::{AgentId, AgentInfo, FrameworkId, Unavailability};
use rand::Rng;
use tokio::sync::watch;
use tokio::time::Instant;

use super::report::{Report, Stopwatch};
use super::{
    AgentCapabilities, Allocation, Allocator, Explanation, FrameworkOptions, InverseAllocation,
    Quota, Scope,
};

/// How long an event waits for others before it leads to a run: long enough that the arrival of
/// many agents makes few runs, short enough that nobody notices.
const COALESCE: Duration = Duration::from_millis(3);

/// How often its report is published: as often as anybody would look, far longer than it takes.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Messages that may wait for the allocator. Every one has changes of its books that must not be
/// lost, so this is far more than a master can produce during one run.
pub const ALLOCATOR_MAILBOX: usize = 1_048_576;

protocol! {
    /// What the master tells the allocator.
    pub local AllocatorProtocol = "mesos.allocator" {
        1 => AllocatorOps -> (),
        2 => UpdateAvailable -> Result<(), NotApplicable>,
        3 => Explain -> Vec<Vec<Explanation>>,
    }
}

/// One call of [`Allocator`]; the meaning of each is documented there.
#[expect(
    missing_docs,
    reason = "the fields are named as the arguments of the trait's methods"
)]
#[derive(Clone, Debug)]
pub enum AllocatorOp {
    AddFramework {
        id: FrameworkId,
        options: FrameworkOptions,
        used: BTreeMap<AgentId, Resources>,
    },
    UpdateFramework {
        id: FrameworkId,
        options: FrameworkOptions,
    },
    RemoveFramework {
        id: FrameworkId,
    },
    ActivateFramework {
        id: FrameworkId,
    },
    DeactivateFramework {
        id: FrameworkId,
    },
    AddAgent {
        id: AgentId,
        info: AgentInfo,
        capabilities: AgentCapabilities,
        total: Resources,
        used: BTreeMap<FrameworkId, Resources>,
    },
    UpdateAgent {
        id: AgentId,
        info: AgentInfo,
        capabilities: AgentCapabilities,
        total: Resources,
    },
    RemoveAgent {
        id: AgentId,
    },
    ActivateAgent {
        id: AgentId,
    },
    DeactivateAgent {
        id: AgentId,
    },
    Recover {
        framework: FrameworkId,
        agent: AgentId,
        resources: Resources,
        refuse: Option<Duration>,
    },
    CloseOffers {
        framework: FrameworkId,
        count: usize,
    },
    UpdateAllocation {
        framework: FrameworkId,
        agent: AgentId,
        offered: Resources,
        conversions: Vec<Conversion>,
    },
    UpdateWeights {
        weights: BTreeMap<String, f64>,
    },
    UpdateQuota {
        role: String,
        quota: Quota,
    },
    UpdateWhitelist {
        hostnames: Option<BTreeSet<String>>,
    },
    BeginRecovery {
        expected_agents: usize,
    },
    UpdateUnavailability {
        agent: AgentId,
        unavailability: Option<Unavailability>,
    },
    AnswerInverseOffer {
        framework: FrameworkId,
        agent: AgentId,
        refuse: Option<Duration>,
    },
    Suppress {
        framework: FrameworkId,
        roles: BTreeSet<String>,
    },
    Revive {
        framework: FrameworkId,
        roles: BTreeSet<String>,
    },
}

/// Several of them, in order.
#[derive(Clone, Debug)]
pub struct AllocatorOps(pub Vec<AllocatorOp>);

/// Asks for [`Allocator::update_available`].
#[derive(Clone, Debug)]
pub struct UpdateAvailable {
    /// Whose resources change.
    pub agent: AgentId,
    /// How; without allocation roles.
    pub conversions: Vec<Conversion>,
}

/// Asks for [`Allocator::explain`].
#[derive(Clone, Debug)]
pub struct Explain {
    /// Who is not offered enough; the answer has a list for each.
    pub frameworks: Vec<FrameworkId>,
    /// In which role; in all of theirs if unset.
    pub role: Option<String>,
    /// Of which agents.
    pub agents: Vec<AgentId>,
}

/// What the allocator tells its subscriber after a run that gave something away.
#[derive(Clone, Debug)]
pub struct Allocated {
    /// What was given away.
    pub given: Vec<Allocation>,
    /// Who is to be asked to leave agents.
    pub inverse: Vec<InverseAllocation>,
    /// How many operations the allocator had heard by then.
    pub heard: u64,
}

/// Where others see the allocator, and may ask it.
#[derive(Clone, Debug)]
pub struct AllocatorDoor {
    /// Answers [`Explain`].
    pub pid: Pid<AllocatorProtocol>,
    /// What it published last.
    pub reports: watch::Receiver<Arc<Report>>,
}

impl Message for Allocated {
    type Result = ();
}

/// The allocator's actor: runs an [`Allocator`] a few milliseconds after events and periodically,
/// and tells the subscriber, whose protocol is `P`, what it gave away.
pub struct AllocatorProcess<P: Accepts<Allocated>> {
    allocator: Box<dyn Allocator>,
    subscriber: Pid<P>,
    interval: Duration,
    started: Instant,
    heard: u64,
    /// How long the last run took. The next one waits at least as long, so that under load the
    /// allocator spends half its time on keeping its books.
    last_run: Duration,
    scheduled: bool,
    /// The earliest run that is scheduled for the end of a refusal.
    wake: Option<Duration>,
    /// Since when a run is due that events asked for.
    due: Option<Instant>,
    runs: u64,
    run_times: Stopwatch,
    latencies: Stopwatch,
    reports: watch::Sender<Arc<Report>>,
}

impl<P: Accepts<Allocated>> AllocatorProcess<P> {
    /// Runs `allocator` on events and every `interval`, and tells the subscriber. To be spawned
    /// with a mailbox of [`ALLOCATOR_MAILBOX`].
    pub fn new(
        allocator: Box<dyn Allocator>,
        interval: Duration,
        subscriber: Pid<P>,
        ctx: &Context<Self>,
    ) -> Self {
        let started = ctx.now();
        let last_run = Duration::ZERO;
        Self {
            allocator,
            subscriber,
            interval,
            started,
            heard: 0,
            last_run,
            scheduled: false,
            wake: None,
            due: None,
            runs: 0,
            run_times: Stopwatch::default(),
            latencies: Stopwatch::default(),
            reports: watch::Sender::default(),
        }
    }

    /// Where reports appear, about every second.
    pub fn reports(&self) -> watch::Receiver<Arc<Report>> {
        self.reports.subscribe()
    }

    fn report(&self) {
        self.reports.send_replace(Arc::new(Report {
            runs: self.runs,
            run: self.run_times.read(),
            latency: self.latencies.read(),
            figures: self.allocator.figures(),
        }));
    }

    fn schedule_run(&mut self, ctx: &mut Context<Self>) {
        self.schedule_wake(ctx);
        if !self.scheduled && self.allocator.has_pending() {
            self.scheduled = true;
            self.due = Some(ctx.now());
            ctx.run_later(COALESCE.max(self.last_run), |actor, ctx| {
                actor.scheduled = false;
                actor.run(Scope::Pending, ctx);
            });
        }
    }

    /// Has a run when refusals end, together with others that end soon after.
    fn schedule_wake(&mut self, ctx: &mut Context<Self>) {
        let Some(next) = self.allocator.next_wake() else {
            return;
        };
        if self.wake.is_some_and(|wake| wake <= next) {
            return;
        }
        self.wake = Some(next);
        let now = ctx.now() - self.started;
        let wait = next.saturating_sub(now) + COALESCE.max(self.last_run);
        ctx.run_later(wait, move |actor, ctx| {
            // Otherwise an earlier run was scheduled meanwhile, and has scheduled the next one.
            if actor.wake == Some(next) {
                actor.wake = None;
                actor.run(Scope::Pending, ctx);
            }
        });
    }

    fn run(&mut self, scope: Scope, ctx: &mut Context<Self>) {
        let began = ctx.now();
        let random = ctx.random();
        let mut chance = |below: usize| random.random_range(0..below);
        let given = self
            .allocator
            .allocate(began - self.started, scope, &mut chance);
        let inverse = self.allocator.inverse_offers(began - self.started);
        self.last_run = ctx.now() - began;
        self.runs += 1;
        self.run_times.note(self.last_run);
        let due = self.due.take();
        self.latencies
            .note(due.map_or(Duration::ZERO, |due| began - due));
        if !given.is_empty() || !inverse.is_empty() {
            let heard = self.heard;
            let allocated = Allocated {
                given,
                inverse,
                heard,
            };
            ctx.tell(&self.subscriber, allocated);
        }
        self.schedule_wake(ctx);
    }
}

impl<P: Accepts<Allocated>> Actor for AllocatorProcess<P> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(self.interval, |actor, ctx| {
            actor.run(Scope::Everything, ctx)
        });
        ctx.run_interval(REPORT_INTERVAL, |actor, _| actor.report());
    }
}

impl<P: Accepts<Allocated>> Process for AllocatorProcess<P> {
    type Protocol = AllocatorProtocol;
}

impl<P: Accepts<Allocated>> Handler<AllocatorOps> for AllocatorProcess<P> {
    type Result = ();

    fn handle(&mut self, ops: AllocatorOps, ctx: &mut Context<Self>) {
        let now = ctx.now() - self.started;
        for op in ops.0 {
            self.heard += 1;
            op.apply(&mut *self.allocator, now);
        }
        self.schedule_run(ctx);
    }
}

impl<P: Accepts<Allocated>> Handler<UpdateAvailable> for AllocatorProcess<P> {
    type Result = Result<(), NotApplicable>;

    fn handle(&mut self, update: UpdateAvailable, ctx: &mut Context<Self>) -> Self::Result {
        self.heard += 1;
        let updated = self
            .allocator
            .update_available(&update.agent, &update.conversions);
        self.schedule_run(ctx);
        updated
    }
}

impl<P: Accepts<Allocated>> Handler<Explain> for AllocatorProcess<P> {
    type Result = MessageResult<Explain>;

    fn handle(&mut self, explain: Explain, ctx: &mut Context<Self>) -> Self::Result {
        let now = ctx.now() - self.started;
        let asked =
            |found: &Explanation| explain.role.as_ref().is_none_or(|role| *role == found.role);
        let mut of_framework = |framework| -> Vec<Explanation> {
            let agents = explain.agents.iter();
            let all = agents.flat_map(|agent| self.allocator.explain(now, framework, agent));
            all.filter(asked).collect()
        };
        let frameworks = explain.frameworks.iter();
        MessageResult(frameworks.map(&mut of_framework).collect())
    }
}

impl AllocatorOp {
    /// Does it.
    pub fn apply(self, allocator: &mut dyn Allocator, now: Duration) {
        match self {
            AllocatorOp::AddFramework { id, options, used } => {
                allocator.add_framework(&id, options, &used);
            }
            AllocatorOp::UpdateFramework { id, options } => {
                allocator.update_framework(&id, options)
            }
            AllocatorOp::RemoveFramework { id } => allocator.remove_framework(&id),
            AllocatorOp::ActivateFramework { id } => allocator.activate_framework(&id),
            AllocatorOp::DeactivateFramework { id } => allocator.deactivate_framework(&id),
            AllocatorOp::AddAgent {
                id,
                info,
                capabilities,
                total,
                used,
            } => {
                allocator.add_agent(&id, &info, capabilities, total, &used);
            }
            AllocatorOp::UpdateAgent {
                id,
                info,
                capabilities,
                total,
            } => {
                allocator.update_agent(&id, &info, capabilities, total);
            }
            AllocatorOp::RemoveAgent { id } => allocator.remove_agent(&id),
            AllocatorOp::ActivateAgent { id } => allocator.activate_agent(&id),
            AllocatorOp::DeactivateAgent { id } => allocator.deactivate_agent(&id),
            AllocatorOp::Recover {
                framework,
                agent,
                resources,
                refuse,
            } => {
                allocator.recover(now, &framework, &agent, &resources, refuse);
            }
            AllocatorOp::CloseOffers { framework, count } => {
                allocator.close_offers(&framework, count);
            }
            AllocatorOp::UpdateAllocation {
                framework,
                agent,
                offered,
                conversions,
            } => {
                allocator.update_allocation(&framework, &agent, &offered, &conversions);
            }
            AllocatorOp::UpdateWeights { weights } => allocator.update_weights(&weights),
            AllocatorOp::UpdateQuota { role, quota } => allocator.update_quota(&role, &quota),
            AllocatorOp::UpdateWhitelist { hostnames } => allocator.update_whitelist(hostnames),
            AllocatorOp::BeginRecovery { expected_agents } => {
                allocator.begin_recovery(now, expected_agents);
            }
            AllocatorOp::UpdateUnavailability {
                agent,
                unavailability,
            } => {
                allocator.update_unavailability(&agent, unavailability);
            }
            AllocatorOp::AnswerInverseOffer {
                framework,
                agent,
                refuse,
            } => {
                allocator.answer_inverse_offer(now, &framework, &agent, refuse);
            }
            AllocatorOp::Suppress { framework, roles } => allocator.suppress(&framework, &roles),
            AllocatorOp::Revive { framework, roles } => allocator.revive(&framework, &roles),
        }
    }
}
