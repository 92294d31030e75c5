//! The actor of libprocess that is measured, near and far.

use std::time::Duration;

use bytes::Bytes;
use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

use super::Note;

/// More than any answer takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize)]
pub(crate) struct Tell(pub(crate) Note);

#[derive(Serialize, Deserialize)]
pub(crate) struct Ask(pub(crate) Note);

protocol! {
    /// What the measured actor understands.
    pub(crate) AdderProtocol = "bench.adder" {
        1 => Tell -> (),
        2 => Ask -> u64,
    }
}

/// Counts bytes, so that nothing is optimised away.
#[derive(Default)]
pub(crate) struct Adder {
    bytes: u64,
}

impl Actor for Adder {
    type Context = Context<Self>;
}

impl Process for Adder {
    type Protocol = AdderProtocol;
}

impl Handler<Tell> for Adder {
    type Result = ();

    fn handle(&mut self, Tell(note): Tell, _: &mut Context<Self>) {
        self.bytes += note.0.len() as u64;
    }
}

impl Handler<Ask> for Adder {
    type Result = u64;

    fn handle(&mut self, Ask(note): Ask, _: &mut Context<Self>) -> u64 {
        self.bytes += note.0.len() as u64;
        self.bytes
    }
}

/// A large message.
#[derive(Serialize, Deserialize)]
pub(crate) struct Bulk(pub(crate) Bytes);

/// Asks whether all bulk before it was handled.
#[derive(Serialize, Deserialize)]
pub(crate) struct Done;

protocol! {
    /// What takes bulk.
    pub(crate) SinkProtocol = "bench.sink" {
        1 => Bulk -> (),
        2 => Done -> (),
    }
}

/// Takes bulk and drops it.
pub(crate) struct Sink;

impl Actor for Sink {
    type Context = Context<Self>;
}

impl Process for Sink {
    type Protocol = SinkProtocol;
}

impl Handler<Bulk> for Sink {
    type Result = ();

    fn handle(&mut self, _: Bulk, _: &mut Context<Self>) {}
}

impl Handler<Done> for Sink {
    type Result = ();

    fn handle(&mut self, Done: Done, _: &mut Context<Self>) {}
}
