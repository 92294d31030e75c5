//! The readers' door: documents from the published view, over QUIC and for the HTTP server.

use libprocess::prelude::*;
use mesos::protocols::reader::{Document, Read, ReadError};
use mesos::protocols::{ReaderProtocol, names, roles};
use mesos::v1::master::{Call, Response};
use std::sync::Arc;
use tokio::time::Instant;

use crate::documents::{self, Surroundings};
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

/// Answers with documents. Cheap to clone; never asks the master.
#[derive(Clone, Debug)]
pub struct Library {
    view: ViewReceiver,
    node: Node,
    /// A moment by both clocks, so that time goes on between views.
    anchor: (Instant, Timestamp),
}

impl Library {
    /// Over what a master on `node` publishes.
    pub fn new(node: &Node, view: ViewReceiver) -> Library {
        let published = view.borrow().published;
        Library {
            view,
            node: node.clone(),
            anchor: (Instant::now(), published),
        }
    }

    /// The document at `path`.
    ///
    /// # Errors
    /// If there is none, or the query makes no sense.
    pub fn read(&self, path: &str, query: &str) -> Result<Document, ReadError> {
        documents::read(&self.view(), &self.surroundings(), path, query)
    }

    /// The answer to an operator's call that only reads; `None` if it is none of those.
    pub(crate) fn answer(&self, call: &Call) -> Option<Response> {
        documents::operator::response(&self.view(), || self.surroundings(), call)
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            now: self.anchor.1 + self.anchor.0.elapsed(),
            processes: self.node.processes(),
            system: system::read(),
        }
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
    type Result = Result<Document, ReadError>;

    fn handle(&mut self, message: Read, ctx: &mut Context<Self>) -> Self::Result {
        if may_read(&ctx.peer()) {
            self.library.read(&message.path, &message.query)
        } else {
            Err(ReadError::Forbidden(message.path))
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
    use std::time::Duration;

    use libprocess::tls::PeerIdentity;
    use tokio::sync::watch;

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
