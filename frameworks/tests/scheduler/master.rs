//! A master that leaves its answers to the test.

use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::master::{
    AgentResources, AgentUnresponsive, ExecutorExited, ExecutorMessage, MasterProtocol,
    OperationUpdate, OperatorCall, RegisterAgent, ReregisterAgent, SchedulerCall, UnregisterAgent,
    UpdateOversubscribed,
};
use mesos::protocols::scheduler::{self, SchedulerProtocol, Unsubscribed};
use mesos::protocols::{
    CallAccepted, CallRejected, RejectionKind, Subscription, UpdateRecord, names,
};
use mesos::v1::scheduler::{Call, Event, call, event};
use mesos::wire::Pb;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// In virtual time: whatever has not happened by then never will.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3600);

type Answer = Result<CallAccepted, CallRejected>;

/// The test's side of a fake master; its life can end and another one begin.
pub(crate) struct FakeMaster {
    node: Node,
    calls: mpsc::UnboundedReceiver<Received>,
    subscriptions: u32,
}

/// A call that waits for its answer.
pub(crate) struct Received {
    pub(crate) call: Call,
    pub(crate) stream_id: Option<String>,
    from: Option<Pid<SchedulerProtocol>>,
    answer: oneshot::Sender<Answer>,
}

/// A subscription as the master knows it.
pub(crate) struct Stream {
    node: Node,
    pub(crate) inbox: Pid<SchedulerProtocol>,
    pub(crate) id: String,
}

impl FakeMaster {
    pub(crate) fn start(node: &Node) -> FakeMaster {
        let (told, calls) = mpsc::unbounded_channel();
        node.spawn(names::MASTER, |_| Master(told))
            .expect("one master");
        FakeMaster {
            node: node.clone(),
            calls,
            subscriptions: 0,
        }
    }

    /// Ends this life; nothing answers until the next [`FakeMaster::start`].
    pub(crate) async fn die(self) {
        let master = Pid::<MasterProtocol>::named(names::MASTER, self.node.address());
        let gone = self.node.monitor(&master);
        self.node.stop(&master);
        gone.await;
    }

    pub(crate) async fn next(&mut self) -> Received {
        let call = timeout(PATIENCE, self.calls.recv()).await;
        call.expect("no call comes").expect("a master")
    }

    /// The next call, which is of this kind; accepted.
    pub(crate) async fn expect(&mut self, kind: call::Type) -> Call {
        let received = self.next().await;
        assert_eq!(received.call.r#type(), kind, "{:?}", received.call);
        let call = received.call.clone();
        received.accept();
        call
    }

    /// Whether no call comes for as long.
    pub(crate) async fn is_left_alone_for(&mut self, time: Duration) -> bool {
        timeout(time, self.calls.recv()).await.is_err()
    }

    /// Accepts the next call, a SUBSCRIBE, and sends SUBSCRIBED.
    pub(crate) async fn subscribe(&mut self) -> Stream {
        let received = self.next().await;
        assert_eq!(received.call.r#type(), call::Type::Subscribe);
        let stream = self.stream(&received);
        received.grant(&stream);
        stream.subscribed();
        stream
    }

    /// A new subscription for the caller, which does not know of it yet.
    pub(crate) fn stream(&mut self, received: &Received) -> Stream {
        self.subscriptions += 1;
        Stream {
            node: self.node.clone(),
            inbox: received.from.clone().expect("a SUBSCRIBE says from where"),
            id: format!("stream {}", self.subscriptions),
        }
    }
}

impl Received {
    pub(crate) fn grant(self, stream: &Stream) {
        let subscription = Subscription {
            framework_id: "framework".into(),
            stream_id: stream.id.clone(),
        };
        self.answer(Ok(CallAccepted {
            subscription: Some(subscription),
        }));
    }

    pub(crate) fn accept(self) {
        self.answer(Ok(CallAccepted::default()));
    }

    pub(crate) fn reject(self, kind: RejectionKind) {
        self.answer(Err(CallRejected::new(kind, format!("{kind:?}"))));
    }

    fn answer(self, answer: Answer) {
        // The driver may have given up.
        let _ = self.answer.send(answer);
    }
}

impl Stream {
    pub(crate) fn send(&self, event: Event) {
        self.node.tell(&self.inbox, scheduler::Event(Pb(event)));
    }

    pub(crate) fn subscribed(&self) {
        self.send(Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(event::Subscribed {
                framework_id: "framework".into(),
                heartbeat_interval_seconds: Some(15.0),
                master_info: None,
            }),
            ..Default::default()
        });
    }

    pub(crate) fn heartbeat(&self) {
        self.send(Event {
            r#type: Some(event::Type::Heartbeat.into()),
            ..Default::default()
        });
    }

    pub(crate) fn error(&self, message: &str) {
        self.send(Event {
            r#type: Some(event::Type::Error.into()),
            error: Some(event::Error {
                message: message.to_owned(),
            }),
            ..Default::default()
        });
    }

    /// An offer of one processor and enough memory.
    pub(crate) fn offer(&self, id: &str) {
        let resources = mesos::resources::Resources::parse("cpus:1;mem:128", "*");
        let offer = mesos::v1::Offer {
            id: id.into(),
            framework_id: "framework".into(),
            agent_id: "agent".into(),
            hostname: "host".to_owned(),
            resources: resources.expect("resources").into(),
            ..Default::default()
        };
        self.send(Event {
            r#type: Some(event::Type::Offers.into()),
            offers: Some(event::Offers {
                offers: vec![offer],
            }),
            ..Default::default()
        });
    }

    /// An update of a task, with a uuid that is its name.
    pub(crate) fn update(&self, task: &str) {
        let status = mesos::v1::TaskStatus {
            task_id: task.into(),
            state: mesos::v1::TaskState::TaskRunning.into(),
            agent_id: Some("agent".into()),
            uuid: Some(task.as_bytes().to_vec()),
            ..Default::default()
        };
        self.send(Event {
            r#type: Some(event::Type::Update.into()),
            update: Some(event::Update { status }),
            ..Default::default()
        });
    }

    /// An update of an operation, with a uuid that is its name if it is to be acknowledged.
    pub(crate) fn operation_update(&self, operation: &str, acknowledged: bool) {
        let uuid = acknowledged.then(|| mesos::v1::Uuid {
            value: operation.as_bytes().to_vec(),
        });
        let status = mesos::v1::OperationStatus {
            operation_id: Some(operation.into()),
            state: mesos::v1::OperationState::OperationFinished.into(),
            agent_id: Some("agent".into()),
            uuid,
            ..Default::default()
        };
        self.send(Event {
            r#type: Some(event::Type::UpdateOperationStatus.into()),
            update_operation_status: Some(event::UpdateOperationStatus { status }),
            ..Default::default()
        });
    }

    /// What a master says last.
    pub(crate) fn end(&self) {
        self.node.tell(&self.inbox, Unsubscribed);
    }
}

struct Master(mpsc::UnboundedSender<Received>);

impl Actor for Master {
    type Context = Context<Self>;
}

impl Process for Master {
    type Protocol = MasterProtocol;
}

impl Handler<OperatorCall> for Master {
    type Result = Result<(), CallRejected>;

    fn handle(&mut self, _: OperatorCall, _: &mut Context<Self>) -> Self::Result {
        Err(CallRejected::invalid("no operator calls this master"))
    }
}

impl Handler<SchedulerCall> for Master {
    type Result = ResponseFuture<Answer>;

    fn handle(&mut self, call: SchedulerCall, _: &mut Context<Self>) -> Self::Result {
        let (answer, answered) = oneshot::channel();
        let received = Received {
            call: call.call.into_inner(),
            stream_id: call.stream_id,
            from: call.from,
            answer,
        };
        // The test may have ended.
        let _ = self.0.send(received);
        // A test that drops a call never answers it.
        Box::pin(async move {
            match answered.await {
                Ok(answer) => answer,
                Err(_) => std::future::pending().await,
            }
        })
    }
}

/// What agents say, of which there are none here.
macro_rules! never_sent {
    ($($message:ty),*) => {$(
        impl Handler<$message> for Master {
            type Result = ();

            fn handle(&mut self, _: $message, _: &mut Context<Self>) {}
        }
    )*};
}

never_sent!(
    AgentResources,
    OperationUpdate,
    RegisterAgent,
    ReregisterAgent,
    UnregisterAgent,
    UpdateRecord,
    ExecutorMessage,
    ExecutorExited,
    UpdateOversubscribed,
    AgentUnresponsive
);
