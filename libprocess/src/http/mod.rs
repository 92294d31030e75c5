//! Actors as HTTP resources, and pages of what a node does, under actix-web.
//!
//! ```text
//!   POST /counter/add   {"by": 2} ──▶ Resource ── ask Add, with a deadline ──▶ counter
//!        200  42                  ◀──           ◀── u64 ─────────────────────
//!        504  {"error": "no answer in time"}    ◀── Timeout
//! ```
//!
//! * [`Resource`] exposes messages of one actor, each listed explicitly: JSON in, JSON out, errors as status codes.
//! * [`Pages`] are `/processes`, `/metrics`, `/ready` and `/live` of a node.
//!
//! Whom to let in is for the server around them to say: nothing here authenticates.

mod body;
mod pages;
mod resource;
mod status;

#[cfg(test)]
mod tests;

pub use pages::Pages;
pub use resource::{BODY_LIMIT, DEADLINE, Resource};
pub use status::status;
