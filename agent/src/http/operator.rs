//! `POST /api/v1`: the operator API of an agent, as far as it only reads (Mesos' `docs/operator-http-api.md`).
//!
//! Everything is answered from the published view, in the form that `Accept` asks for.

use actix_web::http::{StatusCode, header};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use mesos::v1::agent::call::Type;
use mesos::v1::agent::response::{
    self, GetAgent, GetExecutors, GetFlags, GetFrameworks, GetHealth, GetMetrics, GetOperations,
    GetResourceProviders, GetState, GetTasks, GetVersion, get_executors, get_frameworks,
};
use mesos::v1::agent::{Call, Response};
use mesos::v1::{Flag, Metric, Task, VersionInfo};
use mesos::wire::{self, ContentType};

use super::answer::error;
use super::executor::read;
use crate::metrics;
use crate::state::{Executor, Framework, State};
use crate::view::View;

/// Answers one call.
pub(super) async fn call(request: &HttpRequest, body: Payload, view: &View) -> HttpResponse {
    let call: Call = match read(request, body).await {
        Ok(call) => call,
        Err(refusal) => return refusal,
    };
    let accept = request.headers().get(header::ACCEPT);
    let accept = accept.map(|accept| accept.to_str().unwrap_or_default());
    let Some(form) = ContentType::negotiate(accept) else {
        let text = "Expecting 'Accept' to allow 'application/json' or 'application/x-protobuf'";
        return error(StatusCode::NOT_ACCEPTABLE, text);
    };
    match response(view, call.r#type()) {
        Some(response) => HttpResponse::Ok()
            .content_type(form.as_str())
            .body(wire::encode(form, &response)),
        None if call.r#type() == Type::Unknown => {
            let text = "'type' of the call is missing or unknown";
            error(StatusCode::BAD_REQUEST, text)
        }
        None => {
            let name = call.r#type().as_str_name();
            let text = format!("{name} is not supported by this agent");
            error(StatusCode::NOT_IMPLEMENTED, text)
        }
    }
}

fn response(view: &View, kind: Type) -> Option<Response> {
    let state = view.state();
    let mut response = Response::default();
    match kind {
        Type::GetHealth => {
            response.set_type(response::Type::GetHealth);
            response.get_health = Some(GetHealth { healthy: true });
        }
        Type::GetFlags => {
            response.set_type(response::Type::GetFlags);
            response.get_flags = Some(flags(view));
        }
        Type::GetVersion => {
            response.set_type(response::Type::GetVersion);
            response.get_version = Some(GetVersion {
                version_info: version(),
            });
        }
        Type::GetMetrics => {
            response.set_type(response::Type::GetMetrics);
            response.get_metrics = Some(all_metrics(view));
        }
        Type::GetAgent => {
            response.set_type(response::Type::GetAgent);
            response.get_agent = Some(GetAgent {
                agent_info: Some(state.info().clone()),
                ..Default::default()
            });
        }
        Type::GetOperations => {
            response.set_type(response::Type::GetOperations);
            let operations = state.operations().cloned().collect();
            response.get_operations = Some(GetOperations { operations });
        }
        Type::GetResourceProviders => {
            response.set_type(response::Type::GetResourceProviders);
            response.get_resource_providers = Some(GetResourceProviders::default());
        }
        Type::GetState => {
            response.set_type(response::Type::GetState);
            response.get_state = Some(GetState {
                get_tasks: Some(tasks(&state)),
                get_executors: Some(executors(&state)),
                get_frameworks: Some(frameworks(&state)),
            });
        }
        Type::GetTasks => {
            response.set_type(response::Type::GetTasks);
            response.get_tasks = Some(tasks(&state));
        }
        Type::GetExecutors => {
            response.set_type(response::Type::GetExecutors);
            response.get_executors = Some(executors(&state));
        }
        Type::GetFrameworks => {
            response.set_type(response::Type::GetFrameworks);
            response.get_frameworks = Some(frameworks(&state));
        }
        _ => return None,
    }
    Some(response)
}

fn flags(view: &View) -> GetFlags {
    let flags = view.constants().flags.iter().map(|(name, value)| Flag {
        name: name.clone(),
        value: Some(value.clone()),
    });
    GetFlags {
        flags: flags.collect(),
    }
}

fn version() -> VersionInfo {
    VersionInfo {
        version: mesos::version::MESOS_COMPATIBLE.to_owned(),
        // For those who expect them, as at `/version`.
        build_date: Some("1970-01-01 00:00:00".to_owned()),
        build_time: Some(0.0),
        build_user: Some(String::new()),
        ..Default::default()
    }
}

fn all_metrics(view: &View) -> GetMetrics {
    let metrics = metrics::all(view).into_iter().map(|(name, value)| Metric {
        name,
        value: Some(value),
    });
    GetMetrics {
        metrics: metrics.collect(),
    }
}

fn tasks(state: &State) -> GetTasks {
    let running = || state.executors();
    let done = all(state).flat_map(|framework| &framework.completed_executors);
    let done = done.flat_map(|e| e.terminated_tasks.values().chain(&e.completed_tasks));
    let queued = running().flat_map(|e| e.queued.iter().map(|task| e.new_task(task)));
    fn records<'a>(tasks: impl Iterator<Item = &'a std::sync::Arc<Task>>) -> Vec<Task> {
        tasks.map(|task| (**task).clone()).collect()
    }
    GetTasks {
        pending_tasks: Vec::new(),
        queued_tasks: queued.collect(),
        launched_tasks: records(running().flat_map(|e| e.launched_tasks.values())),
        terminated_tasks: records(running().flat_map(|e| e.terminated_tasks.values())),
        completed_tasks: records(running().flat_map(|e| e.completed_tasks.iter()).chain(done)),
    }
}

fn executors(state: &State) -> GetExecutors {
    let message = |executor: &Executor| get_executors::Executor {
        executor_info: (*executor.info).clone(),
    };
    let completed = all(state).flat_map(|framework| &framework.completed_executors);
    GetExecutors {
        executors: state.executors().map(message).collect(),
        completed_executors: completed.map(|executor| message(executor)).collect(),
    }
}

fn frameworks(state: &State) -> GetFrameworks {
    let message = |framework: &Framework| get_frameworks::Framework {
        framework_info: (*framework.info).clone(),
    };
    GetFrameworks {
        frameworks: state.frameworks().map(message).collect(),
        completed_frameworks: state.completed_frameworks().map(message).collect(),
    }
}

/// Frameworks that are here, and that were.
fn all(state: &State) -> impl Iterator<Item = &Framework> {
    state.frameworks().chain(state.completed_frameworks())
}
