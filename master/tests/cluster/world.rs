//! A master with fakes around it, in virtual time.

use std::future::Future;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::master::SchedulerCall;
use mesos::protocols::{AgentProtocol, CallRejected, MasterProtocol, SchedulerProtocol};
use mesos::resources::{Format, Resources};
use mesos::v1::scheduler::{Call, Event, call, event};
use mesos::v1::{self, FrameworkId, TaskId};
use mesos::wire::Pb;
use mesos_master::config::Config;
use mesos_master::registrar::MemoryStorage;
use mesos_master::state::Timestamp;
use mesos_master::view::View;
use mesos_master::{Master, MasterHandle};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::fakes::{Agent, AgentLife, Scheduler};

/// In virtual time: whatever has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Runs a scenario on this thread, with a clock that jumps when there is nothing to do.
pub(crate) fn run<F: Future<Output = ()>>(scenario: impl FnOnce(Node) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let node = Node::local_here(7);
        scenario(node.clone()).await;
        node.shutdown(Duration::from_secs(1)).await;
    });
}

pub(crate) async fn start(node: &Node, storage: &MemoryStorage) -> MasterHandle {
    start_with(Config::default(), node, storage).await
}

pub(crate) async fn start_with(
    config: Config,
    node: &Node,
    storage: &MemoryStorage,
) -> MasterHandle {
    let config = Config {
        start_time: Some(Timestamp::from_secs(1_000)),
        ..config
    };
    let master = Master::start_with(config, Box::new(storage.clone()), node).await;
    let master = master.expect("a master");
    assert!(master.ready().await);
    master
}

/// Waits until the master publishes something for which this holds.
#[track_caller]
pub(crate) fn until(
    master: &MasterHandle,
    what: &'static str,
    holds: impl Fn(&View) -> bool,
) -> impl Future<Output = ()> {
    let mut view = master.view.clone();
    async move {
        let seen = timeout(PATIENCE, view.wait_for(|view| holds(view))).await;
        seen.unwrap_or_else(|_| panic!("never: {what}"))
            .expect("the master ended");
    }
}

pub(crate) fn agent(
    node: &Node,
    master: &MasterHandle,
    life: AgentLife,
    answers: bool,
) -> (Pid<AgentProtocol>, watch::Receiver<AgentLife>) {
    let (sender, receiver) = watch::channel(AgentLife {
        admissions: 0,
        ..life
    });
    let master = master.pid.clone();
    let pid = node
        .spawn("agent", move |_| Agent::new(master, sender, answers))
        .expect("a name");
    (pid, receiver)
}

/// A framework that nothing is special about.
pub(crate) fn framework_info() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: "user".into(),
        name: "framework".into(),
        checkpoint: Some(true),
        failover_timeout: Some(60.0),
        ..Default::default()
    }
}

/// A framework as the test plays it.
pub(crate) struct Framework {
    node: Node,
    master: Pid<MasterProtocol>,
    pub(crate) pid: Pid<SchedulerProtocol>,
    pub(crate) id: FrameworkId,
    stream_id: String,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Framework {
    pub(crate) async fn subscribe(
        node: &Node,
        master: &MasterHandle,
        id: Option<FrameworkId>,
        name: &str,
    ) -> Framework {
        Framework::try_subscribe(node, master, id, name)
            .await
            .expect("refused")
    }

    pub(crate) async fn try_subscribe(
        node: &Node,
        master: &MasterHandle,
        id: Option<FrameworkId>,
        name: &str,
    ) -> Result<Framework, CallRejected> {
        let info = v1::FrameworkInfo {
            id,
            ..framework_info()
        };
        let subscribe = call::Subscribe {
            framework_info: info,
            ..Default::default()
        };
        Framework::try_subscribe_with(node, master, subscribe, name).await
    }

    /// Subscribes with what a test is about.
    pub(crate) async fn try_subscribe_with(
        node: &Node,
        master: &MasterHandle,
        subscribe: call::Subscribe,
        name: &str,
    ) -> Result<Framework, CallRejected> {
        let (sender, events) = mpsc::unbounded_channel();
        let pid = node
            .spawn(name, move |_| Scheduler(sender))
            .expect("a name");
        let call = Call {
            framework_id: subscribe.framework_info.id.clone(),
            r#type: Some(call::Type::Subscribe as i32),
            subscribe: Some(subscribe),
            ..Default::default()
        };
        let message = SchedulerCall {
            call: Pb(call),
            from: Some(pid.clone()),
            stream_id: None,
            principal: None,
        };
        let answer = node
            .ask(&master.pid, message, PATIENCE)
            .await
            .expect("an answer");
        let granted = answer?.subscription.expect("a subscription");
        Ok(Framework {
            node: node.clone(),
            master: master.pid.clone(),
            pid,
            id: granted.framework_id,
            stream_id: granted.stream_id,
            events,
        })
    }

    /// The next event of a kind; others are passed over.
    pub(crate) async fn next(&mut self, kind: event::Type) -> Event {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await;
            let event = event
                .unwrap_or_else(|_| panic!("never: {kind:?}"))
                .expect("no stream");
            if event.r#type() == kind {
                return event;
            }
        }
    }

    pub(crate) async fn offer(&mut self) -> v1::Offer {
        let event = self.next(event::Type::Offers).await;
        event.offers.expect("offers").offers.remove(0)
    }

    pub(crate) async fn update(&mut self) -> v1::TaskStatus {
        self.next(event::Type::Update)
            .await
            .update
            .expect("an update")
            .status
    }

    pub(crate) async fn call(&self, kind: call::Type, call: Call) {
        self.try_call(kind, call).await.expect("refused");
    }

    pub(crate) async fn try_call(&self, kind: call::Type, call: Call) -> Result<(), CallRejected> {
        let call = Call {
            framework_id: Some(self.id.clone()),
            r#type: Some(kind as i32),
            ..call
        };
        let message = SchedulerCall {
            call: Pb(call),
            from: None,
            stream_id: Some(self.stream_id.clone()),
            principal: None,
        };
        let answer = self.node.ask(&self.master, message, PATIENCE).await;
        answer.expect("an answer").map(|_| ())
    }

    pub(crate) async fn launch(&mut self, name: &str) {
        let offer = self.offer().await;
        let resources = Resources::parse("cpus:1;mem:32", "*").expect("resources");
        let task = v1::TaskInfo {
            name: name.into(),
            task_id: TaskId { value: name.into() },
            agent_id: offer.agent_id,
            resources: resources.to_v1(Format::PreRefinement),
            command: Some(v1::CommandInfo::default()),
            ..Default::default()
        };
        let launch = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch as i32),
            launch: Some(v1::offer::operation::Launch {
                task_infos: vec![task],
            }),
            ..Default::default()
        };
        let accept = call::Accept {
            offer_ids: vec![offer.id],
            operations: vec![launch],
            filters: None,
        };
        let call = Call {
            accept: Some(accept),
            ..Default::default()
        };
        self.call(call::Type::Accept, call).await;
    }

    pub(crate) async fn acknowledge(&self, status: &v1::TaskStatus) {
        let acknowledge = call::Acknowledge {
            agent_id: status.agent_id.clone().expect("an agent"),
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().expect("a uuid"),
        };
        let call = Call {
            acknowledge: Some(acknowledge),
            ..Default::default()
        };
        self.call(call::Type::Acknowledge, call).await;
    }

    pub(crate) async fn kill(&self, name: &str) {
        let kill = call::Kill {
            task_id: TaskId { value: name.into() },
            agent_id: None,
            kill_policy: None,
        };
        self.call(
            call::Type::Kill,
            Call {
                kill: Some(kill),
                ..Default::default()
            },
        )
        .await;
    }
}
