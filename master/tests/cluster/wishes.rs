//! What a framework says of itself decides what it is offered.

use std::time::Duration;

use libprocess::prelude::Node;
use mesos::v1::FrameworkInfo;
use mesos::v1::scheduler::{Call, OfferConstraints, call};
use mesos_master::MasterHandle;
use mesos_master::registrar::MemoryStorage;
use serde_json::{Value, json};

use crate::fakes::AgentLife;
use crate::world::{Framework, agent, framework_info, run, start};

/// Many allocation intervals.
const LONG: Duration = Duration::from_secs(60);

/// A framework with these fields beside its name.
fn info(fields: Value) -> FrameworkInfo {
    let mut json = serde_json::to_value(framework_info()).expect("JSON");
    let given = fields.as_object().expect("fields").clone();
    json.as_object_mut().expect("fields").extend(given);
    serde_json::from_value(json).expect("a framework")
}

/// Only agents on this host, in the default role.
fn on_host(name: &str) -> OfferConstraints {
    let constraint = json!({
        "selector": {"pseudoattribute_type": "HOSTNAME"},
        "predicate": {"text_equals": {"value": name}},
    });
    let groups = json!([{"attribute_constraints": [constraint]}]);
    let constraints = json!({"role_constraints": {"*": {"groups": groups}}});
    serde_json::from_value(constraints).expect("constraints")
}

async fn subscribe(
    node: &Node,
    master: &MasterHandle,
    info: FrameworkInfo,
    constraints: Option<OfferConstraints>,
) -> Framework {
    let subscribe = call::Subscribe {
        framework_info: info,
        offer_constraints: constraints,
        ..Default::default()
    };
    let name = format!(
        "scheduler-{}",
        master.view.borrow().cluster.frameworks.len()
    );
    let framework = Framework::try_subscribe_with(node, master, subscribe, &name).await;
    framework.expect("refused")
}

async fn update(framework: &Framework, info: FrameworkInfo, constraints: Option<OfferConstraints>) {
    let info = FrameworkInfo {
        id: Some(framework.id.clone()),
        ..info
    };
    let update = call::UpdateFramework {
        framework_info: info,
        suppressed_roles: vec![],
        offer_constraints: constraints,
    };
    let call = Call {
        update_framework: Some(update),
        ..Default::default()
    };
    framework.call(call::Type::UpdateFramework, call).await;
}

async fn is_offered_nothing(master: &MasterHandle) {
    tokio::time::sleep(LONG).await;
    assert_eq!(master.view.borrow().cluster.offers.len(), 0);
}

#[test]
fn agents_with_gpus_are_for_those_who_say_that_they_use_them() {
    run(|node| async move {
        let master = start(&node, &MemoryStorage::default()).await;
        let life = AgentLife {
            resources: Some("cpus:4;mem:1024;gpus:1"),
            ..AgentLife::default()
        };
        let (_, _life) = agent(&node, &master, life, true);
        let _plain = subscribe(&node, &master, info(json!({})), None).await;
        is_offered_nothing(&master).await;
        let can = info(json!({"capabilities": [{"type": "GPU_RESOURCES"}]}));
        let mut can = subscribe(&node, &master, can, None).await;
        let offer = can.offer().await;
        assert!(offer.resources.iter().any(|part| part.name == "gpus"));
    });
}

#[test]
fn constraints_come_with_the_subscription_and_change_with_updates() {
    run(|node| async move {
        let master = start(&node, &MemoryStorage::default()).await;
        let (_, _life) = agent(&node, &master, AgentLife::default(), true);
        let elsewhere = Some(on_host("elsewhere"));
        let plain = || info(json!({}));
        let mut framework = subscribe(&node, &master, plain(), elsewhere).await;
        is_offered_nothing(&master).await;
        update(&framework, plain(), Some(on_host("here"))).await;
        assert_eq!(framework.offer().await.hostname, "here");
    });
}

#[test]
fn a_framework_may_have_a_minimum_of_its_own_for_each_role() {
    run(|node| async move {
        let master = start(&node, &MemoryStorage::default()).await;
        let (_, _life) = agent(&node, &master, AgentLife::default(), true);
        let wants = |cpus: f64| {
            let set = json!({"quantities": {"cpus": {"value": cpus}}});
            let minimum = json!({"min_allocatable_resources": {"quantities": [set]}});
            info(json!({"offer_filters": {"*": minimum}}))
        };
        let mut framework = subscribe(&node, &master, wants(8.0), None).await;
        is_offered_nothing(&master).await;
        update(&framework, wants(4.0), None).await;
        assert_eq!(framework.offer().await.hostname, "here");
    });
}
