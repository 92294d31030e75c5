//! Not a benchmark: a size at which anything quadratic would not end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::v1::AgentInfo;

use super::{agent_id, framework_id, resources};
use crate::allocator::{
    AgentCapabilities, Allocator, AllocatorOptions, FrameworkOptions, HierarchicalAllocator, Scope,
    refuse_duration,
};

#[test]
fn a_thousand_agents_and_a_hundred_frameworks_that_decline_everything() {
    let mut allocator = HierarchicalAllocator::new(AllocatorOptions::default());
    for n in 0..100 {
        let options = FrameworkOptions {
            roles: [format!("role-{}", n % 10)].into(),
            active: true,
            ..FrameworkOptions::default()
        };
        allocator.add_framework(&framework_id(&format!("f{n}")), options, &BTreeMap::new());
    }
    for n in 0..1000 {
        let total = resources("cpus:16;mem:65536;disk:100000;ports:[31000-32000]");
        allocator.add_agent(
            &agent_id(&format!("a{n}")),
            &AgentInfo::default(),
            AgentCapabilities::default(),
            total,
            &BTreeMap::new(),
        );
    }
    let mut offered = BTreeSet::new();
    for cycle in 0..10 {
        let now = Duration::from_millis(cycle);
        let given = allocator.allocate(now, Scope::Everything, &mut |below| below / 2);
        assert_eq!(given.len(), 1000);
        for given in given {
            let refuse = Some(refuse_duration(None));
            allocator.recover(
                now,
                &given.framework,
                &given.agent,
                &given.resources,
                refuse,
            );
            assert!(
                offered.insert((given.framework, given.agent)),
                "offered twice"
            );
        }
    }
}
