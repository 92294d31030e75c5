//! Agents that lend what is not used.

use mesos::protocols::master::UpdateOversubscribed;
use mesos::resources::{Format, Resources};
use mesos::v1::{AgentId, TaskState};
use mesos::wire::Pb;

use super::world::{Runs, World, agent_pid, info, lent, resources, task};
use crate::state::Counter;

fn lend(world: &mut World, agent: &AgentId, resources: &Resources) {
    lend_as(
        world,
        agent,
        agent_pid(1, 1),
        resources.to_v1(Format::PreRefinement),
    );
}

fn lend_as(
    world: &mut World,
    agent: &AgentId,
    sender: libprocess::prelude::Pid<mesos::protocols::AgentProtocol>,
    resources: Vec<mesos::v1::Resource>,
) {
    let update = UpdateOversubscribed {
        agent_id: agent.clone(),
        resources: resources.into_iter().map(Pb).collect(),
    };
    let effects = (world.state).update_oversubscribed(Some(sender.as_any()), update);
    world.perform(effects);
}

/// The revocable part of what the master knows of the agent.
fn known(world: &World, agent: &AgentId) -> Resources {
    world.state.cluster().agents[agent].total.revocable()
}

#[test]
fn what_is_lent_is_part_of_the_total() {
    let mut world = World::new();
    let agent = world.agent(1);
    world.log();
    lend(&mut world, &agent, &lent("cpus:2"));
    assert_eq!(known(&world, &agent), lent("cpus:2"));
    assert_eq!(
        world.log(),
        ["allocator <- total cpus:4; disk:1000; mem:1024; cpus{REV}:2"]
    );
    lend(&mut world, &agent, &lent("cpus:2"));
    assert!(world.log().is_empty(), "nothing new");
    lend(&mut world, &agent, &lent("cpus:1"));
    assert_eq!(known(&world, &agent), lent("cpus:1"));
    lend(&mut world, &agent, &Resources::new());
    assert_eq!(known(&world, &agent), Resources::new());
}

#[test]
fn a_new_estimate_takes_back_what_was_offered_of_the_old_one() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    lend(&mut world, &agent, &lent("cpus:2"));
    world.offer(&id, &agent, "cpus:1;mem:32");
    world.offer_of(&id, &agent, lent("cpus:1"));
    world.log();
    lend(&mut world, &agent, &lent("cpus:3"));
    assert_eq!(
        world.log(),
        [
            "allocator <- cpus{REV}:1 of m-0000 on m-S0",
            "a <- RESCIND",
            "allocator <- total cpus:4; disk:1000; mem:1024; cpus{REV}:3",
        ]
    );
    assert_eq!(
        world.state.cluster().offers.len(),
        1,
        "the regular one stays"
    );
    world.check();
}

#[test]
fn tasks_go_on_when_less_is_lent_than_they_use() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    lend(&mut world, &agent, &lent("cpus:2"));
    let both = lent("cpus:2") + Resources::parse("mem:32", "*").expect("resources");
    let offer = world.offer_of(&id, &agent, both);
    let mut borrower = task("t", &agent, "mem:32");
    borrower
        .resources
        .extend(lent("cpus:2").to_v1(Format::PreRefinement));
    world.accept(&id, &[&offer], vec![borrower]);
    world.update(&id, &agent, "t", TaskState::TaskRunning, 1);
    world.log();

    lend(&mut world, &agent, &lent("cpus:1"));
    assert_eq!(
        world.log(),
        ["allocator <- total cpus:4; disk:1000; mem:1024; cpus{REV}:1"]
    );
    let used = world.state.cluster().agents[&agent].used_total();
    assert_eq!(used.revocable().unallocate(), lent("cpus:2"));
    world.check();

    // What the allocator gave before it heard of that goes back.
    world.allocate_to(&id, &agent, "*", lent("cpus:1"));
    assert_eq!(world.log(), ["allocator <- cpus{REV}:1 of m-0000 on m-S0"]);
    world.update(&id, &agent, "t", TaskState::TaskLost, 2);
    world.log();
    world.allocate_to(&id, &agent, "*", lent("cpus:1"));
    assert_eq!(world.log(), ["a <- OFFERS 1"]);
    world.check();
}

#[test]
fn tasks_do_not_mix() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    lend(&mut world, &agent, &lent("cpus:2"));
    let both = lent("cpus:1") + Resources::parse("cpus:1;mem:32", "*").expect("resources");
    let offer = world.offer_of(&id, &agent, both.clone());
    let mut mixed = task("t", &agent, "cpus:1;mem:32");
    mixed.resources = both.to_v1(Format::PreRefinement);
    world.log();
    world.accept(&id, &[&offer], vec![mixed]);
    let log = world.log_of("a <- t");
    assert_eq!(log, ["a <- t TASK_ERROR (TASK_INVALID)"]);
}

#[test]
fn an_agent_that_comes_back_lends_nothing_until_it_says_so() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    lend(&mut world, &agent, &lent("cpus:2"));
    world.offer(&id, &agent, "cpus:1");
    world.log();
    world.reregister(&agent, agent_pid(1, 1), Runs::default());
    assert_eq!(known(&world, &agent), Resources::new());
    assert_eq!(
        world.log_of("allocator"),
        ["allocator <- total cpus:4; disk:1000; mem:1024"],
        "the regular offer stays"
    );
}

#[test]
fn only_the_agent_itself_lends_and_only_what_can_be_taken_back() {
    let mut world = World::new();
    let agent = world.agent(1);
    let good = lent("cpus:2").to_v1(Format::PreRefinement);
    let mut negative = good.clone();
    negative[0].scalar = Some(mesos::v1::value::Scalar { value: -1.0 });
    let wrong = [
        (agent_pid(2, 1), good),
        (agent_pid(1, 1), resources("cpus:2")),
        (agent_pid(1, 1), negative),
    ];
    for (n, (sender, resources)) in wrong.into_iter().enumerate() {
        lend_as(&mut world, &agent, sender, resources);
        assert_eq!(known(&world, &agent), Resources::new());
        let dropped = world.state.counters().get(Counter::DroppedMessages);
        assert_eq!(dropped, n as u64 + 1);
    }
}
