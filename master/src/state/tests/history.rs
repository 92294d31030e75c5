//! What agents remember is shown by a master that did not see it (Mesos' `docs/high-availability.md`).

use mesos::v1::scheduler::Call;
use mesos::v1::scheduler::call::Type;
use mesos::v1::{AgentId, FrameworkId, FrameworkInfo, Task, TaskState, TaskStatus};

use super::world::{Runs, World, agent_pid, info, resources, scheduler_pid, task_id};
use crate::config::Config;
use crate::registrar::{FrameworkRecord, Registry};

const ONE: &str = "old-S1";
const OTHER: &str = "old-S2";

fn framework(name: &str) -> FrameworkInfo {
    FrameworkInfo {
        id: Some(id_of(name)),
        ..info(name)
    }
}

fn id_of(name: &str) -> FrameworkId {
    format!("old-{name}").as_str().into()
}

/// A task of a framework, that finished at that moment.
fn finished(name: &str, framework: &str, at: f64) -> Task {
    let last = TaskStatus {
        task_id: task_id(name),
        state: TaskState::TaskFinished as i32,
        timestamp: Some(at),
        ..Default::default()
    };
    Task {
        name: name.into(),
        task_id: task_id(name),
        framework_id: id_of(framework),
        state: TaskState::TaskFinished as i32,
        resources: resources("cpus:1;mem:32"),
        statuses: vec![last],
        ..Default::default()
    }
}

fn remembers(tasks: Vec<Task>) -> Runs {
    Runs {
        completed_tasks: tasks,
        ..Runs::default()
    }
}

/// A master after a failover: it knows of two agents and of framework `a`.
fn recovered(config: Config) -> World {
    let mut registry = Registry::default();
    for agent in [ONE, OTHER] {
        registry.agents.insert(agent.into(), Default::default());
    }
    let record = FrameworkRecord {
        info: mesos::wire::Pb(framework("a")),
        failover_deadline: None,
        extended: false,
    };
    registry.frameworks.insert(id_of("a"), record);
    let mut world = World::recovering(config);
    world.recover(registry);
    world
}

impl World {
    fn returns(&mut self, agent: &str, n: u8, runs: Runs) {
        self.reregister(&AgentId::from(agent), agent_pid(n, 1), runs);
        self.check();
    }

    /// Ended tasks of a framework, with their agents, oldest first.
    #[track_caller]
    fn ended(&self, name: &str) -> Vec<String> {
        let (cluster, id) = (self.state.cluster(), id_of(name));
        let mut completed = cluster.completed_frameworks.iter();
        let framework = cluster.framework(&id);
        let framework = framework.or_else(|| completed.find(|framework| framework.id == id));
        let tasks = framework.expect("a framework").completed_tasks.iter();
        tasks
            .map(|task| format!("{} on {}", task.id(), task.agent_id()))
            .collect()
    }

    fn completed(&self) -> Vec<&str> {
        let completed = self.state.cluster().completed_frameworks.iter();
        completed.map(|f| f.info.name.as_str()).collect()
    }
}

#[test]
fn ended_tasks_are_shown_after_a_failover_whoever_is_back_first() {
    for framework_first in [true, false] {
        let mut world = recovered(Config::default());
        let back = |world: &mut World| {
            let back = world.subscribe(framework("a"), scheduler_pid("a", 1));
            back.expect("refused");
        };
        if framework_first {
            back(&mut world);
        }
        let of_one = vec![finished("t1", "a", 10.0), finished("t3", "a", 30.0)];
        world.returns(ONE, 1, remembers(of_one));
        world.returns(OTHER, 2, remembers(vec![finished("t2", "a", 20.0)]));
        if !framework_first {
            back(&mut world);
        }
        let expected = ["t1 on old-S1", "t2 on old-S2", "t3 on old-S1"];
        assert_eq!(world.ended("a"), expected);
        let cluster = world.state.cluster();
        assert!(cluster.frameworks[&id_of("a")].used_total().is_empty());
        // Nothing has ended here, and nobody is told.
        assert_eq!(cluster.counts.get(TaskState::TaskFinished), 0);
        assert_eq!(world.log_of("a <- t"), Vec::<String>::new());
    }
}

#[test]
fn only_the_latest_are_kept() {
    let mut world = recovered(Config {
        max_completed_tasks_per_framework: 2,
        ..Config::default()
    });
    let tasks = [("t3", 30.0), ("t1", 10.0), ("t2", 20.0)];
    let tasks = tasks.map(|(name, at)| finished(name, "a", at));
    world.returns(ONE, 1, remembers(tasks.into()));
    assert_eq!(world.ended("a"), ["t2 on old-S1", "t3 on old-S1"]);
    world.returns(OTHER, 2, remembers(vec![finished("t4", "a", 5.0)]));
    assert_eq!(world.ended("a"), ["t2 on old-S1", "t3 on old-S1"]);
}

#[test]
fn what_this_master_saw_is_not_doubled() {
    let mut world = recovered(Config::default());
    let history = || remembers(vec![finished("t1", "a", 10.0)]);
    world.returns(ONE, 1, history());
    // It restarts; then it is given up and comes back all the same.
    world.returns(ONE, 1, history());
    world.agent_exits(&ONE.into());
    world.wait(std::time::Duration::from_secs(3_600));
    let cluster = world.state.cluster();
    assert!(cluster.unreachable_agents.contains_key(&ONE.into()));
    world.subscribe(framework("a"), scheduler_pid("a", 1)).ok();
    world.returns(ONE, 1, history());
    assert_eq!(world.ended("a"), ["t1 on old-S1"]);
}

#[test]
fn what_lives_or_makes_no_sense_is_not_shown_as_ended() {
    let mut world = recovered(Config::default());
    let running = Task {
        state: TaskState::TaskRunning as i32,
        statuses: vec![],
        ..finished("again", "a", 0.0)
    };
    let runs = Runs {
        frameworks: vec![framework("a")],
        tasks: vec![Task {
            agent_id: ONE.into(),
            ..running.clone()
        }],
        ..Runs::default()
    };
    world.returns(ONE, 1, runs);
    let mut absurd = finished("absurd", "a", 10.0);
    absurd.resources = resources("cpus:1");
    absurd.resources[0].scalar = Some(mesos::v1::value::Scalar { value: -1.0 });
    let tasks = vec![
        finished("again", "a", 10.0),
        Task {
            task_id: task_id("runs"),
            ..running
        },
        Task {
            state: 99,
            ..finished("odd", "a", 10.0)
        },
        absurd,
        finished("of nobody", "unheard of", 10.0),
    ];
    world.returns(OTHER, 2, remembers(tasks));
    assert_eq!(world.ended("a"), Vec::<String>::new());
    assert_eq!(world.completed(), Vec::<&str>::new());
}

#[test]
fn frameworks_that_ended_before_are_shown_and_bounded() {
    let mut world = recovered(Config {
        max_completed_frameworks: 2,
        ..Config::default()
    });
    let runs = |name: &str, at: f64| Runs {
        completed_frameworks: vec![framework(name), framework("a")],
        completed_tasks: vec![finished("t", name, at)],
        ..Runs::default()
    };
    world.returns(ONE, 1, runs("c", 30.0));
    world.returns(OTHER, 2, runs("b", 20.0));
    assert_eq!(
        world.completed(),
        ["b", "c"],
        "not `a`: it is expected back"
    );
    assert_eq!(world.ended("b"), ["t on old-S2"]);
    world.returns("old-S3", 3, runs("d", 40.0));
    assert_eq!(world.completed(), ["c", "d"]);
    // Of what this master ends itself it has to know that it is over.
    for name in ["x", "y"] {
        let id = world.framework(info(name));
        world.call(&id, Type::Teardown, Call::default());
    }
    assert_eq!(world.completed(), ["x", "y"]);
    world.returns("old-S4", 4, runs("e", 50.0));
    assert_eq!(world.completed(), ["x", "y"]);
}

#[test]
fn a_framework_that_only_had_no_tasks_may_come_back_to_its_history() {
    for on_an_agent in [true, false] {
        let mut world = recovered(Config::default());
        let runs = Runs {
            completed_frameworks: vec![framework("b")],
            completed_tasks: vec![finished("t1", "b", 10.0)],
            ..Runs::default()
        };
        world.returns(ONE, 1, runs);
        assert_eq!(world.completed(), ["b"]);
        if on_an_agent {
            let runs = Runs {
                frameworks: vec![framework("b")],
                completed_tasks: vec![finished("t2", "b", 20.0)],
                ..Runs::default()
            };
            world.returns(OTHER, 2, runs);
            let ended = ["t1 on old-S1", "t2 on old-S2"];
            assert_eq!(world.ended("b"), ended);
        }
        let back = world.subscribe(framework("b"), scheduler_pid("b", 1));
        assert_eq!(back.expect("refused"), id_of("b"));
        assert_eq!(world.completed(), Vec::<&str>::new());
        assert_eq!(world.ended("b")[0], "t1 on old-S1");
        world.check();
    }
}
