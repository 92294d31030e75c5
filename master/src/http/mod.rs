//! The master's HTTP server: the v1 scheduler API, the read-only documents, the page.
//!
//! ```text
//!   socket ─▶ routes ─┬─▶ scheduler ──ask SchedulerCall──▶ master
//!                     │      └─ subscription: an actor of SchedulerProtocol that writes RecordIO
//!                     ├─▶ operator ─┬─ask OperatorCall──▶ master
//!                     │             └─ events: RecordIO, from `crate::events`
//!                     ├─▶ reads ────▶ crate::documents, over the published view; large ones by the press, page by page
//!                     ├─▶ sandbox ──ask Browse, Read──▶ files@agent
//!                     └─▶ page: static files
//! ```
//!
//! It knows the master by its pid and its published view only. Semantics: Mesos'
//! `docs/scheduler-http-api.md` (order of checks, status codes) and `docs/endpoints/`.

mod authentication;
mod body;
mod connection;
mod events;
mod legacy;
mod operator;
mod origin;
mod page;
mod posted;
mod press;
mod reads;
mod reply;
mod routes;
mod sandbox;
mod scheduler;
mod server;
mod sheet;
mod status;
mod subscription;

#[cfg(test)]
mod tests;

pub use authentication::Credentials;
pub use server::{HttpOptions, HttpServer, HttpStartError, http_address};
