//! The operator API, v1 and the endpoints from before (Mesos' `docs/operator-http-api.md` and `docs/endpoints/`).

use std::sync::Arc;

use mesos::v1::master::call::Type;
use mesos::v1::master::{Call, Response as Answer, response};
use mesos::wire;
use serde_json::{Value, json};

use super::rig::{Client, JSON, Response, Rig, takes_everything};
use crate::http::Credentials;
use crate::registrar::{MachineKey, MachineRecord};
use crate::view::View;

const RESOURCE: &str = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1},
    "reservations":[{"type":"DYNAMIC","role":"eng"}]}"#;

const SCHEDULE: &str = r#"{"windows":[{"machine_ids":[{"hostname":"a"}],
    "unavailability":{"start":{"nanoseconds":1}}}]}"#;

const MACHINES: &str = r#"[{"hostname":"a"},{"ip":"10.0.0.1"}]"#;

#[track_caller]
fn is(response: &Response, status: u16, text: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert!(response.text().contains(text), "{}", response.text());
}

async fn send(rig: &Rig, head: &str, headers: &[&str], body: &str) -> Response {
    // A client holds its buffers; in a box, many of them are no burden for the stack of a test.
    Box::pin(async move {
        let mut client = Client::connect(rig.address).await;
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!("{head} HTTP/1.1\r\n{headers}");
        client.send(&head, body.as_bytes()).await;
        client.response().await
    })
    .await
}

async fn get(rig: &Rig, path: &str) -> Response {
    send(rig, &format!("GET {path}"), &[], "").await
}

async fn api(rig: &Rig, headers: &[&str], body: &str) -> Response {
    send(rig, "POST /api/v1", headers, body).await
}

#[tokio::test]
async fn changes_are_the_masters_and_are_answered_with_their_status() {
    let mut rig = Rig::new(takes_everything);
    let reserve = format!(
        r#"{{"type":"RESERVE_RESOURCES","reserve_resources":
            {{"agent_id":{{"value":"S0"}},"resources":[{RESOURCE}]}}}}"#
    );
    let weights = r#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[]}}"#;
    let quota = r#"{"type":"UPDATE_QUOTA","update_quota":{"force":true,"quota_configs":
        [{"role":"eng","guarantees":{"cpus":{"value":1}},"limits":{"cpus":{"value":2.5}}}]}}"#;
    for (body, status, kind) in [
        (reserve.as_str(), 202, Type::ReserveResources),
        (quota, 200, Type::UpdateQuota),
        (weights, 200, Type::UpdateWeights),
    ] {
        is(&api(&rig, &[JSON], body).await, status, "");
        assert_eq!(rig.operator_call().await.call.r#type(), kind);
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_conflict_is_409_and_names_who_asked() {
    let credentials = Credentials::new([("nobody".into(), "secret".into())]);
    let mut rig = Rig::with(takes_everything, Some(credentials));
    let nobody = "Authorization: Basic bm9ib2R5OnNlY3JldA==";
    let body = r#"{"type":"UPDATE_WEIGHTS","update_weights":{}}"#;
    is(&api(&rig, &[JSON, nobody], body).await, 409, "not for you");
    let call = rig.operator_call().await;
    assert_eq!(call.principal.as_deref(), Some("nobody"));
    is(&api(&rig, &[JSON], body).await, 401, "");
    rig.stop().await;
}

#[tokio::test]
async fn what_is_read_comes_in_the_form_that_was_asked_for() {
    let rig = Rig::new(takes_everything);
    rig.views.send_modify(|view| {
        let mut changed = View::clone(view);
        changed.cluster.weights.insert("eng".into(), 2.5);
        *view = Arc::new(changed);
    });
    let weights = r#"{"type":"GET_WEIGHTS"}"#;
    let json = api(&rig, &[JSON], weights).await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    is(
        &json,
        200,
        r#""weight_infos":[{"weight":2.5,"role":"eng"}]"#,
    );
    let protobuf = "Accept: application/x-protobuf";
    let bytes = api(&rig, &[JSON, protobuf], weights).await;
    let answer: Answer = wire::decode_protobuf(&bytes.body).unwrap();
    assert_eq!(answer.r#type(), response::Type::GetWeights);
    let roles = api(&rig, &[JSON], r#"{"type":"GET_ROLES"}"#).await;
    is(&roles, 200, r#""name":"eng","weight":2.5"#);
    is(
        &api(&rig, &[JSON], r#"{"type":"GET_QUOTA"}"#).await,
        200,
        "get_quota",
    );
    is(
        &api(&rig, &[JSON], r#"{"type":"GET_OPERATIONS"}"#).await,
        200,
        "get_operations",
    );
    is(
        &get(&rig, "/roles").await,
        200,
        r#""name":"eng","weight":2.5"#,
    );
    is(
        &get(&rig, "/weights").await,
        200,
        r#"[{"weight":2.5,"role":"eng"}]"#,
    );
    is(&get(&rig, "/master/quota").await, 200, "{");
    rig.stop().await;
}

#[tokio::test]
async fn quota_is_shown_in_the_present_form_and_the_old_one() {
    let rig = Rig::new(takes_everything);
    rig.views.send_modify(|view| {
        let mut changed = View::clone(view);
        let config = json!({"role": "eng", "guarantees": {"cpus": {"value": 1}},
            "limits": {"cpus": {"value": 2.5}, "mem": {"value": 64}}});
        let config = serde_json::from_value(config).expect("a quota");
        let quotas = &mut changed.cluster.quotas;
        quotas.insert("eng".to_owned(), Arc::new(config));
        *view = Arc::new(changed);
    });
    let guarantee =
        json!([{"name": "cpus", "type": "SCALAR", "role": "*", "scalar": {"value": 1.0}}]);
    let status = json!({
        "infos": [{"role": "eng", "guarantee": guarantee}],
        "configs": [{"role": "eng", "guarantees": {"cpus": {"value": 1.0}},
            "limits": {"cpus": {"value": 2.5}, "mem": {"value": 64.0}}}],
    });
    let read =
        |response: &Response| -> Value { serde_json::from_str(&response.text()).expect("JSON") };
    let legacy = get(&rig, "/quota").await;
    assert_eq!(read(&legacy), status);
    let answer = api(&rig, &[JSON], r#"{"type":"GET_QUOTA"}"#).await;
    let expected = json!({"type": "GET_QUOTA", "get_quota": {"status": status}});
    assert_eq!(read(&answer), expected);
    let of_role =
        r#""quota":{"role":"eng","guarantee":{"cpus":1.0},"limit":{"cpus":2.5,"mem":64.0}"#;
    is(&get(&rig, "/roles").await, 200, of_role);
    rig.stop().await;
}

#[tokio::test]
async fn maintenance_is_shown_as_it_was_planned() {
    let rig = Rig::new(takes_everything);
    rig.views.send_modify(|view| {
        let mut changed = View::clone(view);
        for (name, window, down) in [("z", 0, true), ("a", 1, false)] {
            let key = MachineKey {
                hostname: name.into(),
                ip: String::new(),
            };
            let machine = MachineRecord {
                down,
                window,
                unavailability: Default::default(),
            };
            changed.cluster.machines.insert(key, Arc::new(machine));
        }
        *view = Arc::new(changed);
    });
    let windows = r#"{"windows":[{"machine_ids":[{"hostname":"z"}],"unavailability":{"start":{"nanoseconds":0}}},{"machine_ids":[{"hostname":"a"}]"#;
    is(&get(&rig, "/maintenance/schedule").await, 200, windows);
    let schedule = r#"{"type":"GET_MAINTENANCE_SCHEDULE"}"#;
    is(&api(&rig, &[JSON], schedule).await, 200, windows);
    let machines =
        r#"{"draining_machines":[{"id":{"hostname":"a"}}],"down_machines":[{"hostname":"z"}]}"#;
    let response = get(&rig, "/master/maintenance/status").await;
    is(&response, 200, machines);
    let status = r#"{"type":"GET_MAINTENANCE_STATUS"}"#;
    is(&api(&rig, &[JSON], status).await, 200, machines);
    is(&get(&rig, "/machine/down").await, 405, "POST");
    rig.stop().await;
}

#[tokio::test]
async fn requests_are_checked_before_anybody_is_asked() {
    let rig = Rig::new(takes_everything);
    let body = r#"{"type":"GET_WEIGHTS"}"#;
    is(&api(&rig, &[], body).await, 400, "Content-Type");
    is(
        &api(&rig, &["Content-Type: text/plain"], body).await,
        415,
        "",
    );
    is(&api(&rig, &[JSON], "{").await, 400, "Failed to parse");
    is(
        &api(&rig, &[JSON, "Accept: text/html"], body).await,
        406,
        "",
    );
    is(&get(&rig, "/api/v1").await, 405, "POST");
    is(&get(&rig, "/reserve").await, 405, "POST");
    is(&send(&rig, "PUT /weights", &[], "{").await, 400, "JSON");
    is(&send(&rig, "POST /reserve", &[], "").await, 400, "slaveId");
    is(
        &send(&rig, "POST /teardown", &[], "").await,
        400,
        "frameworkId",
    );
    is(
        &send(&rig, "POST /unreserve", &[], "slaveId=S0").await,
        400,
        "resources",
    );
    is(
        &send(&rig, "POST /create-volumes", &[], "slaveId=S0&volumes=x").await,
        400,
        "JSON",
    );
    rig.stop().await;
}

#[tokio::test]
async fn the_endpoints_from_before_make_the_same_calls() {
    let mut rig = Rig::new(takes_everything);
    let list = format!("[{RESOURCE}]").replace('\n', " ");
    let encoded: String = list.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let (resources, volumes) = (
        format!("slaveId=S0&resources={encoded}"),
        format!("slaveId=S0&volumes={encoded}"),
    );
    let weights = r#"[{"role":"eng","weight":2}]"#;
    let quota = r#"{"role":"eng","guarantee":[]}"#;
    let table = [
        (
            "POST /master/reserve",
            resources.as_str(),
            202,
            Type::ReserveResources,
        ),
        ("POST /unreserve", &resources, 202, Type::UnreserveResources),
        ("POST /create-volumes", &volumes, 202, Type::CreateVolumes),
        ("POST /destroy-volumes", &volumes, 202, Type::DestroyVolumes),
        ("PUT /weights", weights, 200, Type::UpdateWeights),
        ("POST /quota", quota, 200, SET_QUOTA),
        ("DELETE /quota/eng", "", 200, REMOVE_QUOTA),
        (
            "POST /maintenance/schedule",
            SCHEDULE,
            200,
            Type::UpdateMaintenanceSchedule,
        ),
        (
            "POST /master/machine/down",
            MACHINES,
            200,
            Type::StartMaintenance,
        ),
        ("POST /teardown", "frameworkId=F0", 200, Type::Teardown),
        ("POST /machine/up", MACHINES, 200, Type::StopMaintenance),
    ];
    for (head, body, status, kind) in table {
        is(&send(&rig, head, &[], body).await, status, "");
        let call: Call = rig.operator_call().await.call.0;
        assert_eq!(call.r#type(), kind, "{head}");
        assert!(round_trips(&call), "{head}: {call:?}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn pages_of_others_change_nothing() {
    let mut rig = Rig::new(takes_everything);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let body = "slaveId=S0&resources=[]";
    let weights = r#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[]}}"#;
    for origin in ["Origin: http://evil.example", "Origin: null"] {
        let reserve = send(&rig, "POST /reserve", &[form, origin], body).await;
        is(&reserve, 403, "Origin");
        is(&api(&rig, &[JSON, origin], weights).await, 403, "Origin");
        is(
            &send(&rig, "DELETE /quota/eng", &[origin], "").await,
            403,
            "",
        );
        let read = send(&rig, "GET /weights", &[origin], "").await;
        is(&read, 200, "");
    }
    // Programs name no origin, and our own page names us.
    is(&send(&rig, "POST /reserve", &[form], body).await, 202, "");
    rig.operator_call().await;
    let own = "Origin: http://localhost";
    is(
        &send(&rig, "POST /reserve", &[form, own], body).await,
        202,
        "",
    );
    rig.operator_call().await;
    rig.stop().await;
}

#[tokio::test]
async fn a_master_without_files_shows_none() {
    let rig = Rig::new(takes_everything);
    for call in [
        r#"{"type":"LIST_FILES","list_files":{"path":"/"}}"#,
        r#"{"type":"READ_FILE","read_file":{"path":"/master/log","offset":0}}"#,
    ] {
        is(&api(&rig, &[JSON], call).await, 404, "");
    }
    let health = api(&rig, &[JSON], r#"{"type":"GET_HEALTH"}"#).await;
    is(
        &health,
        200,
        r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#,
    );
    rig.stop().await;
}

/// Whether all that a call of this type needs is there.
fn round_trips(call: &Call) -> bool {
    let bytes = wire::encode_protobuf(call);
    wire::decode_protobuf::<Call>(&bytes).is_ok_and(|again| again == *call)
}

#[allow(deprecated)]
const SET_QUOTA: Type = Type::SetQuota;
#[allow(deprecated)]
const REMOVE_QUOTA: Type = Type::RemoveQuota;
