//! An actor as an HTTP resource.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::Message;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse, Scope};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::{from_body, from_query};
use super::status::{failed, refused};
use crate::error::AskError;
use crate::node::Node;
use crate::pid::Pid;
use crate::protocol::{Accepts, Protocol};

/// How long a request may take, unless the resource says otherwise: what a person waits for.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// The largest body of a request in bytes, unless the resource says otherwise.
pub const BODY_LIMIT: usize = 256 * 1024;

/// Messages of one actor, each at a path of its own.
///
/// ```
/// use libprocess::http::Resource;
/// use libprocess::prelude::*;
/// use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)] pub struct Add { by: u64 }
/// # #[derive(Serialize, Deserialize)] pub struct Total;
/// # protocol! { pub CounterProtocol = "counter" { 1 => Add -> u64, 2 => Total -> u64 } }
/// fn door(node: &Node, counter: &Pid<CounterProtocol>) -> actix_web::Scope {
///     Resource::of(node, counter)
///         .post::<Add>("/add")     // POST /counter/add  {"by": 2}
///         .get::<Total>("/total")  // GET /counter/total
///         .mount("/counter")
/// }
/// ```
///
/// A request becomes an ask. Its deadline is the resource's, or what the client says in `Prefer: wait=SECONDS` if that
/// is less; a client that goes away takes its ask back. The answer is JSON with status 200; an ask without an
/// answer is `{"error": ".."}` with the status of [`status`](super::status()). Nothing is exposed that is not listed.
pub struct Resource<P> {
    target: Target<P>,
    doors: Vec<(Method, String, Door<P>)>,
}

type Door<P> = Arc<dyn Fn(Target<P>, HttpRequest, Payload) -> Answering + Send + Sync>;
type Answering = LocalBoxFuture<'static, HttpResponse>;

struct Target<P> {
    node: Node,
    pid: Pid<P>,
    deadline: Duration,
    body_limit: usize,
}

impl<P: Protocol> Resource<P> {
    /// Of the actor that `pid` means, here or on another node. Exposes nothing yet.
    pub fn of(node: &Node, pid: &Pid<P>) -> Self {
        Self {
            target: Target {
                node: node.clone(),
                pid: pid.clone(),
                deadline: DEADLINE,
                body_limit: BODY_LIMIT,
            },
            doors: Vec::new(),
        }
    }

    /// How long requests may take at most.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.target.deadline = deadline;
        self
    }

    /// The largest body in bytes; more is refused (413) before it is read.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.target.body_limit = bytes;
        self
    }

    /// `POST path`: the JSON body is an `M`, the answer its result.
    pub fn post<M>(self, path: &str) -> Self
    where
        P: Accepts<M>,
        M: Message + DeserializeOwned + Send + 'static,
        M::Result: Serialize + Send,
    {
        self.door::<M>(Method::POST, path, answer)
    }

    /// `GET path?field=value`: the query is an `M`, the answer its result. For messages that change nothing.
    pub fn get<M>(self, path: &str) -> Self
    where
        P: Accepts<M>,
        M: Message + DeserializeOwned + Send + 'static,
        M::Result: Serialize + Send,
    {
        self.door::<M>(Method::GET, path, answer)
    }

    /// As [`post`](Self::post), for results that may be errors of the application: those have the status that
    /// `status` gives them, such as 409 Conflict.
    pub fn try_post<M, T, E>(self, path: &str, status: fn(&E) -> StatusCode) -> Self
    where
        P: Accepts<M>,
        M: Message<Result = Result<T, E>> + DeserializeOwned + Send + 'static,
        T: Serialize + Send + 'static,
        E: Serialize + Send + 'static,
    {
        self.door::<M>(Method::POST, path, move |result| answer_or(result, status))
    }

    /// As [`get`](Self::get), for results that may be errors of the application.
    pub fn try_get<M, T, E>(self, path: &str, status: fn(&E) -> StatusCode) -> Self
    where
        P: Accepts<M>,
        M: Message<Result = Result<T, E>> + DeserializeOwned + Send + 'static,
        T: Serialize + Send + 'static,
        E: Serialize + Send + 'static,
    {
        self.door::<M>(Method::GET, path, move |result| answer_or(result, status))
    }

    /// The routes, below `path`. For every worker of a server anew.
    pub fn mount(&self, path: &str) -> Scope {
        let mut scope = web::scope(path);
        for (method, path, door) in &self.doors {
            let (target, door) = (Rc::new(self.target.clone()), door.clone());
            let serve = move |request: HttpRequest, payload: Payload| {
                door(Target::clone(&target), request, payload)
            };
            scope = scope.service(
                web::resource(path.as_str())
                    .route(web::method(method.clone()).to(serve))
                    .default_service(web::to(other_method)),
            );
        }
        scope
    }

    fn door<M>(
        mut self,
        method: Method,
        path: &str,
        answer: impl Fn(M::Result) -> HttpResponse + Copy + Send + Sync + 'static,
    ) -> Self
    where
        P: Accepts<M>,
        M: Message + DeserializeOwned + Send + 'static,
        M::Result: Send,
    {
        let is_get = method == Method::GET;
        let door = move |target: Target<P>, request: HttpRequest, payload: Payload| -> Answering {
            Box::pin(async move {
                let message = match is_get {
                    true => from_query::<M>(&request),
                    false => from_body::<M>(&request, payload, target.body_limit).await,
                };
                match message {
                    Ok(message) => match target.ask(message, &request).await {
                        Ok(result) => answer(result),
                        Err(error) => failed(&error),
                    },
                    Err(response) => response,
                }
            })
        };
        self.doors.push((method, path.to_owned(), Arc::new(door)));
        self
    }
}

impl<P> Target<P> {
    async fn ask<M>(&self, message: M, request: &HttpRequest) -> Result<M::Result, AskError>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let wanted = preferred_wait(request).unwrap_or(self.deadline);
        self.node
            .ask(&self.pid, message, wanted.min(self.deadline))
            .await
    }
}

// Derives would ask the same of `P`, which is only a name.

impl<P> Clone for Resource<P> {
    fn clone(&self) -> Self {
        Self {
            target: self.target.clone(),
            doors: self.doors.clone(),
        }
    }
}

impl<P> Clone for Target<P> {
    fn clone(&self) -> Self {
        Self {
            node: self.node.clone(),
            pid: self.pid.clone(),
            ..*self
        }
    }
}

/// The seconds of `Prefer: wait=SECONDS` (RFC 7240).
fn preferred_wait(request: &HttpRequest) -> Option<Duration> {
    let preferences = request.headers().get("Prefer")?.to_str().ok()?;
    let wait = preferences
        .split([',', ';'])
        .find_map(|preference| preference.trim().strip_prefix("wait="))?;
    wait.trim_matches('"').parse().ok().map(Duration::from_secs)
}

fn answer<R: Serialize>(result: R) -> HttpResponse {
    HttpResponse::Ok().json(result)
}

fn answer_or<T: Serialize, E: Serialize>(
    result: Result<T, E>,
    status: fn(&E) -> StatusCode,
) -> HttpResponse {
    match result {
        Ok(result) => answer(result),
        Err(error) => {
            HttpResponse::build(status(&error)).json(serde_json::json!({ "error": error }))
        }
    }
}

async fn other_method(request: HttpRequest) -> HttpResponse {
    let why = format!("{} is not served here", request.method());
    refused(StatusCode::METHOD_NOT_ALLOWED, &why)
}
