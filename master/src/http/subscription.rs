//! The stream of one subscribed framework: an actor that writes its events into a response.
//!
//! ```text
//!   master ──Event──▶ Subscription ──record──▶ queue (bounded) ──chunk──▶ actix ──▶ socket
//!      ▲                   │                                                         │
//!      └──── Exited ───────┴─◀── the queue overflows, or the client has gone ◀───────┘
//! ```
//!
//! The queue overflows by events, by bytes, and by heartbeats of which none was read: also where little happens a
//! client that stands still is disconnected, and its framework's failover timeout begins.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::Stream;
use libprocess::prelude::*;
use mesos::protocols::master::SchedulerCall;
use mesos::protocols::scheduler::{Event, Unsubscribed};
use mesos::protocols::{MasterProtocol, RejectionKind, SchedulerProtocol};
use mesos::recordio;
use mesos::v1::scheduler;
use mesos::wire::{self, ContentType};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use uuid::Uuid;

use super::connection::Connection;
use super::scheduler::{CALL_TIMEOUT, STREAM_ID};
use super::server::Site;
use super::status;

/// Events that may wait for a slow reader: those of a busy cluster for a minute.
const MAX_QUEUED_EVENTS: usize = 16_384;

/// Bytes that may wait for a slow reader. A single larger event passes if nothing else waits.
const MAX_QUEUED_BYTES: usize = 32 << 20;

/// Heartbeats that may be queued while nothing is read: a minute of them, as often as Mesos sends them. Nobody knows
/// whether such a client is still there.
const MAX_UNREAD_HEARTBEATS: u32 = 4;

/// How long a client may take to read what was queued when its subscription ended.
pub(super) const LINGER: Duration = Duration::from_secs(10);

/// Serves a SUBSCRIBE call.
pub(super) async fn serve(
    request: &HttpRequest,
    mut call: SchedulerCall,
    content_type: ContentType,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    let (queue, events) = queue();
    let number = site.subscriptions.fetch_add(1, Ordering::Relaxed);
    let master = site.master.clone();
    let subscriber = site
        .node
        .process(format!("scheduler-stream({number})"))
        .mailbox(MAX_QUEUED_EVENTS)
        .spawn(move |_| Subscription {
            master,
            content_type,
            queue,
        })
        .map_err(|error| status::unanswered(&AskError::Refused(error.to_string())))?;
    call.from = Some(subscriber.clone());
    match site.node.ask(&site.master, call, CALL_TIMEOUT).await {
        Ok(Ok(accepted)) => {
            let stream_id = accepted
                .subscription
                .map_or_else(String::new, |subscription| subscription.stream_id);
            if let Some(connection) = Connection::of(request) {
                let node = site.node.clone();
                actix_web::rt::spawn(watch(node, subscriber, connection, events.state.clone()));
            }
            Ok(stream(content_type, &stream_id, events))
        }
        Ok(Err(rejection)) => {
            site.node.stop(&subscriber);
            if rejection.kind == RejectionKind::SubscriptionRefused {
                return Ok(refusal(content_type, rejection.message));
            }
            Err(status::rejected(request, &rejection))
        }
        Err(error) => {
            site.node.stop(&subscriber);
            Err(status::unanswered(&error))
        }
    }
}

fn stream(content_type: ContentType, stream_id: &str, events: Events) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content_type.as_str()))
        .insert_header((STREAM_ID, stream_id))
        .streaming(events)
}

/// A stream of one ERROR event.
fn refusal(content_type: ContentType, message: String) -> HttpResponse {
    let error = scheduler::Event {
        r#type: Some(scheduler::event::Type::Error as i32),
        error: Some(scheduler::event::Error { message }),
        ..Default::default()
    };
    let (mut queue, events) = queue();
    let _ = queue.push(recordio::encode(&wire::encode(content_type, &error)), false);
    stream(content_type, &Uuid::new_v4().to_string(), events)
}

/// Ends the actor when the client goes, and the connection when the actor ended but the client
/// does not read what is left.
async fn watch(
    node: Node,
    subscriber: Pid<SchedulerProtocol>,
    connection: Connection,
    state: Arc<QueueState>,
) {
    tokio::select! {
        () = connection.closed_by_client() => node.stop(&subscriber),
        _ = node.monitor(&subscriber) => {}
    }
    let failed = state.failed.load(Ordering::Acquire);
    if failed || timeout(LINGER, state.over.notified()).await.is_err() {
        connection.cut();
    }
}

/// See the module's documentation.
struct Subscription {
    master: Pid<MasterProtocol>,
    content_type: ContentType,
    queue: Queue,
}

impl Actor for Subscription {
    type Context = Context<Self>;

    /// Ends with the response, and with the master.
    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.monitor(&self.master);
        let records = self.queue.records.clone();
        let closed = async move { records.closed().await };
        ctx.spawn(closed.into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

impl Process for Subscription {
    type Protocol = SchedulerProtocol;
}

impl Handler<Exited> for Subscription {
    type Result = ();

    /// Another master leads, and knows nothing of this subscription.
    fn handle(&mut self, _: Exited, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<Event> for Subscription {
    type Result = ();

    fn handle(&mut self, Event(event): Event, ctx: &mut Context<Self>) {
        let record = recordio::encode(&wire::encode(self.content_type, &event.0));
        let is_heartbeat = event.0.r#type() == scheduler::event::Type::Heartbeat;
        if let Err(Overflow) = self.queue.push(record, is_heartbeat) {
            tracing::warn!(
                "the scheduler behind {} does not read its events; it is disconnected",
                ctx.me()
            );
            self.queue.fail();
            ctx.stop();
        }
    }
}

impl Handler<Unsubscribed> for Subscription {
    type Result = ();

    fn handle(&mut self, _: Unsubscribed, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

/// The writing end of a response's body.
struct Queue {
    records: mpsc::Sender<Bytes>,
    state: Arc<QueueState>,
    /// How many records had been taken when it was last looked.
    taken: usize,
    /// Heartbeats since that was another number.
    unread_heartbeats: u32,
}

#[derive(Default)]
struct QueueState {
    bytes: AtomicUsize,
    /// Records that were taken so far.
    taken: AtomicUsize,
    /// Something was dropped.
    failed: AtomicBool,
    /// Told when the response is over.
    over: Notify,
}

/// The reading end: one record, one chunk.
struct Events {
    records: mpsc::Receiver<Bytes>,
    state: Arc<QueueState>,
}

struct Overflow;

fn queue() -> (Queue, Events) {
    let (sender, receiver) = mpsc::channel(MAX_QUEUED_EVENTS);
    let state = Arc::new(QueueState::default());
    let queue = Queue {
        records: sender,
        state: state.clone(),
        taken: 0,
        unread_heartbeats: 0,
    };
    let events = Events {
        records: receiver,
        state,
    };
    (queue, events)
}

impl Queue {
    fn push(&mut self, record: Bytes, is_heartbeat: bool) -> Result<(), Overflow> {
        let taken = self.state.taken.load(Ordering::Acquire);
        if std::mem::replace(&mut self.taken, taken) != taken {
            self.unread_heartbeats = 0;
        }
        if is_heartbeat {
            self.unread_heartbeats += 1;
        }
        if self.unread_heartbeats > MAX_UNREAD_HEARTBEATS {
            return Err(Overflow);
        }
        let length = record.len();
        let waiting = self.state.bytes.fetch_add(length, Ordering::AcqRel);
        if waiting > 0 && waiting + length > MAX_QUEUED_BYTES {
            return Err(Overflow);
        }
        match self.records.try_send(record) {
            // The end of the response is noticed elsewhere.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Overflow),
        }
    }

    /// The stream is not to end as if it were complete.
    fn fail(&self) {
        self.state.failed.store(true, Ordering::Release);
    }
}

impl Stream for Events {
    type Item = Result<Bytes, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        if self.state.failed.load(Ordering::Acquire) {
            let why = io::Error::new(io::ErrorKind::TimedOut, "events were not read in time");
            return Poll::Ready(Some(Err(why)));
        }
        let next = self.records.poll_recv(cx);
        if let Poll::Ready(Some(record)) = &next {
            self.state.bytes.fetch_sub(record.len(), Ordering::AcqRel);
            self.state.taken.fetch_add(1, Ordering::AcqRel);
        }
        next.map(|record| record.map(Ok))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.state.over.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    const BEAT: Bytes = Bytes::from_static(b"beat");

    #[test]
    fn who_reads_nothing_for_some_heartbeats_is_given_up() {
        let (mut queue, mut events) = queue();
        for reads in [true, false] {
            for _ in 0..MAX_UNREAD_HEARTBEATS {
                assert!(queue.push(BEAT, true).is_ok());
                // What is sent beside them shows nothing of the reader.
                assert!(queue.push(BEAT, false).is_ok());
            }
            if reads {
                let next = events.next().now_or_never().flatten();
                assert!(next.is_some_and(|record| record.is_ok()));
            }
        }
        assert!(queue.push(BEAT, false).is_ok());
        assert!(queue.push(BEAT, true).is_err());
    }

    #[test]
    fn who_reads_a_little_at_a_time_is_served() {
        let (mut queue, mut events) = queue();
        for _ in 0..10 * MAX_UNREAD_HEARTBEATS {
            for _ in 0..MAX_UNREAD_HEARTBEATS {
                assert!(queue.push(BEAT, true).is_ok());
            }
            assert!(events.next().now_or_never().flatten().is_some());
        }
    }
}
