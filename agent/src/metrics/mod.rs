//! Metrics under Mesos' names: computed from the published state when they are asked for.

use std::collections::BTreeMap;
use std::fmt::Write;

use mesos::v1::TaskState;
use serde_json::Value;

use crate::http::allocated;
use crate::state::registration::Registration;
use crate::state::{ExecutorPhase, State};
use crate::view::View;

/// `/metrics/snapshot`: a flat object of numbers.
pub(crate) fn snapshot(view: &View) -> Value {
    let number = |(name, value): (String, f64)| (name, Value::from(value));
    Value::Object(all(view).into_iter().map(number).collect())
}

/// `/metrics`: the same in Prometheus' text form.
pub(crate) fn prometheus(view: &View) -> String {
    let mut text = String::new();
    for (name, value) in all(view) {
        let name = format!("mesos_{}", name.replace(['/', '.', '-'], "_"));
        // Writing to a string does not fail.
        let _ = writeln!(text, "# TYPE {name} gauge\n{name} {value}");
    }
    text
}

/// All, by name.
pub(crate) fn all(view: &View) -> BTreeMap<String, f64> {
    let state = view.state();
    let constants = view.constants();
    let mut metrics = Metrics::default();
    let is_registered = matches!(state.registration(), Registration::Registered { .. });
    metrics.set("registered", f64::from(u8::from(is_registered)));
    metrics.set(
        "uptime_secs",
        constants.clock.now() - constants.clock.origin(),
    );
    metrics.set("recovery_time_secs", constants.recovery_secs);
    metrics.set("recovery_errors", 0.0);
    metrics.set("frameworks_active", state.frameworks().count() as f64);
    executors(&mut metrics, &state);
    tasks(&mut metrics, &state);
    resources(&mut metrics, &state);
    let counters = state.counters();
    for (name, count) in [
        ("container_launch_errors", counters.container_launch_errors),
        ("executors_preempted", counters.executors_preempted),
        ("executors_terminated", counters.executors_terminated),
        ("valid_status_updates", counters.valid_status_updates),
        ("invalid_status_updates", counters.invalid_status_updates),
        (
            "valid_framework_messages",
            counters.valid_framework_messages,
        ),
        (
            "invalid_framework_messages",
            counters.invalid_framework_messages,
        ),
    ] {
        metrics.set(name, count as f64);
    }
    metrics.0
}

#[derive(Default)]
struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    fn set(&mut self, name: &str, value: f64) {
        self.0.insert(format!("slave/{name}"), value);
    }
}

fn executors(metrics: &mut Metrics, state: &State) {
    for (name, phase) in [
        ("executors_registering", ExecutorPhase::Registering),
        ("executors_running", ExecutorPhase::Running),
        ("executors_terminating", ExecutorPhase::Terminating),
    ] {
        let count = state.executors().filter(|e| e.phase == phase).count();
        metrics.set(name, count as f64);
    }
}

fn tasks(metrics: &mut Metrics, state: &State) {
    let queued: usize = state.executors().map(|e| e.queued.len()).sum();
    let in_state = |wanted: TaskState| {
        let launched = state.executors().flat_map(|e| e.launched_tasks.values());
        launched.filter(|t| t.state == wanted as i32).count()
    };
    metrics.set(
        "tasks_staging",
        (queued + in_state(TaskState::TaskStaging)) as f64,
    );
    metrics.set("tasks_starting", in_state(TaskState::TaskStarting) as f64);
    metrics.set("tasks_running", in_state(TaskState::TaskRunning) as f64);
    metrics.set("tasks_killing", in_state(TaskState::TaskKilling) as f64);
    for (name, ended) in [
        ("tasks_finished", TaskState::TaskFinished),
        ("tasks_failed", TaskState::TaskFailed),
        ("tasks_killed", TaskState::TaskKilled),
        ("tasks_lost", TaskState::TaskLost),
        ("tasks_gone", TaskState::TaskGone),
    ] {
        let count = state.counters().tasks_ended.get(ended as usize);
        metrics.set(name, count.copied().unwrap_or_default() as f64);
    }
}

fn resources(metrics: &mut Metrics, state: &State) {
    let total = state.total();
    let used = allocated(state);
    let parts = [
        ("", total, used.non_revocable()),
        ("_revocable", state.lent(), used.revocable()),
    ];
    for (kind, total, used) in &parts {
        for name in ["cpus", "gpus", "mem", "disk"] {
            let (total, used) = (total.scalar(name).to_f64(), used.scalar(name).to_f64());
            metrics.set(&format!("{name}{kind}_total"), total);
            metrics.set(&format!("{name}{kind}_used"), used);
            let share = if total > 0.0 { used / total } else { 0.0 };
            metrics.set(&format!("{name}{kind}_percent"), share);
        }
    }
}
