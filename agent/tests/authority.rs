//! Who may say what to an agent over the network.

mod cluster;

use std::time::Duration;

use cluster::{Cluster, framework, framework_id, task};
use libprocess::prelude::*;
use libprocess::tls::{Authority, Identity};
use mesos::protocols::agent::{ExecutorCall, RunTask, ShutdownAgent};
use mesos::protocols::executor::{Event, Unsubscribed};
use mesos::protocols::files::{Browse, FilesError};
use mesos::protocols::{
    AgentProtocol, ExecutorProtocol, FilesProtocol, RejectionKind, names, roles,
};
use mesos::v1::executor::{Call, call, event};
use mesos::v1::{CommandInfo, ExecutorInfo, TaskInfo};
use mesos::wire::Pb;
use mesos_agent::containerizer::simulated::Simulation;
use mesos_agent::executor_trust;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(20);

/// What stands for the process of an executor.
struct Idle;

protocol! {
    local Nothing = "nothing" {}
}

impl Actor for Idle {
    type Context = Context<Self>;
}

impl Process for Idle {
    type Protocol = Nothing;
}

/// An executor's subscription, in another process.
struct Subscriber(mpsc::UnboundedSender<event::Type>);

impl Actor for Subscriber {
    type Context = Context<Self>;
}

impl Process for Subscriber {
    type Protocol = ExecutorProtocol;
}

impl Handler<Event> for Subscriber {
    type Result = ();
    fn handle(&mut self, Event(event): Event, _: &mut Context<Self>) {
        let _ = self.0.send(event.r#type());
    }
}

impl Handler<Unsubscribed> for Subscriber {
    type Result = ();
    fn handle(&mut self, _: Unsubscribed, _: &mut Context<Self>) {}
}

async fn node(identity: Identity) -> Node {
    Node::bind("127.0.0.1:0")
        .identity(identity)
        .start()
        .await
        .unwrap()
}

fn custom_task() -> TaskInfo {
    TaskInfo {
        command: None,
        executor: Some(ExecutorInfo {
            executor_id: "e".into(),
            command: Some(CommandInfo {
                value: Some("custom".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..task("t", "")
    }
}

fn subscribe(from: &Pid<ExecutorProtocol>) -> ExecutorCall {
    ExecutorCall {
        call: Pb(Call {
            framework_id: framework_id(),
            executor_id: "e".into(),
            r#type: Some(call::Type::Subscribe as i32),
            subscribe: Some(call::Subscribe::default()),
            ..Default::default()
        }),
        from: Some(from.clone()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_speaks_for_itself_only_and_a_stranger_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let cluster_authority = Authority::generate("cluster");
    let executors = Authority::load_or_create(&dir.path().join("tls")).unwrap();

    let agent_node = Node::bind("127.0.0.1:0")
        .identity(cluster_authority.issue(roles::AGENT, "agent"))
        .trust(cluster_authority.trust())
        .trust(executor_trust(dir.path()).unwrap())
        .start()
        .await
        .unwrap();
    let simulation = Simulation::new().executor("custom", |node, launch| {
        let name = format!("idle-{}", launch.container_id.value);
        Ok(node.spawn(name, |_| Idle)?.any())
    });
    let cluster = Cluster::start(&agent_node, dir.path(), simulation).await;
    let agent: Pid<AgentProtocol> = Pid::named(names::AGENT, agent_node.address());
    cluster.run(custom_task());
    let mut view = cluster.agent.view.clone();
    let launched = view
        .wait_for(|s| s.executors().any(|e| e.launched))
        .await
        .unwrap();
    let container = launched
        .executors()
        .next()
        .unwrap()
        .container_id
        .value
        .clone();

    // As the agent writes them: they believe the agent's own authority.
    let certified = |role: &str, name: &str| {
        let own = executors.issue(role, name).to_pem().to_owned();
        Identity::from_pem(&(own + cluster_authority.certificate_pem())).unwrap()
    };

    // Another executor of the same agent.
    let other = node(certified(roles::EXECUTOR, "another container")).await;
    let (events, _other_heard) = mpsc::unbounded_channel();
    let other_pid = other
        .spawn("executor", move |_| Subscriber(events))
        .unwrap();
    let refused = other
        .ask(&agent, subscribe(&other_pid), PATIENCE)
        .await
        .unwrap();
    assert_eq!(refused.unwrap_err().kind, RejectionKind::Unauthorized);
    let run = RunTask {
        framework: Pb(framework()),
        task: Pb(task("smuggled", "sleep 1")),
        launch_executor: true,
        resource_version: None,
    };
    other.tell(&agent, run);
    let message = "says an executor".to_owned();
    other.tell(
        &agent,
        ShutdownAgent {
            message,
            forget: false,
        },
    );
    let files: Pid<FilesProtocol> = Pid::named(names::FILES, agent_node.address());
    let path = "/".to_owned();
    let browsed = other.ask(&files, Browse { path }, PATIENCE).await.unwrap();
    assert!(
        matches!(browsed, Err(FilesError::Forbidden(_))),
        "{browsed:?}"
    );

    // The executor itself; what was told before it has been handled by then.
    let right = node(certified(roles::EXECUTOR, &container)).await;
    let (events, mut heard) = mpsc::unbounded_channel();
    let right_pid = right
        .spawn("executor", move |_| Subscriber(events))
        .unwrap();
    let welcome = right
        .ask(&agent, subscribe(&right_pid), PATIENCE)
        .await
        .unwrap();
    assert_eq!(welcome, Ok(()));
    assert_eq!(heard.recv().await, Some(event::Type::Subscribed));
    assert_eq!(heard.recv().await, Some(event::Type::Launch));
    let again = other
        .ask(&agent, subscribe(&other_pid), PATIENCE)
        .await
        .unwrap();
    assert!(again.is_err());
    let state = cluster.agent.view.state();
    assert_eq!(state.executors().count(), 1, "nothing was smuggled in");
    assert!(
        state.registered_master().is_some(),
        "the agent was not shut down"
    );

    // An executor whose certificate claims to be a master is still only an executor's.
    let usurper = node(certified(roles::MASTER, "usurper")).await;
    let asked = usurper
        .ask(&agent, subscribe(&right_pid), Duration::from_secs(2))
        .await;
    assert!(asked.is_err(), "{asked:?}");
    let stranger = node(Authority::generate("elsewhere").issue(roles::MASTER, "stranger")).await;
    let asked = stranger
        .ask(&agent, subscribe(&right_pid), Duration::from_secs(2))
        .await;
    assert!(asked.is_err(), "{asked:?}");

    // Its end is noticed.
    right.shutdown(Duration::from_secs(1)).await;
    let gone = view.wait_for(|s| s.executors().all(|e| e.pid.is_none()));
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}
