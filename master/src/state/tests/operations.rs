//! Operations on resources (Mesos' `docs/scheduler-http-api.md`).

use std::time::Duration;

use mesos::protocols::master::{AgentResources, OperationUpdate};
use mesos::resources::Resources;
use mesos::v1::framework_info::Capability;
use mesos::v1::framework_info::capability::Type as FrameworkCapability;
use mesos::v1::master as operator;
use mesos::v1::offer::Operation;
use mesos::v1::offer::operation::{
    Create, Destroy, GrowVolume, Launch, Reserve, ShrinkVolume, Type, Unreserve,
};
use mesos::v1::scheduler::{Call, call};
use mesos::v1::{
    self, AgentId, FrameworkId, OfferId, OperationState, OperationStatus, Resource, TaskInfo,
};
use mesos::wire::Pb;
use uuid::Uuid;

use super::world::{Runs, World, agent_pid, info, task};
use crate::registrar::Registry;

/// Frameworks of these tests are of this role.
const ROLE: &str = "eng";

struct Scene {
    world: World,
    agent: AgentId,
    id: FrameworkId,
}

impl Scene {
    fn new() -> Scene {
        let mut world = World::new();
        let agent = world.agent(1);
        let id = world.framework(engineer("a"));
        Scene { world, agent, id }
    }

    fn offer(&mut self, resources: &[Resource]) -> OfferId {
        let id = self.id.clone();
        self.offer_to(&id, resources)
    }

    fn offer_to(&mut self, id: &FrameworkId, resources: &[Resource]) -> OfferId {
        let resources = Resources::from_v1(resources).unwrap();
        self.world.allocate_to(id, &self.agent, ROLE, resources);
        let offers = &self.world.state.cluster().frameworks[id].offers;
        let offer = offers.iter().next_back().expect("an offer").clone();
        self.world.log();
        offer
    }

    fn accept(&mut self, offer: &OfferId, operations: Vec<Operation>) {
        self.world.accept_with(&self.id, &[offer], operations);
    }

    fn log(&mut self) -> Vec<String> {
        self.world.check();
        self.world.log()
    }

    fn total(&self) -> Resources {
        self.world.state.cluster().agents[&self.agent]
            .total
            .as_ref()
            .clone()
    }

    fn operation(&self, id: &str) -> Uuid {
        let framework = &self.world.state.cluster().frameworks[&self.id];
        framework.operations[&id.into()]
    }

    /// How many of a type the metrics say to have ended so.
    fn ended(&self, kind: Type, state: OperationState) -> u64 {
        let ends = &self.world.state.cluster().operation_ends;
        ends.get(&(kind as i32, state as i32)).copied().unwrap_or(0)
    }

    /// The agent reports how an operation ended.
    fn ends(&mut self, operation: Uuid, id: &str, state: OperationState, uuid: Option<u128>) {
        let update = OperationUpdate {
            agent_id: self.agent.clone(),
            framework_id: Some(self.id.clone()),
            operation,
            status: Pb(status(id, state, uuid)),
        };
        let pid = self.world.state.cluster().agents[&self.agent].pid.any();
        let now = self.world.now;
        let effects = self.world.state.operation_update(now, Some(&pid), update);
        self.world.perform(effects);
    }

    fn acknowledge(&mut self, id: &str, uuid: u128) {
        let acknowledge = call::AcknowledgeOperationStatus {
            agent_id: Some(self.agent.clone()),
            resource_provider_id: None,
            uuid: Uuid::from_u128(uuid).as_bytes().to_vec(),
            operation_id: id.into(),
        };
        let call = Call {
            acknowledge_operation_status: Some(acknowledge),
            ..Default::default()
        };
        let kind = call::Type::AcknowledgeOperationStatus;
        self.world.call(&self.id, kind, call);
    }

    fn reconcile(&mut self, ids: &[(&str, Option<&str>)]) -> Vec<String> {
        let asked = ids
            .iter()
            .map(|(id, agent)| call::reconcile_operations::Operation {
                operation_id: (*id).into(),
                agent_id: agent.map(Into::into),
                resource_provider_id: None,
            });
        let call = Call {
            reconcile_operations: Some(call::ReconcileOperations {
                operations: asked.collect(),
            }),
            ..Default::default()
        };
        let kind = call::Type::ReconcileOperations;
        self.world.call(&self.id, kind, call);
        self.log()
    }

    /// The agent comes back.
    fn reregister(&mut self, incarnation: u64, runs: Runs) {
        let pid = agent_pid(1, incarnation);
        self.world.reregister(&self.agent, pid, runs);
    }
}

fn engineer(name: &str) -> v1::FrameworkInfo {
    let capability = |kind: FrameworkCapability| Capability {
        r#type: Some(kind as i32),
    };
    v1::FrameworkInfo {
        roles: vec![ROLE.into()],
        principal: Some("p".into()),
        capabilities: vec![
            capability(FrameworkCapability::MultiRole),
            capability(FrameworkCapability::ReservationRefinement),
            capability(FrameworkCapability::SharedResources),
        ],
        ..info(name)
    }
}

fn status(id: &str, state: OperationState, uuid: Option<u128>) -> OperationStatus {
    OperationStatus {
        operation_id: Some(id).filter(|id| !id.is_empty()).map(Into::into),
        state: state as i32,
        uuid: uuid.map(|uuid| v1::Uuid {
            value: Uuid::from_u128(uuid).as_bytes().to_vec(),
        }),
        ..Default::default()
    }
}

fn resource(name: &str, value: u32, more: &str) -> Resource {
    let text = format!(r#"{{"name":"{name}","type":"SCALAR","scalar":{{"value":{value}}}{more}}}"#);
    serde_json::from_str(&text).unwrap()
}

const RESERVED: &str = r#","reservations":[{"type":"DYNAMIC","role":"eng","principal":"p"}]"#;

fn free(name: &str, value: u32) -> Resource {
    resource(name, value, "")
}

fn reserved(name: &str, value: u32) -> Resource {
    resource(name, value, RESERVED)
}

fn volume(value: u32) -> Resource {
    let disk = r#","disk":{"persistence":{"id":"v","principal":"p"},
        "volume":{"container_path":"data","mode":"RW"}}"#;
    resource("disk", value, &format!("{RESERVED}{disk}"))
}

fn shared(value: u32) -> Resource {
    Resource {
        shared: Some(Default::default()),
        ..volume(value)
    }
}

fn operation(kind: Type) -> Operation {
    let mut operation = Operation::default();
    operation.set_type(kind);
    operation
}

fn reserve(resources: Vec<Resource>) -> Operation {
    let source = Vec::new();
    Operation {
        reserve: Some(Reserve { resources, source }),
        ..operation(Type::Reserve)
    }
}

fn unreserve(resources: Vec<Resource>) -> Operation {
    Operation {
        unreserve: Some(Unreserve { resources }),
        ..operation(Type::Unreserve)
    }
}

fn create(volume: Resource) -> Operation {
    let volumes = vec![volume];
    Operation {
        create: Some(Create { volumes }),
        ..operation(Type::Create)
    }
}

fn destroy(volume: Resource) -> Operation {
    let volumes = vec![volume];
    Operation {
        destroy: Some(Destroy { volumes }),
        ..operation(Type::Destroy)
    }
}

fn launch(tasks: Vec<TaskInfo>) -> Operation {
    Operation {
        launch: Some(Launch { task_infos: tasks }),
        ..operation(Type::Launch)
    }
}

fn named(id: &str, operation: Operation) -> Operation {
    Operation {
        id: Some(id.into()),
        ..operation
    }
}

fn with_resources(task: TaskInfo, resources: Vec<Resource>) -> TaskInfo {
    TaskInfo { resources, ..task }
}

#[test]
fn later_operations_of_an_accept_see_what_earlier_ones_made() {
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("cpus", 4), free("disk", 1000)]);
    let task = task("t", &scene.agent, "cpus:1");
    let task = with_resources(task, vec![reserved("cpus", 1), volume(100)]);
    let operations = vec![
        reserve(vec![reserved("cpus", 2), reserved("disk", 300)]),
        create(volume(100)),
        launch(vec![task]),
    ];
    scene.accept(&offer, operations);
    assert_eq!(
        scene.log(),
        [
            "10.0.0.1 <- apply RESERVE",
            "10.0.0.1 <- apply CREATE",
            "10.0.0.1 <- run t",
            "allocator <- update allocation",
            "allocator <- cpus(reservations: [(DYNAMIC,eng,p)]):1; disk(reservations: [(DYNAMIC,eng,p)]):200 of m-0000 on m-S0",
            "allocator <- cpus:2; disk:700 of m-0000 on m-S0, refused 5s",
        ]
    );
    let total = scene.total();
    assert_eq!(total.reserved_to(ROLE).cpus().to_string(), "2");
    assert_eq!(total.persistent_volumes().disk().to_string(), "100");
    assert_eq!(total.disk().to_string(), "1000");
}

#[test]
fn what_is_invalid_is_skipped_and_what_has_an_id_is_told() {
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("cpus", 4), free("disk", 1000)]);
    let operations = vec![
        reserve(vec![reserved("cpus", 5)]),
        named("unreserved", create(volume(10))),
        named("none", unreserve(vec![reserved("cpus", 1)])),
        reserve(vec![reserved("cpus", 1)]),
        named("again", unreserve(vec![reserved("cpus", 1)])),
    ];
    scene.accept(&offer, operations);
    let log = scene.log();
    assert_eq!(
        log[..4],
        [
            "a <- unreserved OPERATION_ERROR",
            "a <- none OPERATION_ERROR",
            "10.0.0.1 <- apply RESERVE",
            "10.0.0.1 <- apply UNRESERVE",
        ]
    );
    assert_eq!(
        log.last().unwrap(),
        "allocator <- cpus:4; disk:1000 of m-0000 on m-S0, refused 5s"
    );
    assert!(scene.total().reserved().is_empty());
}

#[test]
fn the_end_of_an_operation_is_told_until_it_is_acknowledged() {
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("cpus", 1)]);
    scene.accept(&offer, vec![named("r", reserve(vec![reserved("cpus", 1)]))]);
    let uuid = scene.operation("r");
    scene.log();
    assert_eq!(scene.reconcile(&[]), ["a <- r OPERATION_PENDING"]);
    let finished = OperationState::OperationFinished;
    scene.ends(uuid, "r", finished, Some(7));
    scene.ends(uuid, "r", finished, Some(7));
    let told = "a <- r OPERATION_FINISHED (to be acknowledged)";
    assert_eq!(scene.log(), [told, told]);
    assert_eq!(scene.ended(Type::Reserve, finished), 1);
    assert_eq!(scene.reconcile(&[]), ["a <- r OPERATION_FINISHED"]);
    scene.acknowledge("r", 8);
    assert!(scene.log().is_empty(), "another status");

    // Its id is taken until then.
    let offer = scene.offer(&[free("cpus", 1)]);
    scene.accept(&offer, vec![named("r", reserve(vec![reserved("cpus", 1)]))]);
    assert_eq!(scene.log()[0], "a <- r OPERATION_ERROR");
    scene.acknowledge("r", 7);
    assert_eq!(scene.log(), ["10.0.0.1 <- acknowledge operation 7"]);
    assert!(scene.world.state.cluster().operations.is_empty());
    scene.acknowledge("r", 7);
    assert!(scene.log().is_empty());
}

#[test]
fn an_operation_without_an_id_is_forgotten_when_it_is_done() {
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("cpus", 1)]);
    scene.accept(&offer, vec![reserve(vec![reserved("cpus", 1)])]);
    let uuid = *scene
        .world
        .state
        .cluster()
        .operations
        .keys()
        .next()
        .unwrap();
    scene.log();
    scene.ends(uuid, "", OperationState::OperationFinished, None);
    assert!(scene.log().is_empty());
    assert!(scene.world.state.cluster().operations.is_empty());
    assert_eq!(
        scene.ended(Type::Reserve, OperationState::OperationFinished),
        1
    );
}

#[test]
fn an_agent_that_could_not_do_it_says_what_it_has() {
    let mut scene = Scene::new();
    let other = scene.offer(&[free("mem", 10)]);
    let offer = scene.offer(&[free("cpus", 1)]);
    scene.accept(&offer, vec![named("r", reserve(vec![reserved("cpus", 1)]))]);
    let uuid = scene.operation("r");
    scene.log();
    let told = AgentResources {
        agent_id: scene.agent.clone(),
        checkpointed_resources: Vec::new(),
        resource_version: Some(Uuid::from_u128(5)),
    };
    let pid = scene.world.state.cluster().agents[&scene.agent].pid.any();
    let effects = scene.world.state.agent_resources(Some(&pid), told);
    scene.world.perform(effects);
    scene.ends(uuid, "r", OperationState::OperationFailed, Some(1));
    assert_eq!(
        scene.log(),
        [
            "allocator <- mem:10 of m-0000 on m-S0",
            "a <- RESCIND",
            "allocator <- total cpus:4; disk:1000; mem:1024",
            "a <- r OPERATION_FAILED (to be acknowledged)",
        ]
    );
    assert!(!scene.world.state.cluster().offers.contains_key(&other));
    assert!(scene.total().reserved().is_empty());
}

#[test]
fn an_agent_that_comes_back_is_asked_about_what_it_does_not_name() {
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("cpus", 4)]);
    let operations = vec![
        named("lost", reserve(vec![reserved("cpus", 1)])),
        named("done", reserve(vec![reserved("cpus", 1)])),
        reserve(vec![reserved("cpus", 1)]),
    ];
    scene.accept(&offer, operations);
    let (lost, done) = (scene.operation("lost"), scene.operation("done"));
    let cluster = scene.world.state.cluster();
    let mut record = cluster.operations[&done].record.clone();
    record.latest_status = status("done", OperationState::OperationFinished, Some(3));
    scene.log();
    let runs = || Runs {
        checkpointed: vec![reserved("cpus", 1)],
        operations: vec![record.clone()],
        version: Some(Uuid::from_u128(1)),
        ..Runs::default()
    };
    scene.reregister(2, runs());
    assert_eq!(
        scene.log(),
        [
            "allocator <- total cpus:3; disk:1000; mem:1024; cpus(reservations: [(DYNAMIC,eng,p)]):1",
            "10.0.0.1 <- reregistered, asked for []",
            "10.0.0.1 <- asked for operations [\"lost\"]",
        ]
    );
    assert_eq!(scene.world.state.cluster().operations.len(), 2);
    scene.ends(lost, "lost", OperationState::OperationDropped, Some(4));
    scene.acknowledge("lost", 4);
    scene.acknowledge("done", 3);
    assert!(scene.world.state.cluster().operations.is_empty());

    // What it repeats because it was not answered in time is older than what it is asked now.
    let offer = scene.offer(&[free("cpus", 3)]);
    scene.accept(&offer, vec![reserve(vec![reserved("cpus", 1)])]);
    let total = scene.total();
    scene.reregister(2, runs());
    assert_eq!(scene.total(), total);
    assert_eq!(scene.world.state.cluster().operations.len(), 1);
    scene.log();
}

#[test]
fn frameworks_hear_of_operations_on_lost_agents_and_find_them_again() {
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("cpus", 1)]);
    scene.accept(&offer, vec![named("r", reserve(vec![reserved("cpus", 1)]))]);
    let uuid = scene.operation("r");
    let record = scene.world.state.cluster().operations[&uuid].record.clone();
    scene.log();
    scene.world.agent_exits(&scene.agent.clone());
    scene.world.wait(Duration::from_secs(601));
    let log = scene.log();
    assert!(
        log.contains(&"a <- r OPERATION_UNREACHABLE".to_owned()),
        "{log:?}"
    );
    assert_eq!(
        scene.reconcile(&[("r", Some("m-S0")), ("x", Some("m-S9")), ("y", None)]),
        [
            "a <- r OPERATION_UNREACHABLE",
            "a <- x OPERATION_UNKNOWN",
            "a <- y OPERATION_UNKNOWN",
        ]
    );
    let runs = Runs {
        checkpointed: vec![reserved("cpus", 1)],
        operations: vec![record],
        ..Runs::default()
    };
    scene.reregister(2, runs);
    scene.ends(uuid, "r", OperationState::OperationFinished, Some(1));
    scene.acknowledge("r", 1);
    let log = scene.log();
    assert_eq!(log.last().unwrap(), "10.0.0.1 <- acknowledge operation 1");
    assert_eq!(scene.total().reserved_to(ROLE).cpus().to_string(), "1");
}

#[test]
fn of_an_unknown_operation_it_is_told_what_became_of_its_agent() {
    let mut world = World::recovering(Default::default());
    let mut registry = Registry::default();
    registry.agents.insert("old".into(), Pb(Default::default()));
    world.recover(registry);
    let agent = world.agent(1);
    let id = world.framework(engineer("a"));
    let mut scene = Scene { world, agent, id };
    scene.log();
    let agent = scene.agent.clone();
    let asked = [("x", Some("old")), ("y", Some(&*agent.value))];
    assert_eq!(
        scene.reconcile(&asked),
        ["a <- x OPERATION_RECOVERING", "a <- y OPERATION_UNKNOWN"]
    );
    let gone = operator::call::MarkAgentGone {
        agent_id: agent.clone(),
    };
    let call = operator::Call {
        mark_agent_gone: Some(gone),
        ..Default::default()
    };
    let kind = operator::call::Type::MarkAgentGone;
    scene.world.operator(kind, call);
    scene.log();
    assert_eq!(
        scene.reconcile(&asked[1..]),
        ["a <- y OPERATION_GONE_BY_OPERATOR"]
    );
}

#[test]
fn the_master_acknowledges_for_frameworks_that_are_over() {
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("cpus", 2)]);
    let operations = vec![
        named("told", reserve(vec![reserved("cpus", 1)])),
        named("sent", reserve(vec![reserved("cpus", 1)])),
    ];
    scene.accept(&offer, operations);
    let (told, sent) = (scene.operation("told"), scene.operation("sent"));
    let finished = OperationState::OperationFinished;
    scene.ends(told, "told", finished, Some(1));
    scene.log();
    let id = scene.id.clone();
    scene.world.call(&id, call::Type::Teardown, Call::default());
    let acknowledged = |log: Vec<String>| -> Vec<String> {
        log.into_iter()
            .filter(|line| line.contains("acknowledge"))
            .collect()
    };
    let log = scene.log();
    assert_eq!(acknowledged(log), ["10.0.0.1 <- acknowledge operation 1"]);
    scene.ends(sent, "sent", finished, Some(2));
    let log = scene.log();
    assert_eq!(acknowledged(log), ["10.0.0.1 <- acknowledge operation 2"]);
    assert!(scene.world.state.cluster().operations.is_empty());
    // Of one that this master never knew, only when it had its time to come back.
    scene.id = "m0-0007".into();
    scene.ends(Uuid::from_u128(9), "old", finished, Some(3));
    assert!(scene.log().is_empty());
    scene.world.wait(Duration::from_secs(601));
    scene.world.log();
    scene.ends(Uuid::from_u128(9), "old", finished, Some(3));
    assert_eq!(scene.log(), ["10.0.0.1 <- acknowledge operation 3"]);
}

#[test]
fn a_volume_shrinks_and_what_it_had_is_still_reserved() {
    let shrink = |subtract: f64| Operation {
        shrink_volume: Some(ShrinkVolume {
            volume: volume(100),
            subtract: v1::value::Scalar { value: subtract },
        }),
        ..operation(Type::ShrinkVolume)
    };
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("disk", 1000)]);
    let operations = vec![
        reserve(vec![reserved("disk", 300)]),
        create(volume(100)),
        named("all", shrink(100.0)),
        shrink(40.0),
    ];
    scene.accept(&offer, operations);
    let log = scene.log();
    assert!(
        log.contains(&"10.0.0.1 <- apply SHRINK_VOLUME".to_owned()),
        "{log:?}"
    );
    assert!(
        log.contains(&"a <- all OPERATION_ERROR".to_owned()),
        "{log:?}"
    );
    assert_eq!(scene.total().persistent_volumes().disk().to_string(), "60");
    assert_eq!(scene.total().reserved_to(ROLE).disk().to_string(), "300");
}

#[test]
fn a_volume_grows_and_goes() {
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("disk", 1000)]);
    let addition = reserved("disk", 50);
    let operations = vec![
        reserve(vec![reserved("disk", 300)]),
        create(volume(100)),
        Operation {
            grow_volume: Some(GrowVolume {
                volume: volume(100),
                addition,
            }),
            ..operation(Type::GrowVolume)
        },
    ];
    scene.accept(&offer, operations);
    scene.log();
    assert_eq!(scene.total().persistent_volumes().disk().to_string(), "150");
    let offer = scene.offer(&[volume(150)]);
    scene.accept(
        &offer,
        vec![destroy(volume(150)), unreserve(vec![reserved("disk", 150)])],
    );
    assert_eq!(
        scene.log(),
        [
            "10.0.0.1 <- apply DESTROY",
            "10.0.0.1 <- apply UNRESERVE",
            "allocator <- update allocation",
            "allocator <- disk:150 of m-0000 on m-S0",
        ]
    );
    assert!(scene.total().persistent_volumes().is_empty());
}

#[test]
fn tasks_share_a_volume_which_stays_while_it_is_in_use() {
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("cpus", 4), free("disk", 100)]);
    let uses = |name: &str, agent: &AgentId| {
        with_resources(
            task(name, agent, "cpus:1"),
            vec![free("cpus", 1), shared(100)],
        )
    };
    let tasks = vec![uses("t", &scene.agent), uses("u", &scene.agent)];
    let operations = vec![
        reserve(vec![reserved("disk", 100)]),
        create(shared(100)),
        launch(tasks),
        named("used", destroy(shared(100))),
    ];
    scene.accept(&offer, operations);
    let log = scene.log();
    assert_eq!(
        log[2..5],
        [
            "10.0.0.1 <- run t",
            "10.0.0.1 <- run u",
            "a <- used OPERATION_ERROR"
        ]
    );
}

#[test]
fn a_shared_volume_that_is_destroyed_is_taken_from_all_offers() {
    let mut scene = Scene::new();
    let offer = scene.offer(&[free("disk", 100)]);
    scene.accept(
        &offer,
        vec![reserve(vec![reserved("disk", 100)]), create(shared(100))],
    );
    scene.log();
    let other = scene.world.framework(engineer("b"));
    scene.offer_to(&other, &[shared(100), free("cpus", 1)]);
    let mine = scene.offer(&[shared(100)]);
    scene.accept(&mine, vec![destroy(shared(100))]);
    let log = scene.log();
    assert_eq!(log[1], "b <- RESCIND", "{log:?}");
    assert_eq!(log[2], "10.0.0.1 <- apply DESTROY");
    // The allocator gave it away before it heard.
    let late = Resources::from_v1(&[shared(100)]).unwrap();
    scene.world.allocate_to(&other, &scene.agent, ROLE, late);
    assert!(scene.world.state.cluster().offers.is_empty());
}
