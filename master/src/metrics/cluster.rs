//! `master/*` and `system/*`.

use libprocess::ProcessInfo;
use mesos::protocols::names;
use mesos::resources::{Quantity, Resources};
use mesos::v1::TaskState;
use mesos::v1::task_status::{Reason, Source};

use super::{Metric, allocator};
use crate::documents::Surroundings;
use crate::view::View;

/// The resources that have gauges.
const RESOURCES: [&str; 4] = ["cpus", "gpus", "mem", "disk"];

/// The states of tasks that have metrics; the flag tells counters from gauges.
const TASK_STATES: [(TaskState, bool); 13] = [
    (TaskState::TaskStaging, false),
    (TaskState::TaskStarting, false),
    (TaskState::TaskRunning, false),
    (TaskState::TaskKilling, false),
    (TaskState::TaskUnreachable, false),
    (TaskState::TaskFinished, true),
    (TaskState::TaskFailed, true),
    (TaskState::TaskKilled, true),
    (TaskState::TaskLost, true),
    (TaskState::TaskError, true),
    (TaskState::TaskDropped, true),
    (TaskState::TaskGone, true),
    (TaskState::TaskGoneByOperator, true),
];

pub(super) fn metrics(view: &View, surroundings: &Surroundings) -> Vec<Metric> {
    let mut metrics = Vec::new();
    leadership(view, surroundings, &mut metrics);
    agents(view, &mut metrics);
    frameworks(view, &mut metrics);
    tasks(view, &mut metrics);
    resources(view, &mut metrics);
    queues(&surroundings.processes, &mut metrics);
    system(surroundings, &mut metrics);
    operator_events(view, &mut metrics);
    let counters = view.counters.iter();
    metrics.extend(counters.map(|(name, value)| Metric::counter(format!("master/{name}"), value)));
    metrics
}

fn leadership(view: &View, surroundings: &Surroundings, metrics: &mut Vec<Metric>) {
    let uptime = surroundings.now.since(view.started).as_secs_f64();
    let elected = f64::from(u8::from(view.elected.is_some()));
    metrics.push(Metric::gauge("master/uptime_secs", uptime));
    metrics.push(Metric::gauge("master/elected", elected));
}

/// Who follows the events; the second kind of number is not Mesos'.
fn operator_events(view: &View, metrics: &mut Vec<Metric>) {
    const NAME: &str = "master/operator_event_stream_subscribers";
    let (slow, crowded) = view.events.disconnected();
    metrics.push(Metric::gauge(NAME, view.events.subscribers() as f64));
    for (why, number) in [("slow", slow), ("crowded", crowded)] {
        metrics.push(Metric::counter(
            format!("{NAME}/disconnected_{why}"),
            number,
        ));
    }
}

fn agents(view: &View, metrics: &mut Vec<Metric>) {
    let agents = &view.cluster.agents;
    let connected = agents.values().filter(|agent| agent.connected).count();
    let active = agents.values().filter(|agent| agent.active).count();
    let numbers = [
        ("connected", connected),
        ("disconnected", agents.len() - connected),
        ("active", active),
        ("inactive", agents.len() - active),
        ("unreachable", view.cluster.unreachable_agents.len()),
    ];
    metrics
        .extend(numbers.map(|(name, n)| Metric::gauge(format!("master/slaves_{name}"), n as f64)));
}

fn frameworks(view: &View, metrics: &mut Vec<Metric>) {
    let frameworks = &view.cluster.frameworks;
    let connected = frameworks
        .values()
        .filter(|framework| framework.connected())
        .count();
    let active = frameworks
        .values()
        .filter(|framework| framework.active)
        .count();
    let numbers = [
        ("frameworks_connected", connected),
        ("frameworks_disconnected", frameworks.len() - connected),
        ("frameworks_active", active),
        ("frameworks_inactive", frameworks.len() - active),
        ("outstanding_offers", view.cluster.offers.len()),
    ];
    metrics.extend(numbers.map(|(name, n)| Metric::gauge(format!("master/{name}"), n as f64)));
}

fn tasks(view: &View, metrics: &mut Vec<Metric>) {
    for (state, is_counter) in TASK_STATES {
        let name = format!("master/tasks_{}", short_name(state));
        metrics.push(Metric {
            is_counter,
            ..Metric::counter(name, view.cluster.counts.get(state))
        });
    }
    for ((state, source, reason), count) in &view.cluster.reasons {
        let (Ok(state), Ok(source), Ok(reason)) = (
            TaskState::try_from(*state),
            Source::try_from(*source),
            Reason::try_from(*reason),
        ) else {
            continue;
        };
        let state = state.as_str_name().to_lowercase();
        let source = source.as_str_name().to_lowercase();
        let reason = reason.as_str_name().to_lowercase();
        metrics.push(Metric::counter(
            format!("master/{state}/{source}/{reason}"),
            *count,
        ));
    }
}

/// `running` of `TASK_RUNNING`.
pub(super) fn short_name(state: TaskState) -> String {
    let name = state.as_str_name();
    name.strip_prefix("TASK_").unwrap_or(name).to_lowercase()
}

fn resources(view: &View, metrics: &mut Vec<Metric>) {
    let agents = || view.cluster.agents.values().filter(|agent| agent.active);
    for name in RESOURCES {
        let total = sum(agents().map(|agent| (&*agent.total, name, false)));
        let revocable_total = sum(agents().map(|agent| (&*agent.total, name, true)));
        let used = || agents().flat_map(|agent| agent.used.values().map(|used| &**used));
        let used_now = sum(used().map(|resources| (resources, name, false)));
        let revocable_used = sum(used().map(|resources| (resources, name, true)));
        push_resource(name, "", total, used_now, metrics);
        push_resource(name, "_revocable", revocable_total, revocable_used, metrics);
    }
}

fn push_resource(name: &str, kind: &str, total: f64, used: f64, metrics: &mut Vec<Metric>) {
    let percent = if total > 0.0 { used / total } else { 0.0 };
    let prefix = format!("master/{name}{kind}");
    metrics.push(Metric::gauge(format!("{prefix}_total"), total));
    metrics.push(Metric::gauge(format!("{prefix}_used"), used));
    metrics.push(Metric::gauge(format!("{prefix}_percent"), percent));
}

fn sum<'a>(parts: impl Iterator<Item = (&'a Resources, &'a str, bool)>) -> f64 {
    let amounts = parts.map(|(resources, name, revocable)| match revocable {
        true => resources.revocable().scalar(name),
        false => resources.non_revocable().scalar(name),
    });
    amounts.sum::<Quantity>().to_f64()
}

fn queues(processes: &[ProcessInfo], metrics: &mut Vec<Metric>) {
    for (process, prefix) in [
        (names::MASTER, "master/"),
        ("allocator", allocator::PREFIX),
        ("registrar", "registrar/"),
    ] {
        let Some(process) = processes.iter().find(|info| info.pid.name() == process) else {
            continue;
        };
        let depth = process.depth as f64;
        metrics.push(Metric::gauge(
            format!("{prefix}event_queue_messages"),
            depth,
        ));
        // The first name is of before allocators could be chosen.
        for name in ["allocator/", allocator::PREFIX] {
            if prefix == allocator::PREFIX {
                let name = format!("{name}event_queue_dispatches");
                metrics.push(Metric::gauge(name, depth));
            }
        }
        metrics.push(Metric::counter(
            format!("{prefix}messages_handled"),
            process.handled,
        ));
        metrics.push(Metric::counter(
            format!("{prefix}messages_overflowed"),
            process.dropped,
        ));
    }
}

fn system(surroundings: &Surroundings, metrics: &mut Vec<Metric>) {
    let system = surroundings.system;
    let load = |i: usize| system.load.map(|load| load[i]);
    let numbers = [
        ("system/load_1min", load(0)),
        ("system/load_5min", load(1)),
        ("system/load_15min", load(2)),
        ("system/cpus_total", system.cpus.map(|cpus| cpus as f64)),
        (
            "system/mem_total_bytes",
            system.mem_total.map(|bytes| bytes as f64),
        ),
        (
            "system/mem_free_bytes",
            system.mem_free.map(|bytes| bytes as f64),
        ),
    ];
    let known = numbers
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    metrics.extend(known.map(|(name, value)| Metric::gauge(name, value)));
}
