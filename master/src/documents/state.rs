//! The whole, in full and in short.

use std::collections::{BTreeMap, BTreeSet};

use mesos::v1;
use mesos::v1::TaskState;
use serde::Serialize;

use super::agents::{self, AgentList, AgentObject, InfoObject};
use super::frameworks::{FrameworkObject, SummaryObject};
use super::tasks::tasks_of;
use crate::view::View;

/// `/state`.
#[derive(Debug, Serialize)]
pub(super) struct State<'a> {
    #[serde(flatten)]
    version: super::about::Version,
    start_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    elected_time: Option<f64>,
    id: &'a str,
    pid: &'a str,
    hostname: &'a str,
    capabilities: Vec<&'static str>,
    activated_slaves: f64,
    deactivated_slaves: f64,
    unreachable_slaves: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a v1::DomainInfo>,
    leader: &'a str,
    leader_info: LeaderObject<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    flags: &'a BTreeMap<String, String>,
    slaves: AgentList<'a>,
    recovered_slaves: Vec<InfoObject>,
    /// Their tasks are not looked at before they are written.
    frameworks: Vec<FrameworkObject<'a>>,
    completed_frameworks: Vec<FrameworkObject<'a>>,
    /// Always empty, as in Mesos.
    orphan_tasks: [(); 0],
    /// Always empty, as in Mesos.
    unregistered_frameworks: [(); 0],
}

#[derive(Debug, Serialize)]
struct LeaderObject<'a> {
    id: &'a str,
    pid: &'a str,
    port: u32,
    hostname: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a v1::DomainInfo>,
}

impl<'a> State<'a> {
    pub(super) fn of(view: &'a View) -> State<'a> {
        let (master, cluster) = (&*view.master, &view.cluster);
        let leader = view.leader.as_deref().unwrap_or(master);
        let active = cluster.agents.values().filter(|agent| agent.active).count();
        let pid = master.pid.as_deref().unwrap_or_default();
        let hostname = master.hostname.as_deref().unwrap_or_default();
        let frameworks = cluster.frameworks.values();
        let completed = cluster.completed_frameworks.iter();
        State {
            version: super::about::Version::new(),
            start_time: view.started.as_secs_f64(),
            elected_time: view.elected.map(|time| time.as_secs_f64()),
            id: &master.id,
            pid,
            hostname,
            capabilities: master
                .capabilities
                .iter()
                .map(|c| c.r#type().as_str_name())
                .collect(),
            activated_slaves: active as f64,
            deactivated_slaves: (cluster.agents.len() - active) as f64,
            unreachable_slaves: cluster.unreachable_agents.len() as f64,
            domain: master.domain.as_ref(),
            leader: leader.pid.as_deref().unwrap_or_default(),
            leader_info: LeaderObject {
                id: &leader.id,
                pid: leader.pid.as_deref().unwrap_or_default(),
                port: leader.port,
                hostname: leader.hostname.as_deref().unwrap_or_default(),
                domain: leader.domain.as_ref(),
            },
            cluster: view.config.cluster.as_deref(),
            flags: &view.flags,
            slaves: AgentList(cluster),
            recovered_slaves: agents::recovered(view),
            frameworks: frameworks.map(|f| FrameworkObject::of(f, view)).collect(),
            completed_frameworks: completed.map(|f| FrameworkObject::of(f, view)).collect(),
            orphan_tasks: [],
            unregistered_frameworks: [],
        }
    }
}

/// `/state-summary`.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    hostname: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    slaves: Vec<AgentSummary<'a>>,
    frameworks: Vec<FrameworkSummary<'a>>,
}

#[derive(Debug, Serialize)]
struct AgentSummary<'a> {
    #[serde(flatten)]
    agent: AgentObject<'a>,
    #[serde(flatten)]
    tasks: TaskNumbers,
    framework_ids: BTreeSet<&'a str>,
}

#[derive(Debug, Serialize)]
struct FrameworkSummary<'a> {
    #[serde(flatten)]
    framework: SummaryObject<'a>,
    #[serde(flatten)]
    tasks: TaskNumbers,
    slave_ids: BTreeSet<&'a str>,
}

/// How many tasks that are still remembered are in which state. Mesos leaves the newer states out.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct TaskNumbers {
    task_staging: usize,
    task_starting: usize,
    task_running: usize,
    task_killing: usize,
    task_finished: usize,
    task_killed: usize,
    task_failed: usize,
    task_lost: usize,
    task_error: usize,
    task_unreachable: usize,
}

impl TaskNumbers {
    fn count(&mut self, state: TaskState) {
        let number = match state {
            TaskState::TaskStaging => &mut self.task_staging,
            TaskState::TaskStarting => &mut self.task_starting,
            TaskState::TaskRunning => &mut self.task_running,
            TaskState::TaskKilling => &mut self.task_killing,
            TaskState::TaskFinished => &mut self.task_finished,
            TaskState::TaskKilled => &mut self.task_killed,
            TaskState::TaskFailed => &mut self.task_failed,
            TaskState::TaskLost => &mut self.task_lost,
            TaskState::TaskError => &mut self.task_error,
            TaskState::TaskUnreachable => &mut self.task_unreachable,
            TaskState::TaskDropped
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator
            | TaskState::TaskUnknown => return,
        };
        *number += 1;
    }
}

/// Who runs tasks where.
#[derive(Default)]
struct Tally<'a> {
    agents: BTreeMap<&'a str, (TaskNumbers, BTreeSet<&'a str>)>,
    frameworks: BTreeMap<&'a str, (TaskNumbers, BTreeSet<&'a str>)>,
}

impl<'a> Tally<'a> {
    fn of(view: &'a View) -> Tally<'a> {
        let mut tally = Tally::default();
        for framework in view.cluster.frameworks.values() {
            let framework_id = framework.id.value.as_str();
            for task in tasks_of(framework) {
                let agent_id = &**task.agent_id();
                let (numbers, agents) = tally.frameworks.entry(framework_id).or_default();
                numbers.count(task.state());
                agents.insert(agent_id);
                let (numbers, frameworks) = tally.agents.entry(agent_id).or_default();
                numbers.count(task.state());
                frameworks.insert(framework_id);
            }
        }
        tally
    }
}

impl<'a> Summary<'a> {
    pub(super) fn of(view: &'a View) -> Summary<'a> {
        let mut tally = Tally::of(view);
        let agents = view.cluster.agents.values();
        let frameworks = view.cluster.frameworks.values();
        Summary {
            hostname: view.master.hostname.as_deref().unwrap_or_default(),
            cluster: view.config.cluster.as_deref(),
            slaves: agents
                .map(|agent| {
                    let found = tally.agents.remove(agent.id.value.as_str());
                    let (tasks, framework_ids) = found.unwrap_or_default();
                    AgentSummary {
                        agent: AgentObject::of(&view.cluster, agent),
                        tasks,
                        framework_ids,
                    }
                })
                .collect(),
            frameworks: frameworks
                .map(|framework| {
                    let found = tally.frameworks.remove(framework.id.value.as_str());
                    let (tasks, slave_ids) = found.unwrap_or_default();
                    FrameworkSummary {
                        framework: SummaryObject::of(framework, view),
                        tasks,
                        slave_ids,
                    }
                })
                .collect(),
        }
    }
}
