//! An agent that writes down what executors say to it.

use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::agent::{
    Acknowledge, AcknowledgeOperation, AgentProtocol, ApplyOperation, DrainAgent, ExecutorCall,
    FrameworkMessage, KillTask, Ping, Pong, ReconcileOperations, Registered, Reregistered, RunTask,
    RunTaskGroup, ShutdownAgent, ShutdownExecutor, ShutdownFramework, UpdateFramework,
};
use mesos::protocols::executor::{Event, ExecutorProtocol};
use mesos::protocols::{CallRejected, names};
use mesos::v1;
use mesos::v1::executor::{Call, call, event};
use mesos::wire::Pb;
use tokio::sync::mpsc;

use super::ExecutorConfig;

/// Nothing here takes longer, also on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The test's side of a fake agent; the agent's life can end and another one begin.
pub(crate) struct FakeAgent {
    pub(crate) node: Node,
    calls: mpsc::UnboundedReceiver<(Call, Option<Pid<ExecutorProtocol>>)>,
    executor: Option<Pid<ExecutorProtocol>>,
}

struct Agent(mpsc::UnboundedSender<(Call, Option<Pid<ExecutorProtocol>>)>);

impl FakeAgent {
    pub(crate) fn start(node: Node) -> FakeAgent {
        let (told, calls) = mpsc::unbounded_channel();
        node.spawn(names::AGENT, |_| Agent(told))
            .expect("one agent");
        FakeAgent {
            node,
            calls,
            executor: None,
        }
    }

    /// Ends this life; nothing answers until [`FakeAgent::start`].
    pub(crate) async fn die(self) -> Node {
        let agent = Pid::<AgentProtocol>::named(names::AGENT, self.node.address());
        let gone = self.node.monitor(&agent);
        self.node.stop(&agent);
        gone.await;
        self.node
    }

    pub(crate) fn config(&self) -> ExecutorConfig {
        let id = "f".to_owned();
        let agent = Pid::named(names::AGENT, self.node.address());
        ExecutorConfig {
            checkpoint: true,
            ..ExecutorConfig::new(
                v1::FrameworkId { value: id },
                v1::ExecutorId {
                    value: "e".to_owned(),
                },
                agent,
            )
        }
    }

    pub(crate) async fn call(&mut self) -> Call {
        let (call, from) = tokio::time::timeout(SOON, self.calls.recv())
            .await
            .expect("a call")
            .expect("an agent");
        self.executor = from.or(self.executor.take());
        call
    }

    /// Answers a subscription, and says what it carried.
    pub(crate) async fn subscribe(&mut self, framework: v1::FrameworkInfo) -> call::Subscribe {
        let subscribe = self.asked_to_subscribe().await;
        self.grant(framework);
        subscribe
    }

    /// The next call, which is to be a subscription; left without an answer.
    pub(crate) async fn asked_to_subscribe(&mut self) -> call::Subscribe {
        let call = self.call().await;
        assert_eq!(call.r#type(), call::Type::Subscribe);
        call.subscribe.expect("what is pending")
    }

    /// Answers the last subscription.
    pub(crate) fn grant(&self, framework: v1::FrameworkInfo) {
        self.send(v1::executor::Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(event::Subscribed {
                framework_info: framework,
                ..Default::default()
            }),
            ..Default::default()
        });
    }

    /// The next update, left without an acknowledgement.
    pub(crate) async fn update(&mut self) -> v1::TaskStatus {
        self.call().await.update.expect("an update").status
    }

    pub(crate) fn acknowledge(&self, status: &v1::TaskStatus) {
        self.send(v1::executor::Event {
            r#type: Some(event::Type::Acknowledged.into()),
            acknowledged: Some(event::Acknowledged {
                task_id: status.task_id.clone(),
                uuid: status.uuid.clone().expect("a uuid"),
            }),
            ..Default::default()
        });
    }

    /// The next update, which is to be of this state; acknowledged.
    pub(crate) async fn expect(&mut self, state: v1::TaskState) -> v1::TaskStatus {
        let status = self.update().await;
        assert_eq!(status.state(), state, "{status:?}");
        self.acknowledge(&status);
        status
    }

    pub(crate) fn launch_group(&self, tasks: Vec<v1::TaskInfo>) {
        self.send(v1::executor::Event {
            r#type: Some(event::Type::LaunchGroup.into()),
            launch_group: Some(event::LaunchGroup {
                task_group: v1::TaskGroupInfo { tasks },
            }),
            ..Default::default()
        });
    }

    pub(crate) fn launch(&self, task: v1::TaskInfo) {
        self.send(v1::executor::Event {
            r#type: Some(event::Type::Launch.into()),
            launch: Some(event::Launch { task }),
            ..Default::default()
        });
    }

    pub(crate) fn kill(&self, task_id: &str, kill_policy: Option<v1::KillPolicy>) {
        self.send(v1::executor::Event {
            r#type: Some(event::Type::Kill.into()),
            kill: Some(event::Kill {
                task_id: v1::TaskId {
                    value: task_id.to_owned(),
                },
                kill_policy,
            }),
            ..Default::default()
        });
    }

    pub(crate) fn shutdown(&self) {
        self.send(v1::executor::Event {
            r#type: Some(event::Type::Shutdown.into()),
            ..Default::default()
        });
    }

    fn send(&self, event: v1::executor::Event) {
        let executor = self.executor.as_ref().expect("a subscription");
        self.node.tell(executor, Event(Pb(event)));
    }
}

impl Actor for Agent {
    type Context = Context<Self>;
}

impl Process for Agent {
    type Protocol = AgentProtocol;
}

impl Handler<ExecutorCall> for Agent {
    type Result = Result<(), CallRejected>;

    fn handle(&mut self, call: ExecutorCall, _: &mut Context<Self>) -> Self::Result {
        // The test may have ended.
        let _ = self.0.send((call.call.into_inner(), call.from));
        Ok(())
    }
}

impl Handler<Ping> for Agent {
    type Result = MessageResult<Ping>;

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) -> Self::Result {
        MessageResult(Pong)
    }
}

/// A master's messages, of which there are none here.
macro_rules! never_sent {
    ($($message:ty),*) => {$(
        impl Handler<$message> for Agent {
            type Result = ();

            fn handle(&mut self, _: $message, _: &mut Context<Self>) {}
        }
    )*};
}

never_sent!(
    ApplyOperation,
    AcknowledgeOperation,
    ReconcileOperations,
    DrainAgent,
    Registered,
    Reregistered,
    ShutdownAgent,
    RunTask,
    RunTaskGroup,
    KillTask,
    Acknowledge,
    FrameworkMessage,
    ShutdownExecutor,
    ShutdownFramework,
    UpdateFramework
);
