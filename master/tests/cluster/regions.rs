//! `--domain` and `--require_agent_domain`: agents far away are for those who know what that means.

use std::time::Duration;

use libprocess::prelude::Node;
use mesos::v1::domain_info::FaultDomain;
use mesos::v1::domain_info::fault_domain::{RegionInfo, ZoneInfo};
use mesos::v1::framework_info::{Capability, capability};
use mesos::v1::scheduler::call;
use mesos::v1::{DomainInfo, FrameworkInfo};
use mesos_master::MasterHandle;
use mesos_master::config::Config;
use mesos_master::registrar::MemoryStorage;

use crate::fakes::AgentLife;
use crate::world::{Framework, agent, framework_info, run, start_with, until};

/// Many allocation intervals, and many attempts of an agent to register.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn an_agent_of_another_region_is_offered_to_those_who_are_aware_of_regions() {
    run(|node| async move {
        let master = start_with(at("eu"), &node, &MemoryStorage::default()).await;
        assert_eq!(master.view.borrow().master.domain, domain("eu", "1"));
        let far = AgentLife {
            domain: domain("us", "2"),
            ..AgentLife::default()
        };
        let (_, _life) = agent(&node, &master, far, true);
        until(&master, "the agent is there", |view| {
            view.cluster.agents.len() == 1
        })
        .await;
        let _unaware = subscribe(&node, &master, "unaware", &[]).await;
        tokio::time::sleep(LONG).await;
        assert_eq!(master.view.borrow().cluster.offers.len(), 0);

        let aware = [capability::Type::RegionAware];
        let mut aware = subscribe(&node, &master, "aware", &aware).await;
        let offer = aware.offer().await;
        assert_eq!(offer.domain, domain("us", "2"));
    });
}

#[test]
fn an_agent_in_another_zone_of_the_region_is_offered_to_all() {
    run(|node| async move {
        let master = start_with(at("eu"), &node, &MemoryStorage::default()).await;
        let near = AgentLife {
            domain: domain("eu", "2"),
            ..AgentLife::default()
        };
        let (_, _life) = agent(&node, &master, near, true);
        let mut unaware = subscribe(&node, &master, "unaware", &[]).await;
        assert_eq!(unaware.offer().await.domain, domain("eu", "2"));
    });
}

#[test]
fn an_agent_without_the_domain_that_is_required_is_not_answered() {
    run(|node| async move {
        let config = Config {
            require_agent_domain: true,
            ..at("eu")
        };
        let master = start_with(config, &node, &MemoryStorage::default()).await;
        let (nowhere, life) = agent(&node, &master, AgentLife::default(), true);
        tokio::time::sleep(LONG).await;
        assert_eq!(life.borrow().admissions, 0);
        assert!(master.view.borrow().cluster.agents.is_empty());

        // Its operator says where it is.
        node.stop(&nowhere);
        tokio::time::sleep(LONG).await;
        let somewhere = AgentLife {
            domain: domain("eu", "1"),
            ..AgentLife::default()
        };
        let (_, mut life) = agent(&node, &master, somewhere, true);
        let admitted = life.wait_for(|life| life.admissions == 1).await;
        admitted.expect("an agent");
    });
}

fn at(region: &str) -> Config {
    Config {
        domain: domain(region, "1"),
        ..Config::default()
    }
}

fn domain(region: &str, zone: &str) -> Option<DomainInfo> {
    let (region, zone) = (region.to_owned(), zone.to_owned());
    Some(DomainInfo {
        fault_domain: Some(FaultDomain {
            region: RegionInfo { name: region },
            zone: ZoneInfo { name: zone },
        }),
    })
}

async fn subscribe(
    node: &Node,
    master: &MasterHandle,
    name: &str,
    can: &[capability::Type],
) -> Framework {
    let capability = |kind: &capability::Type| Capability {
        r#type: Some(*kind as i32),
    };
    let subscribe = call::Subscribe {
        framework_info: FrameworkInfo {
            capabilities: can.iter().map(capability).collect(),
            ..framework_info()
        },
        ..Default::default()
    };
    let framework = Framework::try_subscribe_with(node, master, subscribe, name).await;
    framework.expect("refused")
}
