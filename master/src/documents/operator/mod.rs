//! Answers of the v1 operator API that are read from the view (Mesos' `docs/operator-http-api.md`).
//!
//! | File | Calls |
//! |---|---|
//! | `about` | GET_HEALTH, GET_FLAGS, GET_VERSION, GET_METRICS, GET_MASTER, GET_LOGGING_LEVEL |
//! | `state` | GET_STATE and its parts: agents, frameworks, executors, tasks |
//! | here | GET_ROLES, GET_WEIGHTS, GET_QUOTA, GET_OPERATIONS, GET_MAINTENANCE_SCHEDULE, GET_MAINTENANCE_STATUS |

mod about;
pub(crate) mod state;

use mesos::resources::{Format, Resources};
use mesos::roles::{DEFAULT_ROLE, is_strict_subrole};
use mesos::v1::master::call::Type;
use mesos::v1::master::response::{
    self, GetMaintenanceSchedule, GetMaintenanceStatus, GetOperations, GetQuota, GetRoles,
    GetWeights,
};
use mesos::v1::master::{Call, Response};
use mesos::v1::quota::{QuotaInfo, QuotaStatus};
use mesos::v1::value::{self, Scalar};
use mesos::v1::{Resource, Role, WeightInfo};

use super::{Surroundings, maintenance, roles};
use crate::view::View;

/// The answer to a call that only reads; `None` if it is none of those.
pub(crate) fn response(
    view: &View,
    surroundings: impl FnOnce() -> Surroundings,
    call: &Call,
) -> Option<Response> {
    let (kind, response) = match call.r#type() {
        Type::GetHealth => about::health(),
        Type::GetFlags => about::flags(view),
        Type::GetVersion => about::version(),
        Type::GetMetrics => about::metrics(view, &surroundings()),
        Type::GetMaster => about::master(view),
        Type::GetLoggingLevel => about::logging_level(),
        Type::GetState => {
            let state = state::state(&view.cluster);
            (
                response::Type::GetState,
                with(|r| r.get_state = Some(state)),
            )
        }
        Type::GetAgents => {
            let agents = state::agents(&view.cluster);
            (
                response::Type::GetAgents,
                with(|r| r.get_agents = Some(agents)),
            )
        }
        Type::GetFrameworks => {
            let frameworks = state::frameworks(&view.cluster);
            let response = with(|r| r.get_frameworks = Some(frameworks));
            (response::Type::GetFrameworks, response)
        }
        Type::GetExecutors => {
            let executors = state::executors(&view.cluster);
            let response = with(|r| r.get_executors = Some(executors));
            (response::Type::GetExecutors, response)
        }
        Type::GetTasks => {
            let tasks = state::tasks(&view.cluster);
            (
                response::Type::GetTasks,
                with(|r| r.get_tasks = Some(tasks)),
            )
        }
        Type::GetOperations => {
            let operations = view.cluster.operations.values();
            let operations = operations
                .map(|operation| operation.record.clone())
                .collect();
            let response = with(|r| r.get_operations = Some(GetOperations { operations }));
            (response::Type::GetOperations, response)
        }
        Type::GetRoles => {
            let roles = all_roles(view);
            let response = with(|r| r.get_roles = Some(GetRoles { roles }));
            (response::Type::GetRoles, response)
        }
        Type::GetWeights => {
            // Mesos leaves it out where there are none.
            let weight_infos = weights(view);
            let weights = (!weight_infos.is_empty()).then_some(GetWeights { weight_infos });
            (
                response::Type::GetWeights,
                with(|r| r.get_weights = weights),
            )
        }
        Type::GetQuota => {
            let status = quota(view);
            let response = with(|r| r.get_quota = Some(GetQuota { status }));
            (response::Type::GetQuota, response)
        }
        Type::GetMaintenanceSchedule => {
            let schedule = maintenance::schedule(view);
            let part = GetMaintenanceSchedule { schedule };
            let response = with(|r| r.get_maintenance_schedule = Some(part));
            (response::Type::GetMaintenanceSchedule, response)
        }
        Type::GetMaintenanceStatus => {
            let status = maintenance::status(view);
            let part = GetMaintenanceStatus { status };
            let response = with(|r| r.get_maintenance_status = Some(part));
            (response::Type::GetMaintenanceStatus, response)
        }
        _ => return None,
    };
    Some(Response {
        r#type: Some(kind as i32),
        ..response
    })
}

/// A response with one part.
fn with(set: impl FnOnce(&mut Response)) -> Response {
    let mut response = Response::default();
    set(&mut response);
    response
}

/// The weights that were set.
pub(crate) fn weights(view: &View) -> Vec<WeightInfo> {
    let weights = view.cluster.weights.iter();
    let info = |(role, weight): (&String, &f64)| WeightInfo {
        weight: *weight,
        role: Some(role.clone()),
    };
    weights.map(info).collect()
}

/// The quotas that were set, in the present form and in the old one, which has guarantees only.
#[allow(deprecated)]
pub(crate) fn quota(view: &View) -> QuotaStatus {
    let configs: Vec<_> = (view.cluster.quotas.values())
        .map(|config| (**config).clone())
        .collect();
    let scalar = |(name, amount): (&String, &Scalar)| {
        let mut resource = Resource {
            name: name.clone(),
            scalar: Some(*amount),
            role: Some(DEFAULT_ROLE.to_owned()),
            ..Default::default()
        };
        resource.set_type(value::Type::Scalar);
        resource
    };
    let infos = configs.iter().map(|config| QuotaInfo {
        role: Some(config.role.clone()),
        principal: None,
        guarantee: config.guarantees.iter().map(scalar).collect(),
    });
    QuotaStatus {
        infos: infos.collect(),
        configs,
    }
}

fn all_roles(view: &View) -> Vec<Role> {
    let names = roles::names(view).into_iter();
    let role = |name: String| {
        let mut resources = Resources::new();
        let mut frameworks = Vec::new();
        for framework in view.cluster.frameworks.values() {
            let all = framework.used_total() + &framework.offered;
            let mine = all.filter(|key| {
                let to = key.allocated_to.unwrap_or_default();
                to == name || is_strict_subrole(to, &name)
            });
            let is_member = framework.roles.contains(&name);
            if is_member || mine.keys().any(|key| key.allocated_to == Some(&name)) {
                frameworks.push(framework.id.clone());
            }
            resources += mine.unallocate();
        }
        Role {
            weight: view.cluster.weights.get(&name).copied().unwrap_or(1.0),
            frameworks,
            resources: resources.to_v1(Format::PostRefinement),
            name,
        }
    };
    names.map(role).collect()
}
