//! The readers of lanes: from bytes to mailboxes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use super::credit::Account;
use super::{DATA_LANES, Link, MESSAGE_OVERHEAD, MONITORS, READ, ROUTES, code};
use crate::allow::Gate;
use crate::error::{AskError, ExitReason};
use crate::limits::MAX_NAME;
use crate::node::Watch;
use crate::parcel::{OpenError, Replier};
use crate::pid::{AnyPid, LastWay};
use crate::slot::{Slot, Watcher};
use crate::transport::ReceiveLane;
use crate::wire::frame::{self, Asked, Control, Frame, FrameError, Head, Route};

/// What the peer did against the protocol; its link is closed for it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Breach {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a lane that begins with something else than its index, or too many lanes")]
    Lane,
    #[error("a frame that does not belong on this lane")]
    Misplaced,
    #[error("a route that was never made known, or too many routes")]
    Route,
    #[error("a name that is too long")]
    Name,
    #[error("messages beyond its credit")]
    Credit,
    #[error("too many monitors")]
    Monitors,
    #[error("a link between actors whose number is not new")]
    Bond,
}

/// Starts reading a data lane.
pub(super) fn spawn_data(link: &Arc<Link>, stream: ReceiveLane) {
    let link = link.clone();
    let runtime = link.links.runtime().clone();
    runtime.spawn(async move {
        let partial = BytesMut::new();
        let lane = DataLane::new(link.clone());
        match read(Incoming { stream, partial }, lane).await {
            Ok(()) => link.lane_finished(),
            Err(breach) => link.breached(&breach),
        }
    });
}

/// Starts reading the control lane; `partial` is what came after the hello.
pub(super) fn spawn_control(link: &Arc<Link>, lane: Incoming) {
    let link = link.clone();
    let runtime = link.links.runtime().clone();
    runtime.spawn(async move {
        if let Err(breach) = read(lane, ControlLane(link.clone())).await {
            link.breached(&breach);
        }
    });
}

/// A lane of the peer's, and what was read of it without being a whole frame.
pub(super) struct Incoming {
    pub(super) stream: ReceiveLane,
    pub(super) partial: BytesMut,
}

/// What is done with the frames of a lane.
pub(super) trait Handle {
    fn link(&self) -> &Link;

    fn handle(&mut self, frame: Frame<'_>) -> Result<(), Breach>;
}

/// Hands over every frame until the lane is finished or the connection is over.
async fn read(lane: Incoming, mut handler: impl Handle) -> Result<(), Breach> {
    let Incoming {
        mut stream,
        mut partial,
    } = lane;
    feed(&mut partial, &[], &mut handler)?;
    while let Some(chunk) = stream.read(READ).await {
        handler.link().pulse.heard();
        feed(&mut partial, &chunk, &mut handler)?;
    }
    Ok(())
}

/// Hands over the whole frames in `partial` and `chunk` together, and keeps what is left in `partial`.
pub(super) fn feed(
    partial: &mut BytesMut,
    chunk: &[u8],
    handler: &mut impl Handle,
) -> Result<(), Breach> {
    if partial.is_empty() {
        // The common case: whole frames are read where they lie.
        let read = drain(chunk, handler)?;
        partial.extend_from_slice(&chunk[read..]);
        return Ok(());
    }
    partial.extend_from_slice(chunk);
    let read = drain(partial, handler)?;
    partial.advance(read);
    if partial.is_empty() {
        // An idle lane holds no memory.
        *partial = BytesMut::new();
    }
    Ok(())
}

/// Hands over the whole frames in `bytes`; gives their length.
fn drain(bytes: &[u8], handler: &mut impl Handle) -> Result<usize, Breach> {
    let mut read = 0;
    while let Some((content, length)) = frame::split(&bytes[read..])? {
        handler.handle(frame::parse(content)?)?;
        read += length;
    }
    Ok(read)
}

pub(super) struct ControlLane(pub(super) Arc<Link>);

impl Handle for ControlLane {
    fn link(&self) -> &Link {
        &self.0
    }

    fn handle(&mut self, frame: Frame<'_>) -> Result<(), Breach> {
        match frame {
            Frame::Control(control) => self.0.handle_control(control),
            _ => Err(Breach::Misplaced),
        }
    }
}

pub(super) struct DataLane {
    link: Arc<Link>,
    opened: bool,
    /// By number.
    routes: Vec<Known>,
}

/// A route that the peer made known.
struct Known {
    protocol: String,
    /// Of the protocol, as the sender has it.
    version: u16,
    to: Arc<str>,
    to_incarnation: u64,
    from: Option<AnyPid>,
    asker: Arc<str>,
    /// What the peer may send here.
    gate: Gate,
    /// The actor, as last seen.
    slot: Option<Arc<Slot>>,
    account: Arc<Account>,
}

impl Handle for DataLane {
    fn link(&self) -> &Link {
        &self.link
    }

    fn handle(&mut self, frame: Frame<'_>) -> Result<(), Breach> {
        if !self.opened {
            return match frame {
                Frame::Lane(index) if usize::from(index) < DATA_LANES => {
                    self.opened = true;
                    Ok(())
                }
                _ => Err(Breach::Lane),
            };
        }
        match frame {
            Frame::Tell(head, body) => self.message(head, None, body),
            Frame::Ask(head, asked, body) => self.message(head, Some(asked), body),
            Frame::Answer(ask, body) => {
                self.link.finish_ask(ask, Ok(body));
                Ok(())
            }
            Frame::Refuse(ask, refuse) => {
                self.link.finish_ask(ask, Err(AskError::from(refuse)));
                Ok(())
            }
            Frame::Exited(monitor, reason) => {
                self.link.announce(monitor, reason);
                Ok(())
            }
            Frame::Cancel(ask) => {
                if let Some(cancelled) = self.link.tables().serving.get(&ask) {
                    cancelled.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            Frame::Bind(bind) => self.link.bind(bind),
            Frame::Unbind(number) => {
                self.link.unbind(number);
                Ok(())
            }
            Frame::Route(route) => self.route(route),
            Frame::Forget => {
                self.routes.clear();
                Ok(())
            }
            Frame::Lane(_) | Frame::Control(_) => Err(Breach::Misplaced),
        }
    }
}

impl DataLane {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            opened: false,
            routes: Vec::new(),
        }
    }

    fn route(&mut self, route: Route) -> Result<(), Breach> {
        if self.routes.len() >= ROUTES {
            return Err(Breach::Route);
        }
        let from_length = route.from.as_ref().map_or(0, |(name, _)| name.len());
        let longest = route.to.len().max(from_length).max(route.protocol.len());
        if longest > MAX_NAME {
            return Err(Breach::Name);
        }
        let to: Arc<str> = Arc::from(route.to);
        let from = route.from.map(|(name, incarnation)| {
            let from = AnyPid::new(Arc::from(name), self.link.remote, incarnation);
            // What goes back goes the same way.
            from.remember(LastWay::There(Arc::downgrade(&self.link)));
            from
        });
        self.routes.push(Known {
            asker: match &from {
                Some(pid) => pid.shared_name().clone(),
                None => Arc::from(""),
            },
            account: self.link.account(&to),
            gate: self.link.gate(&route.protocol),
            protocol: route.protocol,
            version: route.version,
            to,
            to_incarnation: route.to_incarnation,
            from,
            slot: None,
        });
        Ok(())
    }

    fn message(&mut self, head: Head, asked: Option<Asked>, body: &[u8]) -> Result<(), Breach> {
        let link = &self.link;
        link.messages_in.fetch_add(1, Ordering::Relaxed);
        let known = self
            .routes
            .get_mut(head.route as usize)
            .ok_or(Breach::Route)?;
        let credit = known
            .account
            .take((body.len() + MESSAGE_OVERHEAD) as u64)
            .ok_or(Breach::Credit)?;
        let reply = match asked {
            None => None,
            Some(asked) => match link.serve(asked.id, &known.to, &known.asker) {
                Some(reply) => Some(reply),
                None => return Ok(()),
            },
        };
        if !known.gate.lets(head.tag) {
            link.count_dropped();
            refuse(reply, AskError::Refused(link.not_allowed(known, head.tag)));
            return Ok(());
        }
        let Some(slot) = known.find(link) else {
            link.count_dropped();
            refuse(reply, AskError::Exited(ExitReason::NoProcess));
            return Ok(());
        };
        if slot.protocol != known.protocol {
            link.count_dropped();
            let why = format!(
                "{} speaks {}, not {}",
                slot.address, slot.protocol, known.protocol
            );
            refuse(reply, AskError::Refused(why));
            return Ok(());
        }
        let mut parcel = match (slot.open)(head.tag, known.version, body, reply) {
            Ok(parcel) => parcel,
            Err(error) => {
                link.count_dropped();
                report(&slot, link, &error);
                return Ok(());
            }
        };
        let deadline = asked
            .map(|asked| Instant::now() + Duration::from_millis(u64::from(asked.milliseconds)));
        *parcel.head() = crate::parcel::Head {
            tag: head.tag,
            trace: head.trace,
            sender: known.from.clone(),
            deadline,
            peer: link.up.get().map(|up| up.peer.clone()),
            credit: Some(credit),
        };
        link.node.deliver(&slot, parcel);
        Ok(())
    }
}

impl Known {
    fn find(&mut self, link: &Link) -> Option<Arc<Slot>> {
        let ended = |slot: &Arc<Slot>| slot.end_reason().is_some();
        if self.slot.as_ref().is_none_or(ended) {
            self.slot = link.node.find_named(&self.to, self.to_incarnation);
        }
        self.slot.clone()
    }
}

fn refuse(reply: Option<Replier>, why: AskError) {
    if let Some(Replier(reply)) = reply {
        reply.answer(Err(why));
    }
}

fn report(slot: &Slot, link: &Link, error: &OpenError) {
    link.links.complaints.say(|more| {
        tracing::warn!(to = %slot.address, from = %link.remote, %error, more, "message refused");
    });
}

impl Link {
    fn gate(&self, protocol: &str) -> Gate {
        let peer = self.up.get().map(|up| &*up.peer);
        self.links.rules.gate(protocol, peer)
    }

    /// Takes note of a message that the peer may not send; gives the words for it.
    fn not_allowed(&self, known: &Known, tag: u32) -> String {
        self.links.count_refused();
        let peer = self.up.get().map(|up| &*up.peer);
        let role = peer.map_or("nobody", |peer| &peer.role);
        let protocol = &known.protocol;
        self.links.complaints.say(|more| {
            let identity = peer.map(ToString::to_string);
            tracing::warn!(
                from = %self.remote, identity, to = %known.to, protocol, tag, more,
                "message refused: the peer's role is not on the allow-list of the protocol"
            );
        });
        format!("role `{role}` may not send message {tag} of `{protocol}`")
    }

    fn announce(&self, monitor: u64, reason: ExitReason) {
        let watcher = self.tables().monitors.remove(&monitor);
        if let Some(watcher) = watcher {
            watcher.announce(reason);
        }
        self.bond_is_over(monitor);
    }

    /// A message of the peer reached nobody.
    fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.node.count_undelivered();
    }

    fn handle_control(self: &Arc<Self>, control: Control) -> Result<(), Breach> {
        match control {
            Control::Hello(_) => return Err(Breach::Misplaced),
            Control::Monitor {
                monitor,
                name,
                incarnation,
                watcher,
            } => return self.watch_for(monitor, &name, incarnation, watcher),
            Control::Demonitor { monitor } => {
                let watch = self.tables().watched.remove(&monitor);
                drop(watch);
            }
            Control::Credit { name, bytes } => {
                let woken = self.outbox().add_credit(&name, bytes);
                for (lane, wake) in woken.into_iter().enumerate() {
                    if wake {
                        self.wake(lane);
                    }
                }
                self.room.notify_waiters();
            }
            Control::Ping { number } => {
                self.pulse.was_pinged();
                self.control(&Control::Pong { number });
            }
            Control::Pong { number } => self.pulse.answered(number),
            Control::Goodbye { lanes } => {
                self.tables().goodbye = Some(lanes);
                self.check_goodbye();
            }
        }
        Ok(())
    }

    /// The peer monitors an actor of this node.
    fn watch_for(
        self: &Arc<Self>,
        monitor: u64,
        name: &str,
        incarnation: u64,
        watcher: String,
    ) -> Result<(), Breach> {
        if name.len() > MAX_NAME || watcher.len() > MAX_NAME {
            return Err(Breach::Name);
        }
        if self.tables().watched.len() >= MONITORS {
            return Err(Breach::Monitors);
        }
        let announce = {
            let (link, name) = (Arc::downgrade(self), name.to_owned());
            move |reason| {
                if let Some(link) = link.upgrade() {
                    let mut frame = BytesMut::new();
                    frame::put_exited(&mut frame, monitor, &frame::bounded(reason));
                    link.send_between(&name, &watcher, frame);
                    let watch = link.tables().watched.remove(&monitor);
                    drop(watch);
                }
            }
        };
        let Some(slot) = self.node.find_named(name, incarnation) else {
            announce(ExitReason::NoProcess);
            return Ok(());
        };
        let late = {
            // Registered under the lock, so that the notice cannot come before there is what it removes.
            let mut tables = self.tables();
            if tables.ended {
                return Ok(());
            }
            match slot.watch(Watcher::Remote(Box::new(announce))) {
                Ok(number) => {
                    tables.watched.insert(monitor, Watch::Here(slot, number));
                    None
                }
                Err(late) => Some((late, slot.end_reason())),
            }
        };
        if let Some((watcher, reason)) = late {
            watcher.announce(reason.unwrap_or(ExitReason::NoProcess));
        }
        Ok(())
    }

    pub(super) fn lane_finished(self: &Arc<Self>) {
        self.finished_lanes.fetch_add(1, Ordering::AcqRel);
        self.check_goodbye();
    }

    /// Everything that the peer had to say before it shut down has arrived: the link is over.
    fn check_goodbye(self: &Arc<Self>) {
        let finished = self.finished_lanes.load(Ordering::Acquire);
        let goodbye = self.tables().goodbye;
        if goodbye.is_some_and(|lanes| finished >= usize::from(lanes)) {
            self.end(ExitReason::NodeDown);
        }
    }

    pub(super) fn breached(self: &Arc<Self>, breach: &Breach) {
        tracing::warn!(peer = %self.remote, %breach, "the peer broke the protocol");
        if let Some(up) = self.up.get() {
            up.carrier
                .close(code::PROTOCOL, breach.to_string().as_bytes());
        }
        self.end(ExitReason::Disconnected);
    }
}
