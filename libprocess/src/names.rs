//! Names: who has one, on this node or on another.
//!
//! A pid made by [`Pid::named`] means whoever has the name when a message arrives, one life after the other. To mean one
//! life, whose end can be told from that of its successor, ask who it is: [`Node::whereis`], or
//! [`Node::whereis_at`] for another node. That one is answered by an ordinary actor ([`NAMES`]), which a node
//! starts when somebody asks for the first time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Handler};
use serde::{Deserialize, Serialize};

use crate::actor::Context;
use crate::error::AskError;
use crate::node::Node;
use crate::pid::{ANY_INCARNATION, AnyPid, Pid};
use crate::protocol;
use crate::protocol::{Process, Protocol};

/// The name of the actor that knows the names of its node.
pub const NAMES: &str = "libprocess.names";

/// Who has this name, and speaks this protocol? Answered by the incarnation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WhereIs {
    pub(crate) name: String,
    pub(crate) protocol: String,
}

protocol! {
    /// Of the actor that knows the names of its node.
    pub NamesProtocol = "libprocess.names" { 1 => WhereIs -> Option<u64> }
}

/// Knows the names of its node.
pub(crate) struct Names;

impl Actor for Names {
    type Context = Context<Self>;
}

impl Process for Names {
    type Protocol = NamesProtocol;
}

impl Handler<WhereIs> for Names {
    type Result = Option<u64>;

    fn handle(
        &mut self,
        WhereIs { name, protocol }: WhereIs,
        ctx: &mut Context<Self>,
    ) -> Option<u64> {
        let slot = ctx.node().find_named(&name, ANY_INCARNATION)?;
        (slot.protocol.name == protocol).then_some(slot.address.incarnation)
    }
}

impl Node {
    /// The actor of this node that has the name, if it speaks `P`. The pid means this life of it.
    pub fn whereis<P: Protocol>(&self, name: &str) -> Option<Pid<P>> {
        let slot = self.find_named(name, ANY_INCARNATION)?;
        slot.speaks::<P>().then(|| Pid::from_any(slot.pid()))
    }

    /// The same on the node at `address`, by asking it.
    ///
    /// # Errors
    /// If it does not answer in time, or cannot be reached.
    pub async fn whereis_at<P: Protocol>(
        &self,
        address: SocketAddr,
        name: &str,
        timeout: Duration,
    ) -> Result<Option<Pid<P>>, AskError> {
        let names = Pid::<NamesProtocol>::named(NAMES, address);
        let question = WhereIs {
            name: name.to_owned(),
            protocol: P::NAME.to_owned(),
        };
        let incarnation = self.ask(&names, question, timeout).await?;
        Ok(incarnation
            .map(|incarnation| Pid::from_any(AnyPid::new(Arc::from(name), address, incarnation))))
    }

    /// Starts the actor that knows the names, when it is first looked for.
    pub(crate) fn start_names(&self) {
        // If another was quicker, that one does. If the node goes down, nobody is asked any more.
        let _ = self.spawn(NAMES, |_| Names);
    }
}
