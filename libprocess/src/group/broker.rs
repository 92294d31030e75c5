//! The actor that keeps the groups of a node and agrees with those of other nodes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use actix::{Actor, AsyncContext, Handler, Message};
use rand::Rng;

use super::BROKER;
use super::MEMBERS;
use super::handle::lock;
use super::messages::{Change, Entry, GroupChange, GroupEvent, GroupsProtocol, Resync, Sync, Wake};
use super::peers::Peers;
use super::roster::{Place, Roster};
use crate::actor::Context;
use crate::error::{ExitReason, Exited};
use crate::limits::MAX_NAME;
use crate::pid::{AnyPid, Pid};
use crate::protocol::{Accepts, Process};

pub(super) struct Broker {
    roster: Arc<Mutex<Roster>>,
    seeds: Vec<SocketAddr>,
    peers: Peers,
    /// The number of changes on this node so far.
    version: u64,
}

impl Broker {
    pub(super) fn new(roster: Arc<Mutex<Roster>>, seeds: Vec<SocketAddr>) -> Self {
        Self {
            roster,
            seeds,
            peers: Peers::default(),
            version: 0,
        }
    }

    /// Begins to watch a peer and tells it everything; if `answer`, it is to do the same.
    fn connect(&mut self, address: SocketAddr, answer: bool, ctx: &mut Context<Self>) {
        let Some(peer) = self.peers.get_mut(address) else {
            return;
        };
        if std::mem::replace(&mut peer.up, true) {
            return;
        }
        let broker = broker(address);
        // Before the message: if that breaks the link, this hears of it.
        ctx.monitor(&broker);
        ctx.tell(&broker, self.everything(answer));
    }

    fn everything(&self, answer: bool) -> Sync {
        let roster = lock(&self.roster);
        Sync {
            version: self.version,
            members: roster
                .announced()
                .map(|(place, protocol)| entry(place, protocol))
                .collect(),
            peers: self.peers.up().collect(),
            answer,
        }
    }

    /// Tries to reach a node, unless it is known, or this one.
    fn meet(&mut self, address: SocketAddr, seed: bool, ctx: &mut Context<Self>) {
        if address == ctx.me_any().address() || self.peers.knows(address) {
            return;
        }
        if self.peers.meet(address, seed).is_some() {
            self.connect(address, true, ctx);
        }
    }

    /// The peer that a message came from: another broker, known from now on.
    fn peer_of(&mut self, ctx: &Context<Self>) -> Option<SocketAddr> {
        let sender = ctx.sender()?;
        let address = sender.address();
        let stranger = sender.name() != BROKER || sender == ctx.me_any();
        (!stranger && self.peers.meet(address, false).is_some()).then_some(address)
    }

    fn tell_peers<M>(&self, message: &M, ctx: &Context<Self>)
    where
        GroupsProtocol: Accepts<M>,
        M: Message + Clone + Send + 'static,
        M::Result: Send,
    {
        for address in self.peers.up() {
            ctx.tell(&broker(address), message.clone());
        }
    }

    /// Tells those who want to know.
    fn tell_event(&self, (group, member): &Place, change: GroupChange, ctx: &Context<Self>) {
        let subscriptions = {
            let roster = lock(&self.roster);
            let concerned = roster.subscriptions.iter();
            let concerned = concerned.filter(|wants| wants.begun && wants.group == *group);
            concerned.cloned().collect::<Vec<_>>()
        };
        for subscription in subscriptions {
            let event = GroupEvent {
                group: group.to_string(),
                member: member.clone(),
                change,
            };
            (subscription.tell)(&ctx.node(), event);
        }
    }

    /// A peer's members have changed, to those of `now`.
    fn replace(&mut self, address: SocketAddr, now: Vec<Entry>, ctx: &Context<Self>) {
        let Some(peer) = self.peers.get_mut(address) else {
            return;
        };
        let now: Vec<_> = now
            .into_iter()
            .filter(Entry::is_bounded)
            // What an honest node may have.
            .take(MEMBERS)
            .map(|entry| (entry.place(address), entry.protocol))
            .collect();
        let there = now.iter().map(|(place, _)| place.clone()).collect();
        let before = std::mem::replace(&mut peer.members, there);
        let left: Vec<_> = before.difference(&peer.members).cloned().collect();
        let mut joined = Vec::new();
        {
            let mut roster = lock(&self.roster);
            for place in &left {
                roster.remove(place);
            }
            for (place, protocol) in now {
                if roster.insert(&place, &protocol) {
                    joined.push(place);
                }
            }
        }
        for place in &left {
            self.tell_event(place, GroupChange::Left, ctx);
        }
        for place in &joined {
            self.tell_event(place, GroupChange::Joined, ctx);
        }
    }

    /// A peer is gone, or the way to it.
    fn lose(&mut self, address: SocketAddr, ctx: &mut Context<Self>) {
        self.replace(address, Vec::new(), ctx);
        let Some(peer) = self.peers.get_mut(address) else {
            return;
        };
        match peer.lose(ctx.random().random()) {
            Some(wait) => {
                ctx.run_later(wait, move |broker, ctx| broker.connect(address, true, ctx));
            }
            None => self.peers.forget(address),
        }
    }

    /// An actor that was a member here, or listens, is gone, or a message to it was dropped.
    fn miss(&mut self, pid: &AnyPid, reason: &ExitReason, ctx: &mut Context<Self>) {
        let mut roster = lock(&self.roster);
        let lives = *reason == ExitReason::Overloaded && pid.address() == ctx.me_any().address();
        if !lives {
            roster.leave_all(pid);
        }
        let before = roster.subscriptions.len();
        roster.subscriptions.retain(|wants| wants.pid != *pid);
        if roster.subscriptions.len() < before && lives {
            tracing::warn!(subscriber = %pid, "does not keep up with the events of groups: not told any more");
        }
        let member = roster.is_announced(pid);
        drop(roster);
        if lives && member {
            ctx.monitor(pid);
        }
        self.catch_up(ctx);
    }

    /// Tells what has changed on this node since the last time.
    fn catch_up(&mut self, ctx: &mut Context<Self>) {
        loop {
            let (place, joined, protocol) = {
                let mut roster = lock(&self.roster);
                let Some((place, joined)) = roster.next_change() else {
                    break;
                };
                let protocol = roster.protocol(&place).map(ToString::to_string);
                (place, joined, protocol.unwrap_or_default())
            };
            if joined {
                ctx.monitor(&place.1);
            } else {
                self.demonitor(&place.1, ctx);
            }
            self.version += 1;
            let change = Change {
                version: self.version,
                entry: entry(&place, &protocol),
                joined,
            };
            self.tell_peers(&change, ctx);
            let event = match joined {
                true => GroupChange::Joined,
                false => GroupChange::Left,
            };
            self.tell_event(&place, event, ctx);
        }
        self.begin_subscriptions(ctx);
    }

    fn demonitor(&self, pid: &AnyPid, ctx: &mut Context<Self>) {
        let roster = lock(&self.roster);
        let listens = roster.subscriptions.iter().any(|wants| wants.pid == *pid);
        if !listens && !roster.is_announced(pid) {
            ctx.demonitor(pid);
        }
    }

    /// New subscribers hear who is there.
    fn begin_subscriptions(&mut self, ctx: &mut Context<Self>) {
        let mut begun = Vec::new();
        {
            let mut roster = lock(&self.roster);
            let mut subscriptions = std::mem::take(&mut roster.subscriptions);
            for wants in subscriptions.iter_mut().filter(|wants| !wants.begun) {
                wants.begun = true;
                let there = roster.told_members(&wants.group);
                begun.push((wants.clone(), there));
            }
            roster.subscriptions = subscriptions;
        }
        for (wants, there) in begun {
            ctx.monitor(&wants.pid);
            for member in there {
                let event = GroupEvent {
                    group: wants.group.to_string(),
                    member,
                    change: GroupChange::Joined,
                };
                (wants.tell)(&ctx.node(), event);
            }
        }
    }
}

impl Actor for Broker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        // What an earlier life of the broker knew of others, nobody keeps up to date any more.
        lock(&self.roster).begin_anew();
        self.catch_up(ctx);
        for address in std::mem::take(&mut self.seeds) {
            self.meet(address, true, ctx);
        }
    }
}

impl Process for Broker {
    type Protocol = GroupsProtocol;
}

impl Handler<Wake> for Broker {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Context<Self>) {
        self.catch_up(ctx);
    }
}

impl Handler<Sync> for Broker {
    type Result = ();

    fn handle(&mut self, sync: Sync, ctx: &mut Context<Self>) {
        let Some(address) = self.peer_of(ctx) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(address) else {
            return;
        };
        peer.hear(sync.version);
        let known = peer.up;
        self.replace(address, sync.members, ctx);
        if !known {
            self.connect(address, false, ctx);
        } else if sync.answer {
            ctx.tell(&broker(address), self.everything(false));
        }
        for address in sync.peers {
            self.meet(address, false, ctx);
        }
    }
}

impl Handler<Change> for Broker {
    type Result = ();

    fn handle(&mut self, change: Change, ctx: &mut Context<Self>) {
        let Some(address) = self.peer_of(ctx) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(address) else {
            return;
        };
        let next = peer.version.map(|version| version + 1);
        let fits = peer.members.len() < MEMBERS || !change.joined;
        if next != Some(change.version) || !change.entry.is_bounded() || !fits {
            // Something was missed. While it is not up, the retry asks for everything.
            if peer.up {
                ctx.tell(&broker(address), Resync);
            }
            return;
        }
        peer.version = next;
        let place = change.entry.place(address);
        let event = match change.joined {
            true => {
                peer.members.insert(place.clone());
                let new = lock(&self.roster).insert(&place, &change.entry.protocol);
                new.then_some(GroupChange::Joined)
            }
            false => {
                peer.members.remove(&place);
                let gone = lock(&self.roster).remove(&place);
                gone.then_some(GroupChange::Left)
            }
        };
        if let Some(event) = event {
            self.tell_event(&place, event, ctx);
        }
    }
}

impl Handler<Resync> for Broker {
    type Result = ();

    fn handle(&mut self, _: Resync, ctx: &mut Context<Self>) {
        if let Some(address) = self.peer_of(ctx) {
            ctx.tell(&broker(address), self.everything(false));
        }
    }
}

impl Handler<Exited> for Broker {
    type Result = ();

    fn handle(&mut self, Exited { pid, reason }: Exited, ctx: &mut Context<Self>) {
        match pid.name() == BROKER && self.peers.knows(pid.address()) {
            true => self.lose(pid.address(), ctx),
            false => self.miss(&pid, &reason, ctx),
        }
    }
}

impl Entry {
    /// Whether it could have been made by an honest node.
    fn is_bounded(&self) -> bool {
        let names = [&self.group, &self.name, &self.protocol];
        names.iter().all(|name| name.len() <= MAX_NAME)
    }

    fn place(&self, address: SocketAddr) -> Place {
        let name = Arc::from(self.name.as_str());
        let member = AnyPid::new(name, address, self.incarnation);
        (Arc::from(self.group.as_str()), member)
    }
}

fn entry((group, member): &Place, protocol: &str) -> Entry {
    Entry {
        group: group.to_string(),
        name: member.name().to_owned(),
        incarnation: member.incarnation(),
        protocol: protocol.to_owned(),
    }
}

fn broker(address: SocketAddr) -> Pid<GroupsProtocol> {
    Pid::named(BROKER, address)
}
