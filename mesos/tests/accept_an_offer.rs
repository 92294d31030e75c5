//! The vocabulary as a scheduler's author meets it: an offer comes in, a call goes out.

use mesos::resources::{Format, Quantity, Resources};
use mesos::v1;
use mesos::v1::offer::{Operation, operation};
use mesos::v1::scheduler::{Call, Event, call, event};
use mesos::wire;
use serde_json::json;

/// As Mesos 1.11.0 wrote it to a framework in the role `rec`.
const RECORDED: &[u8] = br#"{"type":"OFFERS","offers":{"offers":[{
    "id":{"value":"m-O3"},"framework_id":{"value":"m-0003"},"agent_id":{"value":"m-S0"},"hostname":"localhost",
    "url":{"scheme":"http","address":{"hostname":"localhost","ip":"127.0.0.1","port":15061},"path":"/slave(1)"},
    "resources":[
        {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":32000}]},"role":"*","allocation_info":{"role":"rec"}},
        {"name":"cpus","type":"SCALAR","scalar":{"value":3.8},"role":"*","allocation_info":{"role":"rec"}},
        {"name":"mem","type":"SCALAR","scalar":{"value":4032.0},"role":"*","allocation_info":{"role":"rec"}},
        {"name":"disk","type":"SCALAR","scalar":{"value":10000.0},"role":"*","allocation_info":{"role":"rec"}}],
    "allocation_info":{"role":"rec"}}]}}"#;

#[test]
fn an_offer_is_read_used_and_accepted() {
    let event: Event = wire::decode_json(RECORDED).unwrap();
    assert_eq!(event.r#type(), event::Type::Offers);
    let offer = &event.offers.unwrap().offers[0];

    let offered = Resources::from_v1(&offer.resources).unwrap();
    let needed = Resources::parse("cpus:0.1;mem:32;ports:[31000-31000]", "*").unwrap();
    assert_eq!(offered.cpus(), Quantity::from_milli(3800));
    assert!(
        !offered.contains(&needed),
        "the offer is made to a role, the need is not"
    );
    let needed = needed.allocate(offer.allocation_info.as_ref().unwrap().role());
    assert!(offered.contains(&needed));

    let accept = wire::encode_json(&launch(offer, &needed));
    let accept: serde_json::Value = serde_json::from_slice(&accept).unwrap();
    assert_eq!(accept["type"], "ACCEPT");
    assert_eq!(accept["accept"]["offer_ids"], json!([{"value": "m-O3"}]));
    let operation = &accept["accept"]["operations"][0];
    assert_eq!(operation["type"], "LAUNCH");
    let task = &operation["launch"]["task_infos"][0];
    assert_eq!(
        task["resources"][0],
        json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}, "role": "*",
               "allocation_info": {"role": "rec"}})
    );
    assert_eq!(task["command"]["value"], "echo hi");
}

fn launch(offer: &v1::Offer, needed: &Resources) -> Call {
    let task = v1::TaskInfo {
        name: "hello".into(),
        task_id: "hello.1".into(),
        agent_id: offer.agent_id.clone(),
        resources: needed.to_v1(Format::PreRefinement),
        command: Some(v1::CommandInfo {
            value: Some("echo hi".into()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let launch = Operation {
        r#type: Some(operation::Type::Launch as i32),
        launch: Some(operation::Launch {
            task_infos: vec![task],
        }),
        ..Default::default()
    };
    Call {
        framework_id: Some(offer.framework_id.clone()),
        r#type: Some(call::Type::Accept as i32),
        accept: Some(call::Accept {
            offer_ids: vec![offer.id.clone()],
            operations: vec![launch],
            filters: None,
        }),
        ..Default::default()
    }
}
