//! Every way in which a running task can vanish from the master's sight without its end being reported, row by row: what
//! its framework is told, without and with partition awareness (Mesos' `docs/high-availability-framework-guide.md`;
//! states and reasons as in `src/master/master.cpp`).

use std::time::Duration;

use mesos::v1::{AgentId, FrameworkId, FrameworkInfo};

use super::drain::gone;
use super::maintenance::{down, machine, schedule};
use super::world::{Runs, World, agent_pid, info, partition_aware};
use mesos::protocols::master::UnregisterAgent;

/// Longer than an agent whose link is broken may take to come back.
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// How it vanishes; what a framework is told; what one is told that is partition aware.
type Row = (
    &'static str,
    fn(&mut World, &AgentId, &FrameworkId),
    &'static [&'static str],
    &'static [&'static str],
);

const ROWS: [Row; 13] = [
    (
        "the agent does not answer pings",
        |world, agent, _| misses_its_pings(world, agent),
        &["TASK_LOST (AGENT_REMOVED)"],
        &["TASK_UNREACHABLE (AGENT_REMOVED)"],
    ),
    (
        "its link breaks, and it does not come back in time",
        |world, agent, _| {
            world.agent_exits(agent);
            world.wait(TEN_MINUTES);
        },
        &["TASK_LOST (AGENT_REMOVED)"],
        &["TASK_UNREACHABLE (AGENT_REMOVED)"],
    ),
    (
        "its link breaks, and it comes back with the task",
        |world, agent, framework| {
            let runs = runs(world, framework);
            world.agent_exits(agent);
            world.reregister(agent, agent_pid(1, 2), runs);
        },
        &[],
        &[],
    ),
    (
        "its link breaks, and it comes back without the task: the agent is asked, and answers",
        |world, agent, _| {
            world.agent_exits(agent);
            world.reregister(agent, agent_pid(1, 2), Runs::default());
        },
        &[],
        &[],
    ),
    (
        "its link breaks, and the framework did not want checkpoints",
        |world, agent, _| world.agent_exits(agent),
        &["TASK_LOST (AGENT_DISCONNECTED)"],
        &["TASK_LOST (AGENT_DISCONNECTED)"],
    ),
    (
        "it was unreachable, and comes back with the task",
        |world, agent, framework| {
            let runs = runs(world, framework);
            misses_its_pings(world, agent);
            world.reregister(agent, agent_pid(1, 2), runs);
        },
        &[
            "TASK_LOST (AGENT_REMOVED)",
            "TASK_RUNNING (AGENT_REREGISTERED)",
        ],
        &[
            "TASK_UNREACHABLE (AGENT_REMOVED)",
            "TASK_RUNNING (AGENT_REREGISTERED)",
        ],
    ),
    (
        "it was unreachable, and comes back without the task",
        |world, agent, _| {
            misses_its_pings(world, agent);
            world.reregister(agent, agent_pid(1, 2), Runs::default());
        },
        &[
            "TASK_LOST (AGENT_REMOVED)",
            "TASK_LOST (AGENT_REREGISTERED)",
        ],
        &[
            "TASK_UNREACHABLE (AGENT_REMOVED)",
            "TASK_GONE (AGENT_REREGISTERED)",
        ],
    ),
    (
        "the agent takes its leave",
        |world, agent, _| {
            let leave = UnregisterAgent {
                agent_id: agent.clone(),
            };
            let from = agent_pid(1, 1).any();
            let effects = world.state.unregister_agent(Some(&from), &leave);
            world.perform(effects);
        },
        &["TASK_LOST (AGENT_REMOVED)"],
        &["TASK_LOST (AGENT_REMOVED)"],
    ),
    (
        "another agent registers in its place",
        |world, _, _| world.register(agent_pid(1, 2)),
        &["TASK_LOST (AGENT_REMOVED)"],
        &["TASK_LOST (AGENT_REMOVED)"],
    ),
    (
        "its machine is taken down",
        |world, _, _| {
            schedule(world, &[(machine(1), 1)]);
            down(world, vec![machine(1)]);
        },
        &["TASK_LOST (AGENT_REMOVED)"],
        &["TASK_LOST (AGENT_REMOVED)"],
    ),
    (
        "an operator gives the agent up",
        |world, agent, _| gone(world, agent),
        &["TASK_LOST (AGENT_REMOVED_BY_OPERATOR)"],
        &["TASK_GONE_BY_OPERATOR (AGENT_REMOVED_BY_OPERATOR)"],
    ),
    (
        "an operator gives the agent up that was unreachable",
        |world, agent, _| {
            misses_its_pings(world, agent);
            gone(world, agent);
        },
        &[
            "TASK_LOST (AGENT_REMOVED)",
            "TASK_LOST (AGENT_REMOVED_BY_OPERATOR)",
        ],
        &[
            "TASK_UNREACHABLE (AGENT_REMOVED)",
            "TASK_GONE_BY_OPERATOR (AGENT_REMOVED_BY_OPERATOR)",
        ],
    ),
    (
        "its framework is torn down: nobody is left to be told",
        |world, _, framework| {
            let teardown = mesos::v1::scheduler::call::Type::Teardown;
            world.call(framework, teardown, Default::default());
        },
        &[],
        &[],
    ),
];

#[test]
fn frameworks_are_told_what_became_of_their_tasks() {
    for (what, happens, unaware, aware) in ROWS {
        for (framework, expected) in [(info("a"), unaware), (partition_aware("a"), aware)] {
            assert_eq!(told(framework, what, happens), expected, "{what}");
        }
    }
}

fn told(
    framework: FrameworkInfo,
    what: &str,
    happens: fn(&mut World, &AgentId, &FrameworkId),
) -> Vec<String> {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(FrameworkInfo {
        checkpoint: Some(!what.contains("did not want checkpoints")),
        ..framework
    });
    world.running(&id, &agent, "t");
    happens(&mut world, &agent, &id);
    world.check();
    let lines = world.log_of("a <- t ").into_iter();
    lines
        .map(|line| line.trim_start_matches("a <- t ").to_owned())
        .collect()
}

fn misses_its_pings(world: &mut World, agent: &AgentId) {
    let effects = world.state.agent_unresponsive(world.now, agent);
    world.perform(effects);
}

/// What the agent says that it runs.
fn runs(world: &World, framework: &FrameworkId) -> Runs {
    let framework = &world.state.cluster().frameworks[framework];
    Runs {
        frameworks: vec![(*framework.info).clone()],
        tasks: framework.tasks.values().map(|task| task.to_v1()).collect(),
        ..Runs::default()
    }
}
