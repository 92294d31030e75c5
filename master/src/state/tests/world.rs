//! A cluster to play with: agents and frameworks by short names, and a log that reads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::Pid;
use mesos::protocols::master::{RegisterAgent, ReregisterAgent};
use mesos::protocols::{
    AgentProtocol, CallAccepted, CallRejected, SchedulerProtocol, UpdateRecord,
};
use mesos::resources::Resources;
use mesos::v1::scheduler::{Call, call};
use mesos::v1::{self, AgentId, FrameworkId, OfferId, TaskState, master as operator};
use mesos::wire::{Packed, Pb};
use uuid::Uuid;

use super::books::Books;
use super::log;
pub(super) use super::samples::*;
use crate::allocator::Allocation;
use crate::config::Config;
use crate::registrar::{Operation, Registry};
use crate::state::{Caller, Continuation, Effect, Effects, State, Ticket, Timer, Timestamp};

pub(super) struct World {
    pub(super) state: State,
    pub(super) now: Timestamp,
    /// Stream ids of subscribed frameworks.
    streams: BTreeMap<FrameworkId, String>,
    /// Set timers, with when they are due.
    timers: Vec<(Timestamp, Timer)>,
    /// While set, the registry does not answer.
    pub(super) registry_is_slow: bool,
    waiting: Vec<Continuation>,
    log: Vec<String>,
    /// What the last status of a task said.
    pub(super) said: String,
    /// What was written to the registry.
    pub(super) operations: Vec<Operation>,
    uuids: u128,
    /// What the allocator believes to be taken of each agent, by framework.
    books: Books,
}

impl World {
    pub(super) fn new() -> World {
        World::with(Config::default())
    }

    pub(super) fn with(config: Config) -> World {
        let mut world = World::recovering(config);
        world.recover(Registry::default());
        world
    }

    pub(super) fn recovering(config: Config) -> World {
        let info = v1::MasterInfo {
            id: "m".into(),
            ..Default::default()
        };
        World {
            state: State::new(Arc::new(config), info),
            now: Timestamp::from_secs(1_000),
            streams: BTreeMap::new(),
            timers: Vec::new(),
            registry_is_slow: false,
            waiting: Vec::new(),
            log: Vec::new(),
            said: String::new(),
            operations: Vec::new(),
            uuids: 0,
            books: Books::default(),
        }
    }

    pub(super) fn recover(&mut self, registry: Registry) {
        let effects = self.state.recovered(self.now, registry);
        self.perform(effects);
    }

    /// What happened since the last look, one line each.
    pub(super) fn log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// As [`log`](Self::log), only lines that begin so.
    pub(super) fn log_of(&mut self, prefix: &str) -> Vec<String> {
        self.log()
            .into_iter()
            .filter(|line| line.starts_with(prefix))
            .collect()
    }

    /// Lets time pass; timers fire when they are due.
    pub(super) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.timers.sort_by_key(|(due, _)| *due);
            if self.timers.first().is_none_or(|(due, _)| *due > end) {
                break;
            }
            let (due, timer) = self.timers.remove(0);
            self.now = due;
            let effects = self.state.fired(due, timer);
            self.perform(effects);
        }
        self.now = end;
    }

    pub(super) fn registry_answers(&mut self) {
        self.registry_is_slow = false;
        for continuation in std::mem::take(&mut self.waiting) {
            let effects = self.state.stored(self.now, continuation);
            self.perform(effects);
        }
    }

    pub(super) fn perform(&mut self, effects: Effects) {
        self.perform_each(effects);
        // Whatever the allocator gave is an offer, or it knows that it is not.
        let offers = self.state.cluster().offers.len();
        assert_eq!(self.books.offers(), offers);
    }

    fn perform_each(&mut self, mut effects: Effects) {
        effects.extend(self.state.settle());
        for effect in effects {
            if let Some(line) = log::line(&effect) {
                self.log.push(line);
            }
            if let Effect::Event(_, event) = &effect
                && let Some(update) = &event.update
            {
                self.said = update.status.message().to_owned();
            }
            if let Effect::Registry(operation, _) = &effect {
                self.operations.push(operation.clone());
            }
            match effect {
                Effect::Allocator(operation) => self.books.note(operation),
                Effect::Timer(after, timer) => self.timers.push((self.now + after, timer)),
                Effect::Registry(_, Continuation::Nothing) => {}
                Effect::Registry(_, then) if self.registry_is_slow => self.waiting.push(then),
                Effect::Registry(_, then) => {
                    let effects = self.state.stored(self.now, then);
                    self.perform_each(effects);
                }
                _ => {}
            }
        }
    }

    /// A new agent registers at host `n`, and is admitted.
    pub(super) fn agent(&mut self, n: u8) -> AgentId {
        self.agent_named(n, &format!("10.0.0.{n}"))
    }

    /// As [`agent`](Self::agent), under another host name than its ip.
    pub(super) fn agent_named(&mut self, n: u8, hostname: &str) -> AgentId {
        let before: Vec<AgentId> = self.state.cluster().agents.keys().cloned().collect();
        self.register_as(agent_pid(n, 1), hostname);
        let now = self
            .state
            .cluster()
            .agents
            .keys()
            .find(|id| !before.contains(id))
            .cloned();
        now.expect("the agent was not admitted")
    }

    pub(super) fn register(&mut self, pid: Pid<AgentProtocol>) {
        let hostname = pid.address().ip().to_string();
        self.register_as(pid, &hostname);
    }

    fn register_as(&mut self, pid: Pid<AgentProtocol>, hostname: &str) {
        let info = v1::AgentInfo {
            hostname: hostname.into(),
            ..agent_info(&pid)
        };
        let request = RegisterAgent {
            info: Pb(info),
            agent: pid,
            capabilities: capabilities(),
            checkpointed_resources: vec![],
            version: "1.11.0".into(),
            resource_version: Some(Uuid::nil()),
        };
        let effects = self.state.register_agent(self.now, request);
        self.perform(effects);
    }

    pub(super) fn reregister(&mut self, id: &AgentId, pid: Pid<AgentProtocol>, runs: Runs) {
        let request = self.reregistration(id, pid, runs);
        let effects = self.state.reregister_agent(self.now, request);
        self.perform(effects);
    }

    /// What an agent says that comes back.
    pub(super) fn reregistration(
        &self,
        id: &AgentId,
        pid: Pid<AgentProtocol>,
        runs: Runs,
    ) -> ReregisterAgent {
        let mut info = agent_info(&pid);
        info.id = Some(id.clone());
        ReregisterAgent {
            info: Pb(info),
            agent: pid,
            capabilities: capabilities(),
            checkpointed_resources: runs.checkpointed.into_iter().map(Pb).collect(),
            frameworks: runs.frameworks.into_iter().map(Pb).collect(),
            executors: vec![],
            tasks: runs.tasks.iter().map(Packed::new).collect(),
            version: "1.11.0".into(),
            resource_version: runs.version,
            operations: runs.operations.into_iter().map(Pb).collect(),
            completed_frameworks: runs.completed_frameworks.into_iter().map(Pb).collect(),
            completed_tasks: runs.completed_tasks.iter().map(Packed::new).collect(),
        }
    }

    /// An operator calls.
    pub(super) fn operator(&mut self, kind: operator::call::Type, call: operator::Call) {
        let effects = self.operator_effects(kind, call);
        self.perform(effects);
    }

    /// As [`operator`](Self::operator), with nothing done about it yet.
    pub(super) fn operator_effects(
        &mut self,
        kind: operator::call::Type,
        mut call: operator::Call,
    ) -> Effects {
        call.set_type(kind);
        let fresh = Uuid::from_u128(1_000);
        self.state
            .operator(self.now, Ticket(1), Some("op"), fresh, call)
    }

    /// The process or the link of an agent ends.
    pub(super) fn agent_exits(&mut self, id: &AgentId) {
        let pid = self.state.cluster().agents[id].pid.any();
        let effects = self.state.exited(self.now, &pid);
        self.perform(effects);
    }

    /// A framework subscribes for the first time.
    pub(super) fn framework(&mut self, info: v1::FrameworkInfo) -> FrameworkId {
        let pid = scheduler_pid(&info.name, 1);
        self.subscribe(info, pid).expect("refused")
    }

    pub(super) fn subscribe(
        &mut self,
        info: v1::FrameworkInfo,
        pid: Pid<SchedulerProtocol>,
    ) -> Result<FrameworkId, CallRejected> {
        let call = Call {
            framework_id: info.id.clone(),
            r#type: Some(call::Type::Subscribe as i32),
            subscribe: Some(call::Subscribe {
                framework_info: info,
                ..Default::default()
            }),
            ..Default::default()
        };
        let caller = Caller {
            from: Some(pid),
            ..self.nobody()
        };
        let granted = self
            .call_as(&caller, call)?
            .subscription
            .expect("no subscription");
        self.streams
            .insert(granted.framework_id.clone(), granted.stream_id);
        Ok(granted.framework_id)
    }

    pub(super) fn nobody(&mut self) -> Caller {
        self.uuids += 1;
        Caller {
            from: None,
            stream_id: None,
            principal: None,
            operator: false,
            fresh: Uuid::from_u128(self.uuids),
        }
    }

    pub(super) fn call_as(
        &mut self,
        caller: &Caller,
        call: Call,
    ) -> Result<CallAccepted, CallRejected> {
        let (accepted, effects) = self.state.call(self.now, caller, call)?;
        self.perform(effects);
        Ok(accepted)
    }

    /// A framework calls, over its subscription.
    #[track_caller]
    pub(super) fn call(&mut self, id: &FrameworkId, kind: call::Type, call: Call) {
        let caller = Caller {
            stream_id: self.streams.get(id).cloned(),
            ..self.nobody()
        };
        let call = Call {
            framework_id: Some(id.clone()),
            r#type: Some(kind as i32),
            ..call
        };
        self.call_as(&caller, call).expect("refused");
    }

    pub(super) fn framework_exits(&mut self, id: &FrameworkId) {
        let framework = &self.state.cluster().frameworks[id];
        let pid = framework.subscription().expect("not connected").pid.any();
        let effects = self.state.exited(self.now, &pid);
        self.perform(effects);
    }

    /// The allocator gives resources of an agent to a framework; an offer is made of them.
    pub(super) fn offer(&mut self, id: &FrameworkId, agent: &AgentId, resources: &str) -> OfferId {
        self.offer_of(id, agent, plain(resources))
    }

    /// As [`offer`](Self::offer), of anything.
    pub(super) fn offer_of(
        &mut self,
        id: &FrameworkId,
        agent: &AgentId,
        resources: Resources,
    ) -> OfferId {
        let before = self.state.cluster().offers.clone();
        self.allocate_to(id, agent, "*", resources);
        let mut new = (self.state.cluster().offers.keys()).filter(|id| !before.contains_key(*id));
        new.next().expect("no offer was made").clone()
    }

    /// The allocator gives resources of an agent to a framework.
    pub(super) fn allocate(&mut self, id: &FrameworkId, agent: &AgentId, resources: &str) {
        self.allocate_to(id, agent, "*", plain(resources));
    }

    /// The allocator gives resources of an agent to a role of a framework.
    pub(super) fn allocate_to(
        &mut self,
        id: &FrameworkId,
        agent: &AgentId,
        role: &str,
        resources: Resources,
    ) {
        let allocation = Allocation {
            framework: id.clone(),
            agent: agent.clone(),
            role: role.into(),
            resources: resources.allocate(role),
        };
        self.books.give(&allocation);
        let effects = self.state.allocated(self.now, vec![allocation]);
        self.perform(effects);
    }

    #[track_caller]
    pub(super) fn accept(
        &mut self,
        id: &FrameworkId,
        offers: &[&OfferId],
        tasks: Vec<v1::TaskInfo>,
    ) {
        use v1::offer::operation::{Launch, Type};
        let launch = v1::offer::Operation {
            r#type: Some(Type::Launch as i32),
            launch: Some(Launch { task_infos: tasks }),
            ..Default::default()
        };
        self.accept_with(id, offers, vec![launch]);
    }

    #[track_caller]
    pub(super) fn accept_with(
        &mut self,
        id: &FrameworkId,
        offers: &[&OfferId],
        operations: Vec<v1::offer::Operation>,
    ) {
        let accept = call::Accept {
            offer_ids: offers.iter().map(|id| (*id).clone()).collect(),
            operations,
            filters: None,
        };
        let call = Call {
            accept: Some(accept),
            ..Default::default()
        };
        self.call(id, call::Type::Accept, call);
    }

    /// A framework with one running task on one agent.
    #[track_caller]
    pub(super) fn running(&mut self, id: &FrameworkId, agent: &AgentId, name: &str) {
        let offer = self.offer(id, agent, "cpus:1;mem:32");
        self.accept(id, &[&offer], vec![task(name, agent, "cpus:1;mem:32")]);
        self.update(id, agent, name, TaskState::TaskRunning, 1);
        self.log();
    }

    /// An agent reports `state` in an update with this uuid.
    pub(super) fn update(
        &mut self,
        id: &FrameworkId,
        agent: &AgentId,
        name: &str,
        state: TaskState,
        uuid: u128,
    ) {
        self.update_ahead(id, agent, name, state, state, uuid);
    }

    /// As [`update`](Self::update), while the agent knows of a later state already.
    pub(super) fn update_ahead(
        &mut self,
        id: &FrameworkId,
        agent: &AgentId,
        name: &str,
        state: TaskState,
        latest: TaskState,
        uuid: u128,
    ) {
        let pid = self.state.cluster().agents[agent].pid.any();
        let status = v1::TaskStatus {
            task_id: task_id(name),
            state: state as i32,
            ..Default::default()
        };
        let update = UpdateRecord {
            framework_id: id.clone(),
            agent_id: agent.clone(),
            executor_id: None,
            status: Pb(status),
            latest_state: latest as i32,
            uuid: Some(Uuid::from_u128(uuid)),
            timestamp: self.now.as_secs_f64(),
        };
        let effects = self.state.status_update(Some(&pid), update);
        self.perform(effects);
    }

    pub(super) fn acknowledge(
        &mut self,
        id: &FrameworkId,
        agent: &AgentId,
        name: &str,
        uuid: u128,
    ) {
        let acknowledge = call::Acknowledge {
            agent_id: agent.clone(),
            task_id: task_id(name),
            uuid: Uuid::from_u128(uuid).as_bytes().to_vec(),
        };
        let call = Call {
            acknowledge: Some(acknowledge),
            ..Default::default()
        };
        self.call(id, call::Type::Acknowledge, call);
    }

    pub(super) fn kill(&mut self, id: &FrameworkId, name: &str, agent: Option<&AgentId>) {
        let kill = call::Kill {
            task_id: task_id(name),
            agent_id: agent.cloned(),
            kill_policy: None,
        };
        self.call(
            id,
            call::Type::Kill,
            Call {
                kill: Some(kill),
                ..Default::default()
            },
        );
    }

    pub(super) fn reconcile(&mut self, id: &FrameworkId, tasks: &[(&str, Option<&AgentId>)]) {
        let tasks = tasks.iter().map(|(name, agent)| call::reconcile::Task {
            task_id: task_id(name),
            agent_id: agent.cloned(),
        });
        let reconcile = call::Reconcile {
            tasks: tasks.collect(),
        };
        let call = Call {
            reconcile: Some(reconcile),
            ..Default::default()
        };
        self.call(id, call::Type::Reconcile, call);
    }

    /// The counters agree with what they count.
    #[track_caller]
    fn check_counts(&self) {
        let cluster = self.state.cluster();
        let gauges = [
            TaskState::TaskStaging,
            TaskState::TaskStarting,
            TaskState::TaskRunning,
            TaskState::TaskKilling,
            TaskState::TaskUnreachable,
        ];
        for state in gauges {
            let mut sum = 0;
            for framework in cluster.frameworks.values() {
                let tasks = framework
                    .tasks
                    .values()
                    .chain(framework.unreachable_tasks.values());
                let there = tasks.filter(|task| task.state() == state).count() as u64;
                assert_eq!(
                    framework.counts.get(state),
                    there,
                    "{state:?} of {}",
                    framework.id.value
                );
                sum += there;
            }
            assert_eq!(cluster.counts.get(state), sum, "{state:?}");
        }
    }

    /// What operators asked for holds.
    #[track_caller]
    fn check_wishes(&self) {
        let cluster = self.state.cluster();
        for agent in cluster.agents.values() {
            let id = &agent.id.value;
            let unwanted =
                cluster.drains.contains_key(&agent.id) || cluster.deactivated.contains(&agent.id);
            assert!(!(agent.active && unwanted), "{id} is offered");
            assert!(agent.connected || !agent.active, "{id} is away and offered");
            let machine = cluster.machine_of(agent);
            let down = machine.is_some_and(|(_, machine)| machine.down);
            assert!(!down, "the machine of {id} is down");
            for (framework, offer) in &agent.inverse_offers {
                let offer = &cluster.inverse_offers[offer].record;
                assert_eq!(&offer.framework_id, framework);
                assert!(
                    cluster.frameworks[framework]
                        .inverse_offers
                        .contains(&offer.id)
                );
            }
        }
        for id in cluster.gone_agents.keys() {
            let known = cluster.agents.contains_key(id)
                || cluster.unreachable_agents.contains_key(id)
                || cluster.recovered_agents.contains_key(id)
                || cluster.drains.contains_key(id)
                || cluster.deactivated.contains(id);
            assert!(!known, "{} is gone and there", id.value);
        }
        let of_agents = cluster.agents.values().map(|a| a.inverse_offers.len());
        assert_eq!(of_agents.sum::<usize>(), cluster.inverse_offers.len());
        let of_frameworks = cluster.frameworks.values().map(|f| f.inverse_offers.len());
        assert_eq!(of_frameworks.sum::<usize>(), cluster.inverse_offers.len());
    }

    /// Checks what must hold at any time: sums and both sides of every relation agree.
    #[track_caller]
    pub(super) fn check(&self) {
        let cluster = self.state.cluster();
        self.check_counts();
        assert!(
            self.books.taken.keys().eq(cluster.agents.keys()),
            "agents differ"
        );
        self.check_wishes();
        for (agent, taken) in &self.books.taken {
            for (framework, taken) in taken {
                let of_offers: Resources = (cluster.offers.values())
                    .filter(|offer| offer.record.agent_id == *agent)
                    .filter(|offer| offer.record.framework_id == *framework)
                    .map(|offer| &offer.resources)
                    .sum();
                let used = cluster.agents[agent].used.get(framework.as_str()).cloned();
                let believed = &*used.unwrap_or_default() + &of_offers;
                assert_eq!(*taken, believed, "{} on {}", framework.value, agent.value);
            }
        }
        for agent in cluster.agents.values() {
            let taken = agent.used_total() + agent.offered();
            let taken = taken.unallocate();
            // Of what is shared there are as many copies as users.
            let taken = taken.filter(|key| !key.shared);
            // What is lent may have become less than is used of it.
            assert!(
                agent.total.contains(&taken.non_revocable()),
                "{} overcommitted: {taken}",
                agent.id.value
            );
            for (framework, task) in &agent.tasks {
                assert!(
                    cluster.task(&framework.to_v1(), &task.to_v1()).is_some(),
                    "ghost task {task}"
                );
            }
        }
        for framework in cluster.frameworks.values() {
            let held: Resources = framework
                .tasks
                .values()
                .filter(|task| !task.holds_nothing())
                .map(|task| &*task.resources)
                .sum();
            assert!(
                framework.used_total().contains(&held),
                "{}",
                framework.id.value
            );
            for (id, task) in &framework.tasks {
                assert_eq!(task.id(), id);
                let agent = &cluster.agents[&task.agent_id().to_v1()];
                let key = (framework.shared_id.clone(), id.clone());
                assert!(agent.tasks.contains(&key));
            }
            assert!(
                framework
                    .offers
                    .iter()
                    .all(|id| cluster.offers.contains_key(id))
            );
        }
    }
}
