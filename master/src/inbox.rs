//! The master's side door for messages that never cross a node: the master itself accepts only
//! what its wire contract lists, so a small actor takes these and hands them on.

use std::collections::BTreeSet;

use libprocess::prelude::*;
use tokio::sync::mpsc;

use crate::allocator::Allocated;

protocol! {
    /// What a master accepts from its own allocator and from the one that watches its whitelist.
    pub local InboxProtocol = "mesos.master.inbox" {
        1 => Allocated,
        2 => Whitelist -> (),
    }
}

/// Only agents on these hosts are offered from now on.
#[derive(Clone, Debug)]
pub struct Whitelist(pub BTreeSet<String>);

/// Something for the master.
pub(crate) enum Input {
    Allocated(Allocated),
    Whitelist(BTreeSet<String>),
}

/// Hands messages on to the master.
///
/// The channel has no bound of its own: resources are in at most one allocation that the master
/// has not seen, so there are never more than the cluster has agents and roles; and whitelists
/// come every few seconds.
pub(crate) struct Inbox {
    master: mpsc::UnboundedSender<Input>,
}

impl Inbox {
    pub(crate) fn new(master: mpsc::UnboundedSender<Input>) -> Inbox {
        Inbox { master }
    }

    fn hand_on(&self, input: Input, ctx: &mut Context<Self>) {
        if self.master.send(input).is_err() {
            ctx.stop();
        }
    }
}

impl Actor for Inbox {
    type Context = Context<Self>;
}

impl Process for Inbox {
    type Protocol = InboxProtocol;
}

impl Handler<Allocated> for Inbox {
    type Result = ();

    fn handle(&mut self, allocated: Allocated, ctx: &mut Context<Self>) {
        self.hand_on(Input::Allocated(allocated), ctx);
    }
}

impl Handler<Whitelist> for Inbox {
    type Result = ();

    fn handle(&mut self, Whitelist(hostnames): Whitelist, ctx: &mut Context<Self>) {
        self.hand_on(Input::Whitelist(hostnames), ctx);
    }
}
