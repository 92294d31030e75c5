//! An executor's subscription over HTTP: an actor that writes events into a response.
//!
//! Its end reaches the agent as `Exited`, whether the client hung up, was too slow, or the agent
//! dropped it.

use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::Stream;
use libprocess::prelude::*;
use mesos::protocols::ExecutorProtocol;
use mesos::protocols::executor::{Event, Unsubscribed};
use mesos::recordio;
use mesos::v1::executor::{self, event};
use mesos::wire::{self, ContentType};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Doors;

/// Events that may wait for a slow executor. One that is this far behind is cut off: it subscribes
/// again and is told what still matters.
const MAX_WAITING_EVENTS: usize = 1024;

/// The actor.
struct Subscription {
    records: mpsc::Sender<Bytes>,
    content_type: ContentType,
    heartbeat: Duration,
}

/// Opens a subscription: the pid to tell events to, and the records to answer with.
pub(super) fn open(
    doors: &Doors,
    content_type: ContentType,
) -> Result<(Pid<ExecutorProtocol>, impl Stream<Item = Bytes> + use<>), SpawnError> {
    let (records, waiting) = mpsc::channel(MAX_WAITING_EVENTS);
    let heartbeat = doors.heartbeat;
    let name = format!("http-executor-{}", Uuid::new_v4());
    let pid = doors.node.spawn(name, move |_| Subscription {
        records,
        content_type,
        heartbeat,
    })?;
    let stream = futures_util::stream::unfold(waiting, |mut waiting| async move {
        let record = waiting.recv().await?;
        Some((record, waiting))
    });
    Ok((pid, stream))
}

impl Subscription {
    fn send(&self, event: &executor::Event, ctx: &mut Context<Self>) {
        let record = recordio::encode(&wire::encode(self.content_type, event));
        if self.records.try_send(record).is_err() {
            ctx.stop();
        }
    }
}

impl Actor for Subscription {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let records = self.records.clone();
        let gone = async move { records.closed().await };
        ctx.spawn(gone.into_actor(self).map(|(), _, ctx| ctx.stop()));
        ctx.run_interval(self.heartbeat, |subscription, ctx| {
            let heartbeat = executor::Event {
                r#type: Some(event::Type::Heartbeat as i32),
                ..Default::default()
            };
            subscription.send(&heartbeat, ctx);
        });
    }
}

impl Process for Subscription {
    type Protocol = ExecutorProtocol;
}

impl Handler<Event> for Subscription {
    type Result = ();

    fn handle(&mut self, event: Event, ctx: &mut Context<Self>) {
        self.send(&event.0, ctx);
    }
}

impl Handler<Unsubscribed> for Subscription {
    type Result = ();

    fn handle(&mut self, _: Unsubscribed, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
