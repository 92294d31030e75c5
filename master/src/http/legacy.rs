//! The endpoints from before the v1 API (Mesos' `docs/endpoints/`): `/weights`, `/quota`, `/reserve`,
//! `/unreserve`, `/create-volumes`, `/destroy-volumes`, `/maintenance/schedule`,
//! `/maintenance/status`, `/machine/down`, `/machine/up`, `/teardown`. Each becomes the same call.

use actix_web::http::{Method, StatusCode};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use mesos::v1::maintenance::Schedule;
use mesos::v1::master::Call;
use mesos::v1::master::call::{
    CreateVolumes, DestroyVolumes, RemoveQuota, ReserveResources, SetQuota, StartMaintenance,
    StopMaintenance, Teardown, Type, UnreserveResources, UpdateMaintenanceSchedule, UpdateWeights,
};
use mesos::v1::quota::QuotaRequest;
use mesos::v1::{AgentId, MachineId, Resource, WeightInfo};
use mesos::wire;
use serde::de::DeserializeOwned;

use super::reply::{self, text};
use super::server::Site;
use super::{body, operator, status};
use crate::documents::{self, Query};

/// Serves `path` (in segments) if it is one of them.
pub(super) async fn serve(
    request: &HttpRequest,
    segments: &[&str],
    payload: Payload,
    principal: Option<String>,
    site: &Site,
) -> Option<Result<HttpResponse, HttpResponse>> {
    let call = match (segments, request.method()) {
        (["weights"], &Method::GET) => {
            let weights = documents::operator::weights(&site.library.view());
            return Some(json(request, serde_json::to_vec(&weights)));
        }
        (["quota"], &Method::GET) => {
            let quota = documents::operator::quota(&site.library.view());
            return Some(json(request, Ok(wire::encode_json(&quota))));
        }
        (["maintenance", "schedule"], &Method::GET) => {
            let schedule = documents::maintenance::schedule(&site.library.view());
            return Some(json(request, Ok(wire::encode_json(&schedule))));
        }
        (["maintenance", "status"], &Method::GET) => {
            let status = documents::maintenance::status(&site.library.view());
            return Some(json(request, Ok(wire::encode_json(&status))));
        }
        (["maintenance", "schedule"], &Method::POST) => schedule(request, payload).await,
        (["machine", action @ ("down" | "up")], &Method::POST) => {
            machines(request, action, payload).await
        }
        (["maintenance", "schedule"], _) => Err(status::method_not_allowed(request, "GET, POST")),
        (["maintenance", "status"], _) => Err(status::method_not_allowed(request, "GET")),
        (["machine", "down" | "up"], _) => Err(status::method_not_allowed(request, "POST")),
        (["teardown"], &Method::POST) => teardown(request, payload).await,
        (["teardown"], _) => Err(status::method_not_allowed(request, "POST")),
        (["weights"], &Method::PUT) => weights(request, payload).await,
        (["quota"], &Method::POST) => set_quota(request, payload).await,
        (["quota", role @ ..], &Method::DELETE) => Ok(remove_quota(&role.join("/"))),
        (["reserve" | "unreserve" | "create-volumes" | "destroy-volumes"], &Method::POST) => {
            on_agent(request, segments[0], payload).await
        }
        (["weights"], _) => Err(status::method_not_allowed(request, "GET, PUT")),
        (["quota", ..], _) => Err(status::method_not_allowed(request, "GET, POST, DELETE")),
        (["reserve" | "unreserve" | "create-volumes" | "destroy-volumes"], _) => {
            Err(status::method_not_allowed(request, "POST"))
        }
        _ => return None,
    };
    Some(match call {
        Ok(call) => operator::change(request, call, principal, site).await,
        Err(response) => Err(response),
    })
}

fn json(
    request: &HttpRequest,
    body: serde_json::Result<Vec<u8>>,
) -> Result<HttpResponse, HttpResponse> {
    let failed =
        |error: serde_json::Error| text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let body = body.map_err(failed)?;
    Ok(reply::body(request, "application/json", body.into()))
}

async fn weights(request: &HttpRequest, payload: Payload) -> Result<Call, HttpResponse> {
    let body = body::read(request, payload).await?;
    let weight_infos: Vec<WeightInfo> = parse("the body", &body)?;
    let mut call = Call {
        update_weights: Some(UpdateWeights { weight_infos }),
        ..Default::default()
    };
    call.set_type(Type::UpdateWeights);
    Ok(call)
}

#[allow(deprecated)]
async fn set_quota(request: &HttpRequest, payload: Payload) -> Result<Call, HttpResponse> {
    let body = body::read(request, payload).await?;
    let quota_request: QuotaRequest = parse("the body", &body)?;
    let mut call = Call {
        set_quota: Some(SetQuota { quota_request }),
        ..Default::default()
    };
    call.set_type(Type::SetQuota);
    Ok(call)
}

#[allow(deprecated)]
fn remove_quota(role: &str) -> Call {
    let role = role.to_owned();
    let mut call = Call {
        remove_quota: Some(RemoveQuota { role }),
        ..Default::default()
    };
    call.set_type(Type::RemoveQuota);
    call
}

async fn schedule(request: &HttpRequest, payload: Payload) -> Result<Call, HttpResponse> {
    let body = body::read(request, payload).await?;
    let schedule: Schedule = parse("the body", &body)?;
    let mut call = Call {
        update_maintenance_schedule: Some(UpdateMaintenanceSchedule { schedule }),
        ..Default::default()
    };
    call.set_type(Type::UpdateMaintenanceSchedule);
    Ok(call)
}

/// The body is a list of machines.
async fn machines(
    request: &HttpRequest,
    action: &str,
    payload: Payload,
) -> Result<Call, HttpResponse> {
    let body = body::read(request, payload).await?;
    let machines: Vec<MachineId> = parse("the body", &body)?;
    let mut call = Call::default();
    if action == "down" {
        call.set_type(Type::StartMaintenance);
        call.start_maintenance = Some(StartMaintenance { machines });
    } else {
        call.set_type(Type::StopMaintenance);
        call.stop_maintenance = Some(StopMaintenance { machines });
    }
    Ok(call)
}

/// A form with `frameworkId`.
async fn teardown(request: &HttpRequest, payload: Payload) -> Result<Call, HttpResponse> {
    let body = body::read(request, payload).await?;
    let form = Query::parse(&String::from_utf8_lossy(&body));
    let framework_id = field(&form, "frameworkId")?.into();
    let mut call = Call {
        teardown: Some(Teardown { framework_id }),
        ..Default::default()
    };
    call.set_type(Type::Teardown);
    Ok(call)
}

fn field<'a>(form: &'a Query, name: &str) -> Result<&'a str, HttpResponse> {
    let missing = || {
        let message = format!("Missing '{name}' query parameter in the request body");
        text(StatusCode::BAD_REQUEST, message)
    };
    form.get(name).ok_or_else(missing)
}

/// A form with `slaveId` and `resources`, or `volumes`, as JSON.
async fn on_agent(
    request: &HttpRequest,
    action: &str,
    payload: Payload,
) -> Result<Call, HttpResponse> {
    let body = body::read(request, payload).await?;
    let form = Query::parse(&String::from_utf8_lossy(&body));
    let field = |name: &str| field(&form, name);
    let agent_id: AgentId = field("slaveId")?.into();
    let list = |name: &str| -> Result<Vec<Resource>, HttpResponse> {
        parse(&format!("'{name}'"), field(name)?.as_bytes())
    };
    let mut call = Call::default();
    match action {
        "reserve" => {
            call.set_type(Type::ReserveResources);
            call.reserve_resources = Some(ReserveResources {
                agent_id,
                resources: list("resources")?,
                source: Vec::new(),
            });
        }
        "unreserve" => {
            call.set_type(Type::UnreserveResources);
            call.unreserve_resources = Some(UnreserveResources {
                agent_id,
                resources: list("resources")?,
            });
        }
        "create-volumes" => {
            call.set_type(Type::CreateVolumes);
            call.create_volumes = Some(CreateVolumes {
                agent_id,
                volumes: list("volumes")?,
            });
        }
        _ => {
            call.set_type(Type::DestroyVolumes);
            call.destroy_volumes = Some(DestroyVolumes {
                agent_id,
                volumes: list("volumes")?,
            });
        }
    }
    Ok(call)
}

fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, HttpResponse> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("Failed to parse {what} as JSON: {error}");
        text(StatusCode::BAD_REQUEST, message)
    })
}
