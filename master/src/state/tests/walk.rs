//! Whatever happens in whatever order: the books of master and allocator agree, nothing is given
//! away twice, and no task is in one list without the other.

use std::time::Duration;

use mesos::v1::maintenance::{Schedule, Window};
use mesos::v1::master::{Call, call};
use mesos::v1::scheduler;
use mesos::v1::scheduler::call::Type;
use mesos::v1::{AgentId, FrameworkId, FrameworkInfo, MachineId, TaskState};
use proptest::prelude::*;

use super::world::{Runs, World, agent_pid, info, partition_aware, scheduler_pid, task};
use crate::allocator::InverseAllocation;

/// One thing that happens; the number chooses whom it happens to.
#[derive(Clone, Debug)]
enum Step {
    Agent(u8),
    AgentExits(usize),
    AgentSilent(usize),
    AgentReturns(u8, usize, bool),
    Framework(u8),
    FrameworkExits(usize),
    FrameworkReturns(usize),
    Teardown(usize),
    Offer(usize, usize),
    Accept(usize, u8),
    Update(usize, bool),
    Acknowledge(usize),
    Kill(usize),
    Operator(u8, usize),
    Machine(u8, u8),
    InverseOffer(usize, usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..8usize;
    prop_oneof![
        3 => (1..4u8).prop_map(Step::Agent),
        1 => n.clone().prop_map(Step::AgentExits),
        1 => n.clone().prop_map(Step::AgentSilent),
        2 => (1..4u8, n.clone(), any::<bool>()).prop_map(|(a, b, c)| Step::AgentReturns(a, b, c)),
        3 => (0..3u8).prop_map(Step::Framework),
        1 => n.clone().prop_map(Step::FrameworkExits),
        1 => n.clone().prop_map(Step::FrameworkReturns),
        1 => n.clone().prop_map(Step::Teardown),
        16 => (n.clone(), n.clone()).prop_map(|(a, b)| Step::Offer(a, b)),
        16 => (n.clone(), 0..6u8).prop_map(|(a, b)| Step::Accept(a, b)),
        12 => (n.clone(), any::<bool>()).prop_map(|(a, b)| Step::Update(a, b)),
        6 => n.clone().prop_map(Step::Acknowledge),
        1 => n.clone().prop_map(Step::Kill),
        3 => (0..6u8, n.clone()).prop_map(|(a, b)| Step::Operator(a, b)),
        2 => (0..4u8, 1..4u8).prop_map(|(a, b)| Step::Machine(a, b)),
        2 => (n.clone(), n).prop_map(|(a, b)| Step::InverseOffer(a, b)),
        1 => (0..100u64).prop_map(Step::Wait),
    ]
}

/// The nth of what there is, if there is anything.
fn nth<T: Clone>(all: impl Iterator<Item = T>, n: usize) -> Option<T> {
    let all: Vec<T> = all.collect();
    (!all.is_empty()).then(|| all[n % all.len()].clone())
}

struct Walk {
    world: World,
    /// Agents ever admitted, with what they last ran: they may come back.
    agents: Vec<AgentId>,
    incarnations: u64,
    uuids: u128,
}

impl Walk {
    fn connected(&self, n: usize) -> Option<FrameworkId> {
        let frameworks = self.world.state.cluster().frameworks.values();
        nth(
            frameworks.filter(|f| f.connected()).map(|f| f.id.clone()),
            n,
        )
    }

    fn registered(&self, n: usize) -> Option<AgentId> {
        nth(self.world.state.cluster().agents.keys().cloned(), n)
    }

    fn task(&self, n: usize) -> Option<mesos::v1::Task> {
        let frameworks = self.world.state.cluster().frameworks.values();
        nth(
            frameworks.flat_map(|f| f.tasks.values().map(|task| task.to_v1())),
            n,
        )
    }

    fn take(&mut self, step: &Step) -> Option<()> {
        self.incarnations += 1;
        self.uuids += 1;
        let life = self.incarnations;
        match *step {
            Step::Agent(place) => {
                self.world.register(agent_pid(place, life));
                self.agents
                    .extend(self.world.state.cluster().agents.keys().cloned());
                self.agents.sort();
                self.agents.dedup();
            }
            Step::AgentExits(n) => self.world.agent_exits(&self.registered(n)?),
            Step::AgentSilent(n) => {
                let effects = self
                    .world
                    .state
                    .agent_unresponsive(self.world.now, &self.registered(n)?);
                self.world.perform(effects);
            }
            Step::AgentReturns(place, n, forgetful) => {
                let id = nth(self.agents.iter().cloned(), n)?;
                let place = self
                    .world
                    .state
                    .cluster()
                    .agents
                    .get(&id)
                    .map_or(place, |agent| {
                        let host = agent.pid.address().ip().to_string();
                        host.rsplit('.')
                            .next()
                            .and_then(|n| n.parse().ok())
                            .unwrap_or(place)
                    });
                let taken = self.world.state.cluster().agents.values().any(|agent| {
                    agent.id != id && agent.pid.address() == agent_pid(place, 1).address()
                });
                if taken {
                    return None;
                }
                let runs = if forgetful {
                    Runs::default()
                } else {
                    self.running_on(&id)
                };
                self.world.reregister(&id, agent_pid(place, life), runs);
            }
            Step::Framework(n) => {
                let name = format!("f{life}");
                let info = match n {
                    0 => info(&name),
                    1 => partition_aware(&name),
                    _ => FrameworkInfo {
                        checkpoint: None,
                        ..info(&name)
                    },
                };
                self.world.framework(info);
            }
            Step::FrameworkExits(n) => self.world.framework_exits(&self.connected(n)?),
            Step::FrameworkReturns(n) => {
                let frameworks = self.world.state.cluster().frameworks.values();
                let info = nth(frameworks.map(|f| (*f.info).clone()), n)?;
                let pid = scheduler_pid(&info.name, life);
                self.world.subscribe(info, pid).expect("refused");
            }
            Step::Teardown(n) => {
                self.world.call(
                    &self.connected(n)?,
                    Type::Teardown,
                    scheduler::Call::default(),
                );
            }
            Step::Offer(f, a) => {
                let (framework, agent) = (self.connected(f)?, self.registered(a)?);
                let agent_now = &self.world.state.cluster().agents[&agent];
                let taken = (agent_now.used_total() + agent_now.offered()).unallocate();
                let free = &*agent_now.total - &taken;
                if agent_now.active && free.cpus().milli() >= 500 {
                    self.world.offer(&framework, &agent, "cpus:0.5;mem:32");
                }
            }
            Step::Accept(n, kind) => {
                let offer = nth(self.world.state.cluster().offers.values().cloned(), n)?;
                let (framework, agent) = (&offer.record.framework_id, &offer.record.agent_id);
                let name = format!("t{}", if kind == 0 { 0 } else { life });
                let tasks = match kind {
                    5 => vec![],
                    4 => vec![task(&name, agent, "cpus:100")],
                    _ => vec![task(&name, agent, "cpus:0.25;mem:32")],
                };
                self.world.accept(framework, &[&offer.record.id], tasks);
            }
            Step::Update(n, ends) => {
                let task = self.task(n)?;
                let state = if ends {
                    TaskState::TaskFinished
                } else {
                    TaskState::TaskRunning
                };
                let name = &task.task_id.value;
                self.world
                    .update(&task.framework_id, &task.agent_id, name, state, self.uuids);
            }
            Step::Acknowledge(n) => {
                let task = self.task(n)?;
                let uuid = uuid::Uuid::from_slice(task.status_update_uuid.as_ref()?).ok()?;
                let framework = self.connected_one(&task.framework_id)?;
                let (agent, name) = (&task.agent_id, &task.task_id.value);
                self.world
                    .acknowledge(&framework, agent, name, uuid.as_u128());
            }
            Step::Kill(n) => {
                let task = self.task(n)?;
                let framework = self.connected_one(&task.framework_id)?;
                self.world.kill(&framework, &task.task_id.value, None);
            }
            Step::Operator(kind, n) => {
                let agent = nth(self.agents.iter().cloned(), n)?;
                self.operate(kind, agent);
            }
            Step::Machine(kind, place) => self.maintain(kind, place),
            Step::InverseOffer(f, a) => {
                let (framework, agent) = (self.connected(f)?, self.registered(a)?);
                let known = &self.world.state.cluster().agents[&agent];
                let unavailability = self.world.state.unavailability_of(known)?;
                let asked = InverseAllocation {
                    framework,
                    agent,
                    unavailability,
                };
                let effects = (self.world.state).inverse_allocated(self.world.now, vec![asked]);
                self.world.perform(effects);
            }
            Step::Wait(seconds) => self.world.wait(Duration::from_secs(seconds)),
        }
        Some(())
    }

    /// What is refused changes nothing, which is worth a try as well.
    fn operate(&mut self, kind: u8, agent_id: AgentId) {
        let mut call = Call::default();
        let kind = match kind {
            0 | 1 => {
                call.drain_agent = Some(call::DrainAgent {
                    agent_id,
                    mark_gone: Some(kind == 1),
                    ..Default::default()
                });
                call::Type::DrainAgent
            }
            2 => {
                call.deactivate_agent = Some(call::DeactivateAgent { agent_id });
                call::Type::DeactivateAgent
            }
            3 | 4 => {
                call.reactivate_agent = Some(call::ReactivateAgent { agent_id });
                call::Type::ReactivateAgent
            }
            _ => {
                call.mark_agent_gone = Some(call::MarkAgentGone { agent_id });
                call::Type::MarkAgentGone
            }
        };
        self.world.operator(kind, call);
    }

    fn maintain(&mut self, kind: u8, place: u8) {
        let machine = MachineId {
            hostname: None,
            ip: Some(format!("10.0.0.{place}")),
        };
        let machines = vec![machine];
        let mut call = Call::default();
        let kind = match kind {
            0 | 1 => {
                let windows = vec![Window {
                    machine_ids: machines,
                    unavailability: Default::default(),
                }];
                let windows = if kind == 0 { windows } else { vec![] };
                call.update_maintenance_schedule = Some(call::UpdateMaintenanceSchedule {
                    schedule: Schedule { windows },
                });
                call::Type::UpdateMaintenanceSchedule
            }
            2 => {
                call.start_maintenance = Some(call::StartMaintenance { machines });
                call::Type::StartMaintenance
            }
            _ => {
                call.stop_maintenance = Some(call::StopMaintenance { machines });
                call::Type::StopMaintenance
            }
        };
        self.world.operator(kind, call);
    }

    fn connected_one(&self, id: &FrameworkId) -> Option<FrameworkId> {
        let framework = self.world.state.cluster().frameworks.get(id)?;
        framework.connected().then(|| id.clone())
    }

    /// What an honest agent would say it runs: all the master thinks it does.
    fn running_on(&self, agent: &AgentId) -> Runs {
        let cluster = self.world.state.cluster();
        let mut runs = Runs::default();
        for framework in cluster.frameworks.values() {
            let all = framework
                .tasks
                .values()
                .chain(framework.unreachable_tasks.values());
            let here = all.filter(|task| task.agent_id().is(agent));
            for task in here {
                let state = TaskState::TaskRunning as i32;
                runs.tasks.push(mesos::v1::Task {
                    state,
                    ..task.to_v1()
                });
            }
            runs.frameworks.push((*framework.info).clone());
        }
        runs
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn the_books_always_agree(steps in proptest::collection::vec(step(), 1..200)) {
        let mut walk =
            Walk { world: World::new(), agents: Vec::new(), incarnations: 0, uuids: 1_000 };
        for step in &steps {
            walk.take(step);
            walk.world.check();
        }
    }
}
