//! `master/operations/*`: operations by type and state.

use mesos::v1::OperationState as State;
use mesos::v1::offer::operation::Type;

use super::Metric;
use crate::view::View;

/// Those that are done by agents and not only to them.
const TYPES: [Type; 8] = [
    Type::Create,
    Type::CreateDisk,
    Type::Destroy,
    Type::DestroyDisk,
    Type::GrowVolume,
    Type::Reserve,
    Type::ShrinkVolume,
    Type::Unreserve,
];

/// States that operations are in until they end.
const OPEN: [State; 3] = [
    State::OperationPending,
    State::OperationRecovering,
    State::OperationUnreachable,
];

const ENDS: [State; 5] = [
    State::OperationFinished,
    State::OperationFailed,
    State::OperationError,
    State::OperationDropped,
    State::OperationGoneByOperator,
];

pub(super) fn metrics(view: &View) -> Vec<Metric> {
    let mut metrics = Vec::new();
    of_types("master/operations", &TYPES, view, &mut metrics);
    for kind in TYPES {
        let name = kind.as_str_name().to_lowercase();
        let prefix = format!("master/operations/{name}");
        of_types(&prefix, &[kind], view, &mut metrics);
    }
    metrics
}

fn of_types(prefix: &str, types: &[Type], view: &View, metrics: &mut Vec<Metric>) {
    let operations = view.cluster.operations.values();
    let records = operations.map(|operation| &operation.record);
    let records: Vec<_> = records
        .filter(|r| types.contains(&r.info.r#type()))
        .collect();
    metrics.push(Metric::gauge(
        format!("{prefix}/total"),
        records.len() as f64,
    ));
    for state in OPEN {
        let mut count = 0;
        for record in &records {
            count += usize::from(record.latest_status.state() == state);
        }
        let name = format!("{prefix}/{}", name_of(state));
        metrics.push(Metric::gauge(name, count as f64));
    }
    for state in ENDS {
        let ends = types.iter().filter_map(|kind| {
            let key = (*kind as i32, state as i32);
            view.cluster.operation_ends.get(&key)
        });
        let name = format!("{prefix}/{}", name_of(state));
        metrics.push(Metric::counter(name, ends.sum()));
    }
}

/// `finished` of `OPERATION_FINISHED`.
fn name_of(state: State) -> String {
    let name = state.as_str_name();
    name.strip_prefix("OPERATION_")
        .unwrap_or(name)
        .to_lowercase()
}
