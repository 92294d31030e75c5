//! The tasks that read lanes, and what is done with control frames.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use super::inbound::{Breach, DataLane, LaneKind, handle_control};
use super::liveness::Watchdog;
use super::outbox::Pair;
use super::{Link, MONITORS, READ, SIDES, code};
use crate::error::ExitReason;
use crate::limits::MAX_NAME;
use crate::node::Watch;
use crate::slot::Watcher;
use crate::transport::{Connection, ReceiveLane};
use crate::wire::frame::{self, Control};

/// Starts reading a data lane.
pub(super) fn spawn_data(link: &Arc<Link>, stream: ReceiveLane) {
    let mut reading = Reading {
        lane: DataLane::new(link.clone()),
        kind: None,
        place: None,
        incoming: Incoming {
            stream,
            buffer: BytesMut::new(),
        },
    };
    // Not an async function: there is such a task for every lane of every idle link.
    let reading = poll_fn(move |cx| {
        let read = ready!(reading.poll(cx));
        if let Err(breach) = read {
            reading.lane.link().breached(&breach);
        }
        Poll::Ready(())
    });
    link.links.runtime().spawn(reading);
}

/// A lane of the peer's, and what was read of it without being a whole frame.
pub(super) struct Incoming {
    pub(super) stream: ReceiveLane,
    pub(super) buffer: BytesMut,
}

impl Incoming {
    /// Reads what is there, and waits for it if there is nothing. False if nothing will follow.
    pub(super) async fn read(&mut self) -> bool {
        poll_fn(|cx| self.poll_read(cx)).await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.buffer.is_empty() {
            // An idle lane holds no memory.
            self.buffer = BytesMut::new();
        }
        self.stream.poll_read_into(cx, &mut self.buffer, READ)
    }

    /// Reads control frames until the lane, or the connection, is at its end.
    fn poll_control(&mut self, link: &Arc<Link>, cx: &mut Context<'_>) -> Poll<Result<(), Breach>> {
        loop {
            handle_control(link, &mut self.buffer)?;
            match ready!(self.poll_read(cx)) {
                true => link.pulse.heard(),
                false => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// A data lane being read.
struct Reading {
    lane: DataLane,
    /// Known once its first frame came.
    kind: Option<LaneKind>,
    /// What has to be handled before anything of it.
    place: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    incoming: Incoming,
}

impl Reading {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Breach>> {
        loop {
            if let Some(place) = &mut self.place {
                ready!(place.as_mut().poll(cx));
                self.place = None;
            }
            let buffer = &mut self.incoming.buffer;
            if self.kind.is_some() {
                self.lane.handle(buffer)?;
            } else if let Some(kind) = self.lane.open(buffer)? {
                self.kind = Some(kind);
                if let LaneKind::Side(number) = kind {
                    let link = self.lane.link().clone();
                    self.place = Some(Box::pin(async move { link.place_of(number).await }));
                }
                continue;
            }
            let link = self.lane.link();
            match ready!(self.incoming.poll_read(cx)) {
                true => link.pulse.heard(),
                false => break,
            }
        }
        let link = self.lane.link();
        match self.kind {
            Some(LaneKind::Usual) => link.lane_finished(),
            Some(LaneKind::Side(number)) => link.side_finished(number),
            None => {}
        }
        Poll::Ready(Ok(()))
    }
}

/// What an idle link waits for: control frames, lanes of the peer, and the time to look after its life.
pub(super) struct Attendance {
    link: Arc<Link>,
    connection: Connection,
    watchdog: Watchdog,
    /// None once it is at its end.
    control: Option<Incoming>,
}

impl Attendance {
    /// Begins to wait; `control` holds what came after the hello.
    pub(super) fn spawn(link: &Arc<Link>, connection: Connection, control: Incoming) {
        let mut attendance = Self {
            link: link.clone(),
            connection,
            watchdog: Watchdog::new(link.clone()),
            control: Some(control),
        };
        let attending = poll_fn(move |cx| attendance.poll(cx));
        link.links.runtime().spawn(attending);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_control(cx);
        loop {
            match self.connection.poll_accept_uni(cx) {
                Poll::Ready(Ok(stream)) => spawn_data(&self.link, stream),
                Poll::Ready(Err(reason)) => {
                    // What the peer said before the end is heard.
                    self.poll_control(cx);
                    self.link.connection_is_over(&reason);
                    return Poll::Ready(());
                }
                Poll::Pending => break,
            }
        }
        while self.watchdog.poll_look(cx).is_ready() {}
        Poll::Pending
    }

    fn poll_control(&mut self, cx: &mut Context<'_>) {
        if let Some(control) = &mut self.control
            && let Poll::Ready(read) = control.poll_control(&self.link, cx)
        {
            self.control = None;
            if let Err(breach) = read {
                self.link.breached(&breach);
            }
        }
    }
}

/// About the length of an exit notice.
const EXITED: usize = 64;

impl Link {
    /// Messages of the peer reached nobody.
    pub(crate) fn count_dropped(&self, count: usize) {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
        self.node.count_undelivered(count);
    }

    pub(super) fn announce(&self, monitor: u64, reason: ExitReason) {
        let watcher = self.tables().monitors.remove(&monitor);
        if let Some(watcher) = watcher {
            watcher.announce(reason);
        }
        self.bond_is_over(monitor);
    }

    pub(super) fn handle_control(self: &Arc<Self>, control: Control) -> Result<(), Breach> {
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
                let wake = self.outbox().add_credit(&name, bytes);
                self.wake(wake);
                self.room.notify_waiters();
            }
            Control::Ping { number } => self.pong(number),
            Control::Pong { number, every } => self.pulse.answered(number, every),
            Control::Arrived { side } => {
                let wake = self.outbox().side_arrived(side);
                self.wake(wake);
            }
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
            let link = Arc::downgrade(self);
            let pair = Pair::new(Arc::from(name), Arc::from(watcher));
            move |reason| {
                if let Some(link) = link.upgrade() {
                    let reason = frame::bounded(reason);
                    let added = link.outbox().add_frame(&pair, EXITED, |out| {
                        frame::put_exited(out, monitor, &reason);
                    });
                    // If the link has ended, the peer learns the same from that.
                    let _ = link.follow_up(added);
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

    /// The peer opened its usual lane of this index.
    pub(super) fn lane_opened(&self, index: u8) -> Result<(), Breach> {
        let lane = 1 << index;
        match self.opened_lanes.fetch_or(lane, Ordering::AcqRel) & lane {
            0 => Ok(()),
            _ => Err(Breach::Lane),
        }
    }

    /// The peer opened the side lane with this number.
    pub(super) fn side_opened(&self, number: u64) -> Result<(), Breach> {
        match self.tables().sides.insert(number) {
            true => Ok(()),
            false => Err(Breach::Lane),
        }
    }

    /// The lane of many pairs has come to the place of the side lane with this number.
    pub(super) fn placed(&self, number: u64) -> Result<(), Breach> {
        {
            let places = &mut self.tables().places;
            if places.len() >= SIDES || !places.insert(number) {
                return Err(Breach::Lane);
            }
        }
        self.changed.notify_waiters();
        Ok(())
    }

    /// Waits until everything that was sent before what is on the side lane was handled.
    async fn place_of(&self, number: u64) {
        self.until(|link| {
            let tables = link.tables();
            tables.ended || tables.places.contains(&number)
        })
        .await;
    }

    fn side_finished(self: &Arc<Self>, number: u64) {
        {
            let mut tables = self.tables();
            tables.places.remove(&number);
            tables.sides.remove(&number);
        }
        self.control(&Control::Arrived { side: number });
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
