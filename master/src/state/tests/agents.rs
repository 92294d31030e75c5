//! How agents come, and come back while they are still registered (Mesos' `docs/high-availability.md`).

use std::time::Duration;

use mesos::protocols::master::UnregisterAgent;
use mesos::v1::agent_info::Capability;
use mesos::v1::{FrameworkInfo, TaskState};
use mesos::wire::Pb;

use super::world::{Runs, World, agent_pid, info};
use crate::allocator::{AgentCapabilities, AllocatorOp};
use crate::state::{Counter, Effect};

#[test]
fn an_agent_is_answered_after_the_registry_has_it() {
    let mut world = World::new();
    world.registry_is_slow = true;
    world.register(agent_pid(1, 1));
    // It repeats itself meanwhile, which changes nothing.
    world.register(agent_pid(1, 1));
    assert_eq!(world.log(), ["registry <- admit m-S0"]);
    assert!(world.state.cluster().agents.is_empty());
    world.registry_answers();
    assert_eq!(world.log(), ["10.0.0.1 <- registered as m-S0"]);
    // The answer was lost.
    world.register(agent_pid(1, 1));
    assert_eq!(world.log(), ["10.0.0.1 <- registered as m-S0"]);
    assert_eq!(world.state.counters().get(Counter::AgentRegistrations), 1);
}

#[test]
fn a_new_agent_in_the_place_of_another_removes_that() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.register(agent_pid(1, 2));
    assert_eq!(
        world.log(),
        [
            "registry <- remove m-S0",
            "allocator <- cpus:1; mem:32 of m-0000 on m-S0",
            "a <- t TASK_LOST (AGENT_REMOVED)",
            "a <- FAILURE agent",
            "registry <- admit m-S1",
            "10.0.0.1 <- registered as m-S1",
        ]
    );
    world.check();
}

#[test]
fn an_agent_with_impossible_resources_is_told_why_it_must_end() {
    use mesos::protocols::master::RegisterAgent;
    let mut world = World::new();
    let mut resources = super::world::resources("cpus:1");
    resources[0].scalar = Some(mesos::v1::value::Scalar { value: -1.0 });
    let request = RegisterAgent {
        agent: agent_pid(1, 1),
        info: Pb(mesos::v1::AgentInfo {
            resources,
            ..Default::default()
        }),
        capabilities: vec![],
        checkpointed_resources: vec![],
        version: "1".into(),
        resource_version: None,
    };
    let effects = world.state.register_agent(world.now, request);
    world.perform(effects);
    assert_eq!(world.log(), ["10.0.0.1 <- shut down"]);
}

#[test]
fn an_agent_that_restarts_keeps_its_tasks() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "kept");
    world.running(&id, &agent, "missing");
    world.offer(&id, &agent, "cpus:1");
    world.log();

    world.agent_exits(&agent);
    assert_eq!(
        world.log(),
        ["allocator <- cpus:1 of m-0000 on m-S0", "a <- RESCIND"]
    );
    assert!(!world.state.cluster().agents[&agent].active);

    let framework = world.state.cluster().frameworks[&id].clone();
    let kept = framework.tasks["kept"].to_v1();
    // It knows the framework as it was before an update it missed.
    let mut before = (*framework.info).clone();
    before.webui_url = Some("http://old".into());
    let runs = Runs {
        frameworks: vec![before],
        tasks: vec![kept],
        ..Runs::default()
    };
    world.reregister(&agent, agent_pid(1, 2), runs);
    assert_eq!(
        world.log(),
        [
            "10.0.0.1 <- reregistered, asked for [\"missing\"]",
            "10.0.0.1 <- update framework"
        ]
    );
    let now = &world.state.cluster().agents[&agent];
    assert!(now.connected && now.active && now.pid == agent_pid(1, 2));
    // The end of the first incarnation is old news.
    let effects = world.state.exited(world.now, &agent_pid(1, 1).any());
    assert!(effects.is_empty());
    world.check();
}

#[test]
fn kills_are_repeated_and_what_ended_meanwhile_is_stopped() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let brief = world.framework(FrameworkInfo {
        failover_timeout: None,
        ..info("b")
    });
    world.running(&id, &agent, "t");
    world.running(&brief, &agent, "u");
    let cluster = world.state.cluster().clone();
    let runs = Runs {
        frameworks: cluster
            .frameworks
            .values()
            .map(|f| (*f.info).clone())
            .collect(),
        tasks: cluster
            .tasks_on(&agent)
            .iter()
            .map(|task| task.to_v1())
            .collect(),
        ..Runs::default()
    };

    world.agent_exits(&agent);
    world.kill(&id, "t", None);
    world.framework_exits(&brief);
    world.wait(Duration::ZERO);
    world.log();
    world.reregister(&agent, agent_pid(1, 2), runs);
    assert_eq!(
        world.log(),
        [
            "10.0.0.1 <- reregistered, asked for []",
            "10.0.0.1 <- kill t",
            "10.0.0.1 <- kill u",
            "10.0.0.1 <- shut down framework m-0001",
        ]
    );
}

#[test]
fn a_task_that_ended_unnoticed_is_over_when_its_agent_forgot_it() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.update(&id, &agent, "t", TaskState::TaskFinished, 2);
    world.agent_exits(&agent);
    world.reregister(&agent, agent_pid(1, 2), Runs::default());
    let framework = &world.state.cluster().frameworks[&id];
    assert!(framework.tasks.is_empty());
    assert_eq!(framework.completed_tasks.len(), 1);
    world.check();
}

#[test]
fn an_agent_that_leaves_takes_its_tasks_along() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(super::world::partition_aware("a"));
    world.running(&id, &agent, "t");
    let leave = UnregisterAgent {
        agent_id: agent.clone(),
    };
    let stranger = agent_pid(2, 1).any();
    let effects = world.state.unregister_agent(Some(&stranger), &leave);
    assert!(effects.is_empty());
    let effects = world
        .state
        .unregister_agent(Some(&agent_pid(1, 1).any()), &leave);
    world.perform(effects);
    // LOST even for the partition aware, as in Mesos.
    assert_eq!(
        world.log(),
        [
            "registry <- remove m-S0",
            "allocator <- cpus:1; mem:32 of m-0000 on m-S0",
            "a <- t TASK_LOST (AGENT_REMOVED)",
            "a <- FAILURE agent",
        ]
    );
    assert!(world.state.cluster().agents.is_empty());
    world.check();
}

#[test]
fn another_host_cannot_take_the_place_of_a_registered_agent() {
    let mut world = World::new();
    let agent = world.agent(1);
    world.log();
    world.reregister(&agent, agent_pid(2, 1), Runs::default());
    assert_eq!(world.log(), ["10.0.0.2 <- shut down"]);
    assert!(world.state.cluster().agents[&agent].connected);
}

#[test]
fn an_agent_that_takes_the_place_of_another_removes_that() {
    let mut world = World::new();
    let (first, second) = (world.agent(1), world.agent(2));
    world.agent_exits(&second);
    world.wait(Duration::from_secs(601));
    world.log();
    // The second came back in the place of the first, which is no more.
    world.reregister(&second, agent_pid(1, 2), Runs::default());
    assert_eq!(
        world.log(),
        [
            format!("registry <- remove {}", first.value),
            format!("registry <- {} reachable", second.value),
            "10.0.0.1 <- reregistered, asked for []".to_owned(),
        ]
    );
    let cluster = world.state.cluster();
    assert!(!cluster.agents.contains_key(&first) && cluster.agents[&second].connected);
    world.check();
    // And its end is heard of.
    world.agent_exits(&second);
    assert!(!world.state.cluster().agents[&second].connected);
}

#[test]
fn agents_that_are_too_old_or_of_an_unknown_place_are_not_answered() {
    use mesos::protocols::master::RegisterAgent;
    use mesos::v1::{AgentInfo, DomainInfo};
    let somewhere = || Some(DomainInfo::default());
    for (version, masters, agents, required, welcome) in [
        ("1.0.0", None, None, false, true),
        ("0.28.2", None, None, false, false),
        ("1.0.0", None, somewhere(), false, false),
        ("1.0.0", somewhere(), somewhere(), true, true),
        ("1.0.0", somewhere(), None, false, true),
        ("1.0.0", somewhere(), None, true, false),
    ] {
        let config = crate::config::Config {
            domain: masters,
            require_agent_domain: required,
            ..Default::default()
        };
        let mut world = World::with(config);
        let info = AgentInfo {
            hostname: "h".into(),
            domain: agents,
            ..Default::default()
        };
        let request = RegisterAgent {
            agent: agent_pid(1, 1),
            info: Pb(info),
            capabilities: vec![],
            checkpointed_resources: vec![],
            version: version.into(),
            resource_version: None,
        };
        let effects = world.state.register_agent(world.now, request);
        assert_eq!(!effects.is_empty(), welcome, "{version} {required}");
    }
}

/// What the allocator is told of an agent's capabilities, in order.
fn capabilities_told(effects: &[Effect]) -> Vec<AgentCapabilities> {
    let updates = effects.iter().filter_map(|effect| match effect {
        Effect::Allocator(AllocatorOp::UpdateAgent { capabilities, .. }) => Some(*capabilities),
        _ => None,
    });
    updates.collect()
}

fn of_capabilities(capabilities: &[Pb<Capability>]) -> AgentCapabilities {
    let inner = capabilities.iter().cloned().map(Pb::into_inner);
    AgentCapabilities::new(&inner.collect::<Vec<_>>())
}

#[test]
fn the_allocator_hears_what_an_upgraded_agent_can_do() {
    let all = super::world::capabilities();
    for grows in [false, true] {
        let mut world = World::new();
        let agent = world.agent(1);
        let mut request = world.reregistration(&agent, agent_pid(1, 1), Runs::default());
        request.capabilities.truncate(1);
        request.resource_version = Some(uuid::Uuid::from_u128(1));
        let effects = world.state.reregister_agent(world.now, request.clone());
        let few = of_capabilities(&request.capabilities);
        assert_eq!(capabilities_told(&effects), [few], "it was downgraded");
        world.perform(effects);
        world.log();

        request.capabilities = all.clone();
        request.resource_version = Some(uuid::Uuid::from_u128(2));
        if grows {
            request.info.0.resources = super::world::resources("cpus:8;mem:1024;disk:1000");
        }
        let effects = world.state.reregister_agent(world.now, request.clone());
        let told = capabilities_told(&effects);
        assert!(!told.is_empty());
        assert!(told.iter().all(|it| *it == of_capabilities(&all)));
        world.perform(effects);
        // The registry holds what agents say of themselves, and that only.
        assert_eq!(world.log_of("registry").len(), usize::from(grows));
        // It repeats itself.
        let effects = world.state.reregister_agent(world.now, request);
        assert_eq!(capabilities_told(&effects), []);
        world.perform(effects);
        world.check();
    }
}
