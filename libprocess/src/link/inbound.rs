//! What is done with the frames of a lane. Plain functions over bytes: who carries the bytes, and when,
//! is the business of [`reader`](super::reader).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Buf, Bytes, BytesMut};

use super::run::{Run, Source};
use super::{DATA_LANES, Link, MESSAGE_OVERHEAD, ROUTES, RUN};
use crate::allow::Gate;
use crate::error::{AskError, ExitReason};
use crate::limits::MAX_NAME;
use crate::parcel::Answer;
use crate::pid::{AnyPid, LastWay};
use crate::slot::Slot;
use crate::wire::frame::{self, Frame, FrameError, Head, Route, Written};

/// What the peer did against the protocol; its link is closed for it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Breach {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a lane without an index, one that is open already, or too many lanes")]
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

/// What a lane is, by its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneKind {
    /// One of the few that stay.
    Usual,
    /// One for something large, with its number: to be read once its place was met.
    Side(u64),
}

/// The receiving end of a data lane.
pub(super) struct DataLane {
    link: Arc<Link>,
    /// By number.
    routes: Vec<Known>,
}

/// A route that the peer made known.
struct Known {
    protocol: String,
    to: Arc<str>,
    to_incarnation: u64,
    source: Arc<Source>,
    /// What the peer may send here.
    gate: Gate,
    /// The actor, as last seen.
    slot: Option<Arc<Slot>>,
}

/// Messages of one route that follow each other: what lies at the front of the buffer.
#[derive(Default)]
struct Gathered {
    route: u32,
    count: usize,
    bytes: usize,
    /// The credit that they use.
    cost: u64,
}

/// The control lane's frames.
pub(super) fn handle_control(link: &Arc<Link>, buffer: &mut BytesMut) -> Result<(), Breach> {
    while let Some((content, length)) = frame::split(buffer)? {
        let Frame::Control(control) = frame::parse(content)? else {
            return Err(Breach::Misplaced);
        };
        link.handle_control(control)?;
        buffer.advance(length);
    }
    Ok(())
}

impl DataLane {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            routes: Vec::new(),
        }
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Handles the first frame of the lane. None if it is not there yet.
    pub(super) fn open(&mut self, buffer: &mut BytesMut) -> Result<Option<LaneKind>, Breach> {
        let Some((content, length)) = frame::split(buffer)? else {
            return Ok(None);
        };
        let kind = match frame::parse(content)? {
            Frame::Lane(index) if usize::from(index) < DATA_LANES => {
                self.link.lane_opened(index)?;
                LaneKind::Usual
            }
            Frame::Side(number) => {
                self.link.side_opened(number)?;
                LaneKind::Side(number)
            }
            _ => return Err(Breach::Lane),
        };
        buffer.advance(length);
        Ok(Some(kind))
    }

    /// Handles the whole frames in `buffer`, and removes them.
    pub(super) fn handle(&mut self, buffer: &mut BytesMut) -> Result<(), Breach> {
        let mut gathered = Gathered::default();
        while let Some((content, length)) = frame::split(&buffer[gathered.bytes..])? {
            let (head, ask, body) = match frame::parse(content)? {
                Frame::Tell(head, body) => (head, None, body),
                Frame::Ask(head, asked, body) => (head, Some(asked.id), body),
                Frame::Answer(..) | Frame::Refuse(..) if gathered.count == 0 => {
                    self.answers(buffer);
                    continue;
                }
                other if gathered.count == 0 => {
                    self.other(other)?;
                    buffer.advance(length);
                    continue;
                }
                // What was gathered came first.
                _ => {
                    self.deliver(&mut gathered, buffer)?;
                    continue;
                }
            };
            let route = head.route;
            let cost = (body.len() + MESSAGE_OVERHEAD) as u64;
            let full = gathered.bytes + length > RUN;
            if gathered.count > 0 && (gathered.route != route || full) {
                self.deliver(&mut gathered, buffer)?;
                continue;
            }
            let known = self.routes.get(route as usize).ok_or(Breach::Route)?;
            if !known.gate.lets(head.tag) {
                self.deliver(&mut gathered, buffer)?;
                self.turn_away(head, ask, cost)?;
                buffer.advance(length);
                continue;
            }
            if let Some(ask) = ask {
                self.link.serve(ask);
            }
            gathered.route = route;
            gathered.count += 1;
            gathered.bytes += length;
            gathered.cost += cost;
        }
        self.deliver(&mut gathered, buffer)
    }

    /// Takes the gathered messages out of the buffer and into the mailbox.
    fn deliver(&mut self, gathered: &mut Gathered, buffer: &mut BytesMut) -> Result<(), Breach> {
        let Gathered {
            route,
            count,
            bytes,
            cost,
        } = std::mem::take(gathered);
        if count == 0 {
            return Ok(());
        }
        let link = &self.link;
        link.messages_in.fetch_add(count as u64, Ordering::Relaxed);
        let known = &mut self.routes[route as usize];
        let credit = known.source.account.take(cost).ok_or(Breach::Credit)?;
        let frames = take_front(buffer, bytes);
        let mut run = Run::new(known.source.clone(), frames, count, credit);
        let Some(slot) = known.find(link) else {
            link.count_dropped(count);
            run.refuse(&AskError::Exited(ExitReason::NoProcess));
            return Ok(());
        };
        if slot.protocol.name != known.protocol {
            link.count_dropped(count);
            let why = format!(
                "{} speaks {}, not {}",
                slot.address, slot.protocol.name, known.protocol
            );
            run.refuse(&AskError::Refused(why));
            return Ok(());
        }
        link.node.deliver_run(&slot, run);
        Ok(())
    }

    /// Hands over the answers at the front of the buffer. Those who wait for them are looked up at once: many asks are
    /// often answered together, while others are being asked.
    fn answers(&mut self, buffer: &mut BytesMut) {
        let mut bytes = 0;
        let mut answered = Vec::new();
        {
            let mut tables = self.link.tables();
            while let Some((ask, answer, length)) = first_answer(&buffer[bytes..]) {
                bytes += length;
                answered.extend(tables.asks.remove(ask).map(|asking| (asking, answer)));
            }
        }
        for (asking, answer) in answered {
            (asking.done)(answer);
        }
        buffer.advance(bytes);
    }

    /// Ends a message that may not be sent by this peer.
    fn turn_away(&mut self, head: Head, ask: Option<u64>, cost: u64) -> Result<(), Breach> {
        let link = &self.link;
        let known = &self.routes[head.route as usize];
        // It used credit nevertheless, which goes back at once.
        known.source.account.take(cost).ok_or(Breach::Credit)?;
        link.messages_in.fetch_add(1, Ordering::Relaxed);
        link.count_dropped(1);
        let why = link.not_allowed(known, head.tag);
        if let Some(ask) = ask {
            let reply = known.source.replier(ask);
            reply.0.answer(Err(AskError::Refused(why)));
        }
        Ok(())
    }

    fn other(&mut self, frame: Frame<'_>) -> Result<(), Breach> {
        let link = &self.link;
        match frame {
            Frame::Exited(monitor, reason) => link.announce(monitor, reason),
            Frame::Cancel(ask) => {
                link.tables().serving.end(ask);
            }
            Frame::Bind(bind) => link.bind(bind)?,
            Frame::Unbind(number) => link.unbind(number),
            Frame::Place(number) => link.placed(number)?,
            Frame::Route(route) => self.route(route)?,
            Frame::Forget => self.routes.clear(),
            // These are looked at together with those that follow them.
            Frame::Tell(..)
            | Frame::Ask(..)
            | Frame::Answer(..)
            | Frame::Refuse(..)
            | Frame::Lane(_)
            | Frame::Side(_)
            | Frame::Control(_) => return Err(Breach::Misplaced),
        }
        Ok(())
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
        if self.routes.is_empty() {
            // Most lanes of a quiet link know one pair.
            self.routes.reserve_exact(1);
        }
        self.routes.push(Known {
            gate: self.link.gate(&route.protocol),
            source: Source::new(&self.link, to.clone(), from, route.version),
            protocol: route.protocol,
            to,
            to_incarnation: route.to_incarnation,
            slot: None,
        });
        Ok(())
    }
}

type WrittenAnswer<'a> = Answer<Written<&'a [u8]>>;

/// The ask that the first frame answers, the answer, and the length of the frame; None if it is another.
fn first_answer(bytes: &[u8]) -> Option<(u64, WrittenAnswer<'_>, usize)> {
    let (content, length) = frame::split(bytes).ok()??;
    match frame::parse(content).ok()? {
        Frame::Answer(ask, answer) => Some((ask, Ok(answer), length)),
        Frame::Refuse(ask, refuse) => Some((ask, Err(AskError::from(refuse)), length)),
        _ => None,
    }
}

/// The first `length` bytes. Copied if they are a small part of the buffer: they may wait for long, and
/// must not hold more memory than is accounted for.
fn take_front(buffer: &mut BytesMut, length: usize) -> Bytes {
    if length >= buffer.capacity() / 2 {
        return buffer.split_to(length).freeze();
    }
    let front = Bytes::copy_from_slice(&buffer[..length]);
    buffer.advance(length);
    front
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
