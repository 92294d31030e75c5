//! Answers of the v1 operator API that are read from the view.

use mesos::resources::{Format, Resources};
use mesos::roles::{DEFAULT_ROLE, is_strict_subrole};
use mesos::v1::master::call::Type;
use mesos::v1::master::response::{self, GetOperations, GetQuota, GetRoles, GetWeights};
use mesos::v1::master::{Call, Response};
use mesos::v1::quota::{QuotaInfo, QuotaStatus};
use mesos::v1::value::{self, Scalar};
use mesos::v1::{Resource, Role, WeightInfo};

use super::roles;
use crate::view::View;

/// The answer to a call that only reads; `None` if it is none of those.
pub(crate) fn response(view: &View, call: &Call) -> Option<Response> {
    let mut response = Response::default();
    match call.r#type() {
        Type::GetRoles => {
            response.set_type(response::Type::GetRoles);
            response.get_roles = Some(GetRoles {
                roles: all_roles(view),
            });
        }
        Type::GetWeights => {
            response.set_type(response::Type::GetWeights);
            let weight_infos = weights(view);
            response.get_weights = Some(GetWeights { weight_infos });
        }
        Type::GetQuota => {
            response.set_type(response::Type::GetQuota);
            let status = quota(view);
            response.get_quota = Some(GetQuota { status });
        }
        Type::GetOperations => {
            response.set_type(response::Type::GetOperations);
            let operations = view.cluster.operations.values();
            let operations = operations.map(|operation| operation.record.clone());
            response.get_operations = Some(GetOperations {
                operations: operations.collect(),
            });
        }
        _ => return None,
    }
    Some(response)
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
