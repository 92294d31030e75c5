//! The readers' door: documents from the published view, over QUIC and for the HTTP server.

use libprocess::prelude::*;
use mesos::protocols::reader::{Document, Read, ReadError};
use mesos::protocols::{ReaderProtocol, names, roles};
use mesos::v1::master::{Call, Response};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::allocator::AllocatorDoor;
use crate::documents::{self, Draft, Query, Surroundings, explain};
use crate::metrics::system;
use crate::state::Timestamp;
use crate::view::{View, ViewReceiver};

/// The roles of nodes that may read. Executors may not: tasks of one framework are none of the
/// business of another's.
const READERS: [&str; 4] = [
    roles::OPERATOR,
    roles::FRAMEWORK,
    roles::AGENT,
    roles::MASTER,
];

/// How long the allocator may take to explain: a person waits.
const ALLOCATOR_PATIENCE: Duration = Duration::from_secs(10);

/// A document that is on its way.
pub type Answering = Pin<Box<dyn Future<Output = Result<Document, ReadError>>>>;

/// Answers with documents. Cheap to clone; never asks the master.
#[derive(Clone, Debug)]
pub struct Library {
    view: ViewReceiver,
    node: Node,
    /// A moment by both clocks, so that time goes on between views.
    anchor: (Instant, Timestamp),
    allocator: watch::Receiver<Option<AllocatorDoor>>,
}

impl Library {
    /// Over what a master on `node` publishes.
    pub fn new(node: &Node, view: ViewReceiver) -> Library {
        let published = view.borrow().published;
        Library {
            view,
            node: node.clone(),
            anchor: (Instant::now(), published),
            // Nobody will tell of one.
            allocator: watch::channel(None).1,
        }
    }

    /// With what only the master's allocator knows: its metrics, and `/explain`. There is none while the master
    /// stands by.
    pub fn with_allocator(self, allocator: watch::Receiver<Option<AllocatorDoor>>) -> Library {
        Library { allocator, ..self }
    }

    /// The document at `path`.
    ///
    /// # Errors
    /// If there is none, or the query makes no sense.
    pub fn read(&self, path: &str, query: &str) -> Result<Document, ReadError> {
        documents::read(&self.view(), &self.surroundings(), path, query)
    }

    /// Does something with the draft of the document at `path`, before it is written.
    ///
    /// # Errors
    /// If there is none, or the query makes no sense.
    pub(crate) fn draft<T>(
        &self,
        path: &str,
        query: &str,
        then: impl FnOnce(&Draft<'_>) -> T,
    ) -> Result<T, ReadError> {
        let (view, surroundings) = (self.view(), self.surroundings());
        let draft = Draft::new(&view, &surroundings, path, query)?;
        Ok(then(&draft))
    }

    /// The answer to an operator's call that only reads; `None` if it is none of those.
    pub(crate) fn answer(&self, call: &Call) -> Option<Response> {
        documents::operator::response(&self.view(), || self.surroundings(), call)
    }

    fn surroundings(&self) -> Surroundings {
        let door = self.allocator.borrow();
        let report = door.as_ref().map(|door| door.reports.borrow().clone());
        drop(door);
        Surroundings {
            allocator: report.unwrap_or_default(),
            now: self.anchor.1 + self.anchor.0.elapsed(),
            processes: self.node.processes(),
            system: system::read(),
        }
    }

    /// The document at `path`, also if somebody has to be asked for it. What need not wait is
    /// written before this returns.
    pub fn fetch(&self, path: &str, query: &str) -> Answering {
        match documents::is_explanation(path) {
            true => Box::pin(self.clone().explain(query.to_owned())),
            false => Box::pin(std::future::ready(self.read(path, query))),
        }
    }

    async fn explain(self, query: String) -> Result<Document, ReadError> {
        let view = self.view();
        if !view.leads() {
            return Err(ReadError::NotLeader(self.leader()));
        }
        let no_allocator = || ReadError::NotFound("/explain".to_owned());
        let door = self.allocator.borrow().clone().ok_or_else(no_allocator)?;
        let question = explain::question(&view, &Query::parse(&query))?;
        let ask = question.ask.clone();
        let answer = self.node.ask(&door.pid, ask, ALLOCATOR_PATIENCE).await;
        // The master is starting or ending, or its allocator is in a very long run.
        let explanations = answer.map_err(|_| ReadError::Recovering)?;
        explain::answer(&view, &question, &explanations)
    }

    /// The newest view.
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// `host:port` of the leader.
    pub fn leader(&self) -> String {
        documents::leader(&self.view())
    }
}

/// The actor behind [`names::READER`].
#[derive(Debug)]
pub struct Reader {
    library: Library,
}

impl Reader {
    /// Starts it under its well-known name.
    ///
    /// # Errors
    /// If the node has one already.
    pub fn spawn(node: &Node, library: Library) -> Result<Pid<ReaderProtocol>, SpawnError> {
        // A thread of its own: the documents of a large cluster take longer to write than others
        // should wait.
        let reader = node.process(names::READER).own_thread();
        reader.spawn(move |_| Reader { library })
    }
}

impl Actor for Reader {
    type Context = Context<Self>;
}

impl Process for Reader {
    type Protocol = ReaderProtocol;
}

impl Handler<Read> for Reader {
    type Result = ResponseFuture<Result<Document, ReadError>>;

    fn handle(&mut self, message: Read, ctx: &mut Context<Self>) -> Self::Result {
        if may_read(&ctx.peer()) {
            self.library.fetch(&message.path, &message.query)
        } else {
            Box::pin(std::future::ready(Err(ReadError::Forbidden(message.path))))
        }
    }
}

fn may_read(peer: &Peer) -> bool {
    match peer {
        Peer::Local => true,
        Peer::Remote(peer) => READERS.contains(&peer.role.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use libprocess::tls::PeerIdentity;

    use super::*;
    use crate::documents::samples;

    #[tokio::test]
    async fn documents_are_had_without_http() {
        let node = Node::local();
        let views = watch::Sender::new(Arc::new(samples::view()));
        let library = Library::new(&node, views.subscribe());
        let reader = Reader::spawn(&node, library).unwrap();
        let read = |path: &str| {
            let message = Read {
                path: path.to_owned(),
                query: String::new(),
            };
            node.ask(&reader, message, Duration::from_secs(10))
        };
        let state = read("/state").await.unwrap().unwrap();
        assert_eq!(state.content_type, "application/json");
        let nothing = read("/nothing").await.unwrap();
        assert_eq!(nothing, Err(ReadError::NotFound("/nothing".to_owned())));
        node.shutdown(Duration::from_secs(10)).await;
    }

    #[test]
    fn executors_may_not_read() {
        for (role, expected) in [
            (roles::OPERATOR, true),
            (roles::FRAMEWORK, true),
            (roles::AGENT, true),
            (roles::MASTER, true),
            (roles::EXECUTOR, false),
            ("", false),
        ] {
            let peer = Peer::Remote(PeerIdentity::new(role, "x"));
            assert_eq!(may_read(&peer), expected, "{role}");
        }
    }
}
