//! A server in front of a master that answers as told, and a client that sees every byte.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::master::{
    AgentResources, AgentUnresponsive, ExecutorExited, ExecutorMessage, OperationUpdate,
    OperatorCall, RegisterAgent, ReregisterAgent, SchedulerCall, UnregisterAgent,
    UpdateOversubscribed,
};
use mesos::protocols::scheduler::Event;
use mesos::protocols::{
    CallAccepted, CallRejected, MasterProtocol, SchedulerProtocol, Subscription, UpdateRecord,
};
use mesos::v1::scheduler;
use mesos::wire::Pb;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::documents::samples;
use crate::http::{Credentials, HttpOptions, HttpServer};
use crate::reader::Library;
use crate::view::View;

/// How long anything may take here before the test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the fake master does with a call.
pub(super) type Answer = fn(&SchedulerCall) -> Result<CallAccepted, CallRejected>;

/// What the fake master saw.
pub(super) enum Seen {
    Call(Box<SchedulerCall>),
    Operator(Box<OperatorCall>),
    Exited,
}

struct FakeMaster {
    answer: Answer,
    seen: mpsc::UnboundedSender<Seen>,
}

impl Actor for FakeMaster {
    type Context = Context<Self>;
}

impl Process for FakeMaster {
    type Protocol = MasterProtocol;
}

impl Handler<SchedulerCall> for FakeMaster {
    type Result = Result<CallAccepted, CallRejected>;

    fn handle(&mut self, call: SchedulerCall, ctx: &mut Context<Self>) -> Self::Result {
        if let Some(subscriber) = &call.from {
            ctx.monitor(subscriber);
        }
        let answer = (self.answer)(&call);
        let _ = self.seen.send(Seen::Call(Box::new(call)));
        answer
    }
}

impl Handler<OperatorCall> for FakeMaster {
    type Result = Result<(), CallRejected>;

    fn handle(&mut self, call: OperatorCall, _: &mut Context<Self>) -> Self::Result {
        let answer = match &call.principal {
            Some(principal) if principal == "nobody" => {
                let why = "not for you";
                Err(CallRejected::new(
                    mesos::protocols::RejectionKind::Conflict,
                    why,
                ))
            }
            _ => Ok(()),
        };
        let _ = self.seen.send(Seen::Operator(Box::new(call)));
        answer
    }
}

impl Handler<Exited> for FakeMaster {
    type Result = ();

    fn handle(&mut self, _: Exited, _: &mut Context<Self>) {
        let _ = self.seen.send(Seen::Exited);
    }
}

macro_rules! deaf {
    ($($message:ty),*) => {
        $(impl Handler<$message> for FakeMaster {
            type Result = ();

            fn handle(&mut self, _: $message, _: &mut Context<Self>) {}
        })*
    };
}

deaf!(
    RegisterAgent,
    ReregisterAgent,
    UnregisterAgent,
    UpdateRecord,
    ExecutorMessage,
    ExecutorExited,
    OperationUpdate,
    AgentResources,
    UpdateOversubscribed,
    AgentUnresponsive
);

/// Everything a test needs.
pub(super) struct Rig {
    pub(super) node: Node,
    pub(super) address: SocketAddr,
    pub(super) views: watch::Sender<Arc<View>>,
    server: HttpServer,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Rig {
    /// With the sample cluster as its view.
    pub(super) fn new(answer: Answer) -> Rig {
        Rig::with(answer, None)
    }

    pub(super) fn with(answer: Answer, credentials: Option<Credentials>) -> Rig {
        let node = Node::local();
        let (seen, receiver) = mpsc::unbounded_channel();
        let master = node
            .spawn("master", move |_| FakeMaster { answer, seen })
            .unwrap();
        let views = watch::Sender::new(Arc::new(samples::view()));
        let options = HttpOptions {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            credentials,
            readiness: libprocess::observe::Readiness::new(),
        };
        let library = Library::new(&node, views.subscribe());
        let server = HttpServer::start(options, &node, master, library).unwrap();
        Rig {
            address: server.address(),
            node,
            views,
            server,
            seen: receiver,
        }
    }

    /// The next thing that happened to the master.
    pub(super) async fn next(&mut self) -> Seen {
        let seen = timeout(PATIENCE, self.seen.recv()).await;
        seen.expect("nothing happened to the master").unwrap()
    }

    /// The next call.
    pub(super) async fn call(&mut self) -> SchedulerCall {
        match self.next().await {
            Seen::Call(call) => *call,
            Seen::Operator(call) => panic!("{call:?}"),
            Seen::Exited => panic!("a subscription ended"),
        }
    }

    /// The next call of an operator.
    pub(super) async fn operator_call(&mut self) -> OperatorCall {
        match self.next().await {
            Seen::Operator(call) => *call,
            Seen::Call(call) => panic!("{call:?}"),
            Seen::Exited => panic!("a subscription ended"),
        }
    }

    /// Waits for the end of a subscription.
    pub(super) async fn exited(&mut self) {
        match self.next().await {
            Seen::Exited => {}
            Seen::Operator(call) => panic!("{call:?}"),
            Seen::Call(call) => panic!("{call:?}"),
        }
    }

    /// Subscribes and returns where events go, and the connection after the response's head.
    pub(super) async fn subscribe(&mut self) -> (Pid<SchedulerProtocol>, Client, Response) {
        let mut client = Client::connect(self.address).await;
        client.post("/api/v1/scheduler", &[JSON], SUBSCRIBE).await;
        let head = client.head().await;
        assert_eq!(head.status, 200);
        let call = self.call().await;
        (call.from.expect("a subscriber"), client, head)
    }

    /// One request on a connection of its own.
    pub(super) async fn request(&self, head: &str, body: impl AsRef<[u8]>) -> Response {
        let mut client = Client::connect(self.address).await;
        client.send(head, body.as_ref()).await;
        client.response().await
    }

    pub(super) async fn get(&self, target: &str) -> Response {
        self.request(&format!("GET {target} HTTP/1.1\r\n"), "")
            .await
    }

    /// POSTs to the scheduler API with these header lines.
    pub(super) async fn post(&self, headers: &[&str], body: impl AsRef<[u8]>) -> Response {
        let mut client = Client::connect(self.address).await;
        client
            .post("/api/v1/scheduler", headers, body.as_ref())
            .await;
        client.response().await
    }

    pub(super) async fn stop(self) {
        let stopped = timeout(PATIENCE, self.server.stop()).await;
        stopped.expect("the server stops");
        self.node.shutdown(PATIENCE).await;
    }
}

pub(super) const JSON: &str = "Content-Type: application/json";

pub(super) const SUBSCRIBE: &[u8] =
    br#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"f"}}}"#;

/// A master that takes everything.
pub(super) fn takes_everything(call: &SchedulerCall) -> Result<CallAccepted, CallRejected> {
    let subscription = call.from.as_ref().map(|_| Subscription {
        framework_id: "f".into(),
        stream_id: "the-stream".into(),
    });
    Ok(CallAccepted { subscription })
}

/// An event of this type, with as many bytes as wanted.
pub(super) fn event(kind: scheduler::event::Type, size: usize) -> Event {
    let message = (size > 0).then(|| scheduler::event::Error {
        message: "x".repeat(size),
    });
    Event(Pb(scheduler::Event {
        r#type: Some(kind as i32),
        error: message,
        ..Default::default()
    }))
}

/// A response, or its head only.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection.
pub(super) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).await.unwrap();
        Client {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(super) async fn post(&mut self, path: &str, headers: &[&str], body: &[u8]) {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        self.send(&format!("POST {path} HTTP/1.1\r\n{headers}"), body)
            .await;
    }

    /// Sends the first lines as they are, then what every request has.
    pub(super) async fn send(&mut self, head: &str, body: &[u8]) {
        let length = body.len();
        let head = format!("{head}Host: localhost\r\nContent-Length: {length}\r\n\r\n");
        self.raw(head.as_bytes()).await;
        // The server may answer, and close, before it has read everything.
        let _ = self.stream.write_all(body).await;
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads the head of a response.
    pub(super) async fn head(&mut self) -> Response {
        let head = self.until(b"\r\n\r\n").await.expect("a response");
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        Response {
            status: status.parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: Vec::new(),
        }
    }

    /// Reads a whole response.
    pub(super) async fn response(&mut self) -> Response {
        let mut response = self.head().await;
        if response.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await {
                response.body.extend(chunk);
            }
            return response;
        }
        let length = response
            .header("content-length")
            .map_or(0, |n| n.parse().unwrap());
        while self.buffer.len() < length {
            assert!(self.fill().await, "the body is cut off");
        }
        response.body = self.buffer.drain(..length).collect();
        response
    }

    /// Reads one chunk; `None` at the orderly end of the body.
    pub(super) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = self.until(b"\r\n").await.expect("a chunk or the last one");
        let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap(), 16).unwrap();
        while self.buffer.len() < size + 2 {
            assert!(self.fill().await, "the chunk is cut off");
        }
        let chunk = self.buffer.drain(..size).collect();
        assert_eq!(self.buffer.drain(..2).collect::<Vec<_>>(), b"\r\n");
        (size > 0).then_some(chunk)
    }

    /// Reads to the end of the connection; whether it ended in the middle of the body.
    pub(super) async fn is_cut_off(&mut self) -> bool {
        while self.fill().await {}
        !self.buffer.ends_with(b"0\r\n\r\n")
    }

    /// Whether the server reacts at all.
    pub(super) async fn is_answered_or_closed(&mut self) -> bool {
        !self.fill().await || self.buffer.starts_with(b"HTTP/1.1 ")
    }

    async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            let found = self
                .buffer
                .windows(mark.len())
                .position(|part| part == mark);
            if let Some(at) = found {
                let mut part: Vec<u8> = self.buffer.drain(..at + mark.len()).collect();
                part.truncate(at);
                return Some(part);
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Reads more; false at the end.
    async fn fill(&mut self) -> bool {
        let mut more = [0; 65_536];
        let read = timeout(PATIENCE, self.stream.read(&mut more)).await;
        let length = read.expect("the server says something").unwrap_or(0);
        self.buffer.extend_from_slice(&more[..length]);
        length > 0
    }
}
