//! `SUBSCRIBE` of the operator API: the events of the cluster as a stream of records.
//!
//! Events are read from the history one by one as the client takes them, so that a stream holds
//! nothing of its own. Beyond Mesos every event has a `revision`, and `?revision=` goes on after one.

use std::io;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, stream};
use mesos::recordio;
use mesos::v1::master::Event;
use mesos::v1::master::event::{Subscribed, Type};
use mesos::wire::{self, ContentType};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use super::connection::Connection;
use super::reply::text;
use super::server::Site;
use super::subscription::LINGER;
use crate::documents::Query;
use crate::documents::operator::state;
use crate::events::{End, Ending, Revision, Start, SubscribeError, Subscription};
use crate::view::View;

/// Serves one subscription.
pub(super) async fn serve(
    request: &HttpRequest,
    form: ContentType,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    let query = Query::parse(request.query_string());
    let from = query.get("revision").map(str::parse::<Revision>);
    let from = from.transpose();
    let from = from.map_err(|error| text(StatusCode::BAD_REQUEST, error.to_string()))?;
    let view = site.library.view();
    let published = || site.library.view().cluster.clone();
    let max = view.config.max_operator_event_stream_subscribers;
    let subscribed = view.events.subscribe(published, from.as_ref(), max);
    let (start, subscription) = subscribed.map_err(|error| refused(&error))?;
    let beginning = beginning(start, form, &view).await?;
    if let Some(connection) = Connection::of(request) {
        actix_web::rt::spawn(watch(connection, subscription.ending()));
    }
    let events = Events {
        form,
        beginning: Some(beginning),
        beats: false,
        heartbeat: heartbeat(view.config.heartbeat_interval),
        subscription,
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, form.as_str()))
        .streaming(events.records()))
}

fn refused(error: &SubscribeError) -> HttpResponse {
    let status = match error {
        SubscribeError::Gone(..) => StatusCode::GONE,
        SubscribeError::Ahead(_) => StatusCode::BAD_REQUEST,
        SubscribeError::Over => StatusCode::SERVICE_UNAVAILABLE,
    };
    text(status, error.to_string())
}

/// The SUBSCRIBED event. That of a large cluster is written on a thread of its own.
async fn beginning(start: Start, form: ContentType, view: &View) -> Result<Bytes, HttpResponse> {
    let seconds = view.config.heartbeat_interval.as_secs_f64();
    let written = web::block(move || {
        let subscribed = Subscribed {
            get_state: start.snapshot.as_ref().map(state::state),
            heartbeat_interval_seconds: Some(seconds),
        };
        let event = Event {
            r#type: Some(Type::Subscribed as i32),
            subscribed: Some(subscribed),
            revision: Some(start.revision.to_string()),
            ..Default::default()
        };
        recordio::encode(&wire::encode(form, &event))
    });
    let stopping = |_| {
        let why = "The master is stopping";
        text(StatusCode::SERVICE_UNAVAILABLE, why)
    };
    written.await.map_err(stopping)
}

fn heartbeat(every: Duration) -> Interval {
    let mut heartbeat = interval_at(Instant::now() + every, every);
    // A client that reads slowly needs no more of them than one that does not.
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}

/// A client that goes ends its subscription; a subscription that ends cuts the connection of a
/// client that does not read what is left.
async fn watch(connection: Connection, ending: Ending) {
    let end = tokio::select! {
        () = connection.closed_by_client() => {
            ending.leave();
            return connection.cut();
        }
        end = ending.ended() => end,
    };
    if end != End::Slow {
        let _ = timeout(LINGER, connection.closed_by_client()).await;
    }
    if end != End::Left {
        connection.cut();
    }
}

/// One stream.
struct Events {
    form: ContentType,
    beginning: Option<Bytes>,
    /// Whether the heartbeat that follows the beginning was sent.
    beats: bool,
    heartbeat: Interval,
    subscription: Subscription,
}

impl Events {
    fn records(self) -> impl Stream<Item = Result<Bytes, io::Error>> {
        stream::unfold(Some(self), |events| async {
            let mut events = events?;
            match events.next().await {
                Ok(record) => Some((Ok(record), Some(events))),
                // An orderly end.
                Err(End::Over | End::Left) => None,
                Err(end @ (End::Slow | End::Crowded)) => {
                    let why = io::Error::new(io::ErrorKind::TimedOut, format!("{end:?}"));
                    Some((Err(why), None))
                }
            }
        })
    }

    async fn next(&mut self) -> Result<Bytes, End> {
        if let Some(beginning) = self.beginning.take() {
            return Ok(beginning);
        }
        if !std::mem::replace(&mut self.beats, true) {
            return Ok(self.beat());
        }
        tokio::select! {
            biased;
            entry = self.subscription.next() => Ok(entry?.record(self.form)),
            _ = self.heartbeat.tick() => Ok(self.beat()),
        }
    }

    fn beat(&self) -> Bytes {
        let event = Event {
            r#type: Some(Type::Heartbeat as i32),
            revision: Some(self.subscription.revision().to_string()),
            ..Default::default()
        };
        recordio::encode(&wire::encode(self.form, &event))
    }
}
