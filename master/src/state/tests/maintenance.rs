//! Machines that will be unavailable, and asking frameworks to leave them (Mesos'
//! `docs/maintenance.md`).

use std::time::Duration;

use mesos::v1::allocator::InverseOfferStatus;
use mesos::v1::allocator::inverse_offer_status::Status;
use mesos::v1::maintenance::{Schedule, Window};
use mesos::v1::master::Call;
use mesos::v1::master::call::{StartMaintenance, StopMaintenance, Type, UpdateMaintenanceSchedule};
use mesos::v1::scheduler::{self, call};
use mesos::v1::{AgentId, Filters, FrameworkId, MachineId, OfferId, TimeInfo, Unavailability};

use super::world::{Runs, World, agent_pid, info};
use crate::allocator::InverseAllocation;
use crate::config::Config;
use crate::registrar::{Operation, Registry};

const SECOND: i64 = 1_000_000_000;

/// The machine of the agent at host `n`.
pub(super) fn machine(n: u8) -> MachineId {
    MachineId {
        hostname: Some(format!("10.0.0.{n}")),
        ip: Some(format!("10.0.0.{n}")),
    }
}

fn at(second: i64) -> Unavailability {
    Unavailability {
        start: TimeInfo {
            nanoseconds: second * SECOND,
        },
        duration: None,
    }
}

fn plan(machines: &[(MachineId, i64)]) -> Call {
    let window = |(machine, second): &(MachineId, i64)| Window {
        machine_ids: vec![machine.clone()],
        unavailability: at(*second),
    };
    let windows = machines.iter().map(window).collect();
    Call {
        update_maintenance_schedule: Some(UpdateMaintenanceSchedule {
            schedule: Schedule { windows },
        }),
        ..Default::default()
    }
}

pub(super) fn schedule(world: &mut World, machines: &[(MachineId, i64)]) {
    world.operator(Type::UpdateMaintenanceSchedule, plan(machines));
}

pub(super) fn down(world: &mut World, machines: Vec<MachineId>) {
    let call = Call {
        start_maintenance: Some(StartMaintenance { machines }),
        ..Default::default()
    };
    world.operator(Type::StartMaintenance, call);
}

fn up(world: &mut World, machines: Vec<MachineId>) {
    let call = Call {
        stop_maintenance: Some(StopMaintenance { machines }),
        ..Default::default()
    };
    world.operator(Type::StopMaintenance, call);
}

/// The allocator wants the framework to be asked.
fn ask(world: &mut World, id: &FrameworkId, agent: &AgentId, second: i64) {
    let asked = InverseAllocation {
        framework: id.clone(),
        agent: agent.clone(),
        unavailability: at(second),
    };
    let effects = world.state.inverse_allocated(world.now, vec![asked]);
    world.perform(effects);
}

/// The one outstanding inverse offer.
#[track_caller]
fn asked(world: &World) -> OfferId {
    let offers = &world.state.cluster().inverse_offers;
    assert_eq!(offers.len(), 1);
    offers.keys().next().expect("one").clone()
}

fn answer(world: &mut World, id: &FrameworkId, offer: OfferId, accept: bool, seconds: f64) {
    let filters = Some(Filters {
        refuse_seconds: Some(seconds),
    });
    let mut call = scheduler::Call::default();
    let kind = if accept {
        call.accept_inverse_offers = Some(call::AcceptInverseOffers {
            inverse_offer_ids: vec![offer],
            filters,
        });
        call::Type::AcceptInverseOffers
    } else {
        call.decline_inverse_offers = Some(call::DeclineInverseOffers {
            inverse_offer_ids: vec![offer],
            filters,
        });
        call::Type::DeclineInverseOffers
    };
    world.call(id, kind, call);
}

fn statuses(world: &World, agent: &AgentId) -> Vec<Status> {
    let cluster = world.state.cluster();
    let statuses = cluster.agents[agent].inverse_offer_statuses(cluster);
    statuses.iter().map(InverseOfferStatus::status).collect()
}

#[test]
fn offers_say_when_their_agent_will_be_unavailable() {
    let mut world = World::new();
    let (agent, other) = (world.agent(1), world.agent(2));
    let id = world.framework(info("a"));
    world.offer(&id, &agent, "cpus:1");
    world.offer(&id, &other, "cpus:1");
    world.log();
    schedule(&mut world, &[(machine(1), 5_000)]);
    assert_eq!(
        world.log(),
        [
            "registry <- schedule 10.0.0.1 (10.0.0.1)",
            "allocator <- cpus:1 of m-0000 on m-S0",
            "a <- RESCIND",
            "allocator <- m-S0 unavailable at 5000",
            "operator <- done",
        ]
    );
    let offer = world.offer(&id, &agent, "cpus:1");
    let offer = &world.state.cluster().offers[&offer].record;
    assert_eq!(offer.unavailability, Some(at(5_000)));
    world.log();

    // The same plan disturbs nobody; another one does.
    schedule(&mut world, &[(machine(1), 5_000)]);
    assert_eq!(world.log().last().expect("a line"), "operator <- done");
    assert_eq!(world.state.cluster().offers.len(), 2);
    schedule(&mut world, &[]);
    let log = world.log_of("allocator <- m-S0");
    assert_eq!(log, ["allocator <- m-S0 stays"]);
    world.check();
}

#[test]
fn a_machine_is_known_by_its_name_in_any_case_its_ip_or_both() {
    let named = |hostname: Option<&str>, ip: Option<&str>| MachineId {
        hostname: hostname.map(String::from),
        ip: ip.map(String::from),
    };
    for (machine, fits) in [
        (named(Some("HOST-1"), None), true),
        (named(None, Some("10.0.0.1")), true),
        (named(Some("host-1"), Some("10.0.0.1")), true),
        (named(Some("host-1"), Some("10.0.0.2")), false),
        (named(Some("host-2"), None), false),
    ] {
        let mut world = World::new();
        let agent = world.agent_named(1, "Host-1");
        schedule(&mut world, &[(machine.clone(), 9)]);
        let told = world.log_of(&format!("allocator <- {}", agent.value));
        assert_eq!(told.len(), usize::from(fits), "{machine:?}");
    }
}

#[test]
fn frameworks_are_asked_and_their_answers_are_seen() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    schedule(&mut world, &[(machine(1), 5_000)]);
    world.log();
    ask(&mut world, &id, &agent, 5_000);
    assert_eq!(world.log(), ["a <- INVERSE_OFFERS 1"]);
    assert_eq!(statuses(&world, &agent), [Status::Unknown]);

    let first = asked(&world);
    answer(&mut world, &id, first.clone(), false, 30.0);
    let declined = ["allocator <- m-0000 answered for m-S0, refused 30s"];
    assert_eq!(world.log(), declined);
    assert_eq!(statuses(&world, &agent), [Status::Decline]);
    // Again: it is no offer any more.
    answer(&mut world, &id, first, true, 0.0);
    assert!(world.log().is_empty());

    ask(&mut world, &id, &agent, 5_000);
    let second = asked(&world);
    let stranger = world.framework(info("b"));
    answer(&mut world, &stranger, second.clone(), false, 0.0);
    assert_eq!(asked(&world), second, "it is not the stranger's");
    answer(&mut world, &id, second, true, 30.0);
    assert_eq!(statuses(&world, &agent), [Status::Accept]);

    // Another plan: what was said about the one before counts no more.
    schedule(&mut world, &[(machine(1), 6_000)]);
    assert_eq!(statuses(&world, &agent), []);
    world.log();
    ask(&mut world, &id, &agent, 5_000);
    assert_eq!(
        world.log(),
        ["allocator <- m-0000 answered for m-S0"],
        "asked on the plan before"
    );
    ask(&mut world, &id, &agent, 6_000);
    schedule(&mut world, &[]);
    assert!(
        world
            .log()
            .contains(&"a <- RESCIND_INVERSE_OFFER".to_owned())
    );
    assert!(world.state.cluster().inverse_offers.is_empty());
    world.check();
}

#[test]
fn inverse_offers_end_with_who_or_what_they_are_about() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    schedule(&mut world, &[(machine(1), 5_000)]);
    ask(&mut world, &id, &agent, 5_000);
    world.log();

    world.framework_exits(&id);
    assert!(world.state.cluster().inverse_offers.is_empty());
    let closed = "allocator <- m-0000 answered for m-S0".to_owned();
    assert!(world.log().contains(&closed));
    ask(&mut world, &id, &agent, 5_000);
    assert_eq!(world.log(), [closed], "nobody is there to hear it");

    let known = (*world.state.cluster().frameworks[&id].info).clone();
    let pid = super::world::scheduler_pid("a", 2);
    world.subscribe(known, pid).expect("refused");
    ask(&mut world, &id, &agent, 5_000);
    world.log();
    world.agent_exits(&agent);
    assert_eq!(world.log(), ["a <- RESCIND_INVERSE_OFFER"]);
    ask(&mut world, &id, &agent, 5_000);
    assert!(world.log().is_empty(), "the agent is away");
    world.reregister(&agent, agent_pid(1, 2), Runs::default());
    let told = world.log_of("allocator <- m-S0");
    assert_eq!(told, ["allocator <- m-S0 unavailable at 5000"]);
    ask(&mut world, &id, &agent, 5_000);
    let offer = asked(&world);
    answer(&mut world, &id, offer, true, 1.0);
    world.call(&id, call::Type::Teardown, scheduler::Call::default());
    assert_eq!(statuses(&world, &agent), []);
    world.check();
}

#[test]
fn an_inverse_offer_has_its_time() {
    let config = Config {
        offer_timeout: Some(Duration::from_secs(10)),
        ..Config::default()
    };
    let mut world = World::with(config);
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    schedule(&mut world, &[(machine(1), 5_000)]);
    ask(&mut world, &id, &agent, 5_000);
    world.log();
    world.wait(Duration::from_secs(9));
    asked(&world);
    world.wait(Duration::from_secs(1));
    let log = world.log();
    let closed = "allocator <- m-0000 answered for m-S0".to_owned();
    assert!(
        log.contains(&"a <- RESCIND_INVERSE_OFFER".to_owned()),
        "{log:?}"
    );
    assert!(log.contains(&closed), "{log:?}");
    assert!(world.state.cluster().inverse_offers.is_empty());
}

#[test]
fn agents_of_a_machine_that_is_down_end_and_are_not_let_in() {
    let mut world = World::new();
    let (agent, other) = (world.agent(1), world.agent(2));
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    world.running(&id, &other, "u");
    schedule(&mut world, &[(machine(1), 1)]);
    world.log();
    down(&mut world, vec![machine(1)]);
    assert_eq!(
        world.log(),
        [
            "registry <- down 10.0.0.1 (10.0.0.1)",
            "10.0.0.1 <- shut down",
            "registry <- remove m-S0",
            "allocator <- cpus:1; mem:32 of m-0000 on m-S0",
            "a <- t TASK_LOST (AGENT_REMOVED)",
            "a <- FAILURE agent",
            "operator <- done",
        ]
    );
    assert!(!world.state.cluster().agents.contains_key(&agent));
    world.reregister(&agent, agent_pid(1, 2), Runs::default());
    assert_eq!(world.log(), ["10.0.0.1 <- shut down"]);
    world.register(agent_pid(1, 3));
    assert_eq!(world.log(), ["10.0.0.1 <- shut down"]);

    up(&mut world, vec![machine(1)]);
    assert_eq!(
        world.log(),
        ["registry <- up 10.0.0.1 (10.0.0.1)", "operator <- done"]
    );
    assert!(
        world.state.cluster().machines.is_empty(),
        "it left the schedule"
    );
    world.reregister(&agent, agent_pid(1, 4), Runs::default());
    assert!(world.state.cluster().agents.contains_key(&agent));
    world.check();
}

#[test]
fn an_agent_that_comes_in_while_its_machine_goes_down_ends() {
    let mut world = World::new();
    schedule(&mut world, &[(machine(1), 1)]);
    world.registry_is_slow = true;
    down(&mut world, vec![machine(1)]);
    world.register(agent_pid(1, 1));
    world.log();
    world.registry_answers();
    assert_eq!(
        world.log(),
        [
            "operator <- done",
            "allocator <- m-S0 unavailable at 1",
            "10.0.0.1 <- registered as m-S0",
            "10.0.0.1 <- shut down",
            "registry <- remove m-S0",
        ]
    );
    assert!(world.state.cluster().agents.is_empty());
}

#[test]
fn only_machines_in_the_right_state_can_be_taken_down_and_brought_up() {
    let mut world = World::new();
    let refused = |world: &mut World, why: &str| {
        let log = world.log();
        assert_eq!(log.len(), 1, "{log:?}");
        assert!(log[0].starts_with("operator <- Invalid"), "{log:?}");
        assert!(log[0].contains(why), "{log:?}");
    };
    down(&mut world, vec![machine(1)]);
    refused(&mut world, "not part of a maintenance schedule");
    down(&mut world, vec![]);
    refused(&mut world, "list of machines is empty");
    schedule(&mut world, &[(machine(1), 1), (machine(2), 1)]);
    world.log();
    up(&mut world, vec![machine(1)]);
    refused(&mut world, "is not down");
    down(&mut world, vec![machine(1)]);
    world.log();
    down(&mut world, vec![machine(1)]);
    refused(&mut world, "down already");
    schedule(&mut world, &[(machine(2), 1)]);
    refused(&mut world, "bring it up first");
    world.operator(Type::StartMaintenance, Call::default());
    refused(&mut world, "'start_maintenance'");
}

#[test]
fn a_later_master_knows_what_was_planned_and_what_is_down() {
    let mut world = World::new();
    let mut registry = Registry::default();
    let plan = [(machine(1), 1), (machine(2), 7)];
    schedule(&mut world, &plan);
    let scheduled = world.operations.pop().expect("an operation");
    let down = Operation::StartMaintenance {
        machines: [crate::registrar::MachineKey::of(&machine(1))].into(),
    };
    for operation in [scheduled, down] {
        let changes = operation.changes(&registry).expect("refused");
        changes
            .into_iter()
            .for_each(|change| registry.apply(change));
    }
    let mut later = World::recovering(Config::default());
    later.recover(registry);
    later.log();
    later.register(agent_pid(1, 1));
    assert_eq!(later.log(), ["10.0.0.1 <- shut down"]);
    let agent = later.agent(2);
    let told = later.log_of(&format!("allocator <- {}", agent.value));
    assert_eq!(
        told,
        [format!("allocator <- {} unavailable at 7", agent.value)]
    );
}
