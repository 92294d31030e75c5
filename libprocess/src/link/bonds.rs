//! Bonds between actors of two nodes: what authors know as links.
//!
//! A bond has one number, chosen by the node that makes it, and two halves, each a watcher here and a notice
//! owed to the other side:
//!
//! ```text
//!   a, which links to b                                    b's node
//!   monitors[n]      hears of b  ◄──────── Exited n ────────  watched[n]
//!   watched[n | S]   ─────────── Exited n | S ───────────►  monitors[n | S]  hears of a
//! ```
//!
//! The bit `S` marks a number that was chosen by the node which sends the notice; those of monitors are
//! chosen by the one that receives it. All frames about a bond go among the messages between the two actors.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;

use super::inbound::Breach;
use super::{Link, MONITORS};
use crate::error::ExitReason;
use crate::limits::MAX_NAME;
use crate::mailbox::Delivery;
use crate::node::{Bond, Bonding, Other, Watch, watcher};
use crate::pid::AnyPid;
use crate::slot::{Slot, Watcher};
use crate::wire::frame::{self, Bind};

/// The bit `S`.
const SENDERS: u64 = 1 << 63;

impl Link {
    /// Binds `slot` to an actor of the other node. It will hear of the end of that, or of the link's, under
    /// `number`.
    pub(crate) fn bond(self: &Arc<Self>, slot: &Arc<Slot>, number: u64, pid: &AnyPid) -> Bond {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (from, to) = (slot.pid(), pid.clone());
        let half = Bond {
            with: pid.clone(),
            _watch: Watch::Bond(self.clone(), id),
            other: Other::There(self.clone(), id),
        };
        if let Err(watcher) = self.await_end(id, watcher(slot, number, pid.clone())) {
            let reason = self.outbox().ended().unwrap_or(ExitReason::Overloaded);
            watcher.announce(reason);
            return half;
        }
        // Before the end of this one can be told.
        let bind = Bind {
            id,
            from: (from.name().to_owned(), from.incarnation()),
            to: (to.name().to_owned(), to.incarnation()),
        };
        self.send_about(from.name(), to.name(), |out| frame::put_bind(out, &bind));
        self.owe_end(slot, id | SENDERS, pid.name());
        half
    }

    /// Ends a bond on both sides, by the number under which the own half hears of the other's end.
    pub(crate) fn dissolve(self: &Arc<Self>, number: u64) {
        let (heard, owed) = self.forget_bond(number);
        if let (Some(Watcher::OfEnd { watcher, pid, .. }), _) = (&heard, &owed) {
            self.send_about(&watcher.address.name, pid.name(), |out| {
                frame::put_unbind(out, number ^ SENDERS);
            });
        }
    }

    /// The own half of a bond is gone with its actor; the notice of that is still owed.
    pub(crate) fn unbound(&self, number: u64) {
        let heard = self.tables().monitors.remove(&number);
        drop(heard);
    }

    /// The peer links one of its actors to one of this node's.
    pub(super) fn bind(self: &Arc<Self>, bind: Bind) -> Result<(), Breach> {
        let Bind { id, from, to } = bind;
        if from.0.len() > MAX_NAME || to.0.len() > MAX_NAME {
            return Err(Breach::Name);
        }
        {
            let tables = self.tables();
            if tables.watched.len() >= MONITORS {
                return Err(Breach::Monitors);
            }
            if id & SENDERS != 0 || tables.monitors.contains_key(&(id | SENDERS)) {
                return Err(Breach::Bond);
            }
        }
        let refuse = |reason| {
            self.send_about(&to.0, &from.0, |out| frame::put_exited(out, id, &reason));
            Ok(())
        };
        if let Some(why) = self.may_not_link(&to.0) {
            return refuse(ExitReason::Failed(why));
        }
        let Some(slot) = self.node.find_named(&to.0, to.1) else {
            return refuse(ExitReason::NoProcess);
        };
        let with = AnyPid::new(Arc::from(from.0.as_str()), self.remote, from.1);
        let (number, heard) = (slot.next_bond(), id | SENDERS);
        if let Err(watcher) = self.await_end(heard, watcher(&slot, number, with.clone())) {
            // The link has ended, or is as full of monitors as it may be.
            drop(watcher);
            return Ok(());
        }
        let half = Bond {
            with,
            _watch: Watch::Bond(self.clone(), heard),
            other: Other::There(self.clone(), heard),
        };
        let made = Bonding::Made(number, half);
        slot.mailbox.put(Delivery::Bond(Box::new(made)));
        self.owe_end(&slot, id, &from.0);
        Ok(())
    }

    /// The words for a peer that may not link to actors of this node: it could end them.
    fn may_not_link(&self, to: &str) -> Option<String> {
        let peer = self.up.get().map(|up| &*up.peer);
        let role = peer.map_or("nobody", |peer| &peer.role);
        if self.links.rules.lets_link(role) {
            return None;
        }
        self.links.count_refused();
        self.links.complaints.say(|more| {
            let identity = peer.map(ToString::to_string);
            tracing::warn!(
                from = %self.remote, identity, to, more,
                "link refused: the peer's role is none of those that may link (`NodeBuilder::allow_links`)"
            );
        });
        Some(format!("role `{role}` may not link to actors of this node"))
    }

    /// The peer's half of a bond is dissolved; so is ours.
    pub(super) fn unbind(&self, number: u64) {
        if let (
            Some(Watcher::OfEnd {
                watcher, monitor, ..
            }),
            _,
        ) = self.forget_bond(number)
        {
            let over = Bonding::Over(monitor);
            watcher.mailbox.put(Delivery::Bond(Box::new(over)));
        }
    }

    /// What a notice about a bond leaves behind: the other half's.
    pub(super) fn bond_is_over(&self, heard: u64) {
        let owed = self.tables().watched.remove(&(heard ^ SENDERS));
        drop(owed);
    }

    fn await_end(&self, number: u64, watcher: Watcher) -> Result<(), Watcher> {
        let mut tables = self.tables();
        if tables.ended || tables.monitors.len() >= MONITORS {
            return Err(watcher);
        }
        tables.monitors.insert(number, watcher);
        Ok(())
    }

    /// Tells the peer, under `number`, when `slot` ends.
    fn owe_end(self: &Arc<Self>, slot: &Arc<Slot>, number: u64, to: &str) {
        let announce = {
            let (link, from, to) = (
                Arc::downgrade(self),
                slot.address.name.clone(),
                to.to_owned(),
            );
            move |reason| {
                if let Some(link) = link.upgrade() {
                    let reason = frame::bounded(reason);
                    link.send_about(&from, &to, |out| frame::put_exited(out, number, &reason));
                    let owed = link.tables().watched.remove(&number);
                    drop(owed);
                }
            }
        };
        let late = {
            // Registered under the lock, so that the notice cannot come before there is what it removes.
            let mut tables = self.tables();
            if tables.ended {
                return;
            }
            match slot.watch(Watcher::Remote(Box::new(announce))) {
                Ok(watch) => {
                    tables
                        .watched
                        .insert(number, Watch::Here(slot.clone(), watch));
                    None
                }
                Err(late) => Some(late),
            }
        };
        if let Some(late) = late {
            late.announce(slot.end_reason().unwrap_or(ExitReason::NoProcess));
        }
    }

    /// Nothing happens if the number is that of something else: the peer may say anything.
    fn forget_bond(&self, number: u64) -> (Option<Watcher>, Option<Watch>) {
        let mut tables = self.tables();
        match tables.monitors.get(&number) {
            Some(Watcher::OfEnd { .. }) => {
                let heard = tables.monitors.remove(&number);
                (heard, tables.watched.remove(&(number ^ SENDERS)))
            }
            _ => (None, None),
        }
    }

    /// Sends a frame in its place among the messages from one actor to another.
    fn send_about(self: &Arc<Self>, from: &str, to: &str, write: impl FnOnce(&mut BytesMut)) {
        let mut out = BytesMut::new();
        write(&mut out);
        self.send_between(from, to, out);
    }
}
