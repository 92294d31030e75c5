//! `/containers` and `/monitor/statistics`: what the containerizer measures.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::Doors;
use crate::containerizer::{Status, Usage};
use crate::state::Executor;

/// How long one measurement may take: a few reads of the kernel's files.
const MEASURE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn containers(doors: &Doors) -> Value {
    measured(doors, true).await
}

pub(super) async fn statistics(doors: &Doors) -> Value {
    measured(doors, false).await
}

async fn measured(doors: &Doors, with_status: bool) -> Value {
    let state = doors.view.state();
    let running = state.executors().filter(|e| e.launched);
    let all = join_all(running.map(|e| measure(doors, e, with_status))).await;
    Value::Array(all)
}

#[allow(deprecated)] // `source` is what tools group by, still.
async fn measure(doors: &Doors, executor: &Executor, with_status: bool) -> Value {
    let container_id = executor.container_id.clone();
    let usage = Usage {
        container_id: container_id.clone(),
    };
    let mut document = Map::new();
    let info = &executor.info;
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("executor_id", json!(info.executor_id.value));
    set(
        "executor_name",
        json!(info.name.as_deref().unwrap_or_default()),
    );
    set("framework_id", json!(executor.framework_id.value));
    set("source", json!(info.source.as_deref().unwrap_or_default()));
    let usage = doors
        .node
        .ask(&doors.containerizer, usage, MEASURE_TIMEOUT)
        .await;
    if let Ok(Ok(statistics)) = usage {
        set("statistics", json!(statistics));
    }
    if with_status {
        set("container_id", json!(container_id.value));
        let ask = Status { container_id };
        if let Ok(Ok(status)) = doors
            .node
            .ask(&doors.containerizer, ask, MEASURE_TIMEOUT)
            .await
        {
            set("status", json!(status));
        }
    }
    Value::Object(document)
}
