//! A program that tests start as a process of its own, and what both sides know of it.
#![allow(dead_code, reason = "each side uses its part")]

use std::path::PathBuf;
use std::time::Duration;

use libprocess::prelude::*;
use libprocess::transport::Liveness;
use serde::{Deserialize, Serialize};

/// Where cargo builds it: an example, since those are built with the tests, and installed by nobody.
#[track_caller]
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let program = profile.join("examples").join("a_process");
    let how = "`cargo build -p libprocess --all-features --examples` makes it";
    assert!(program.exists(), "{}: {how}", program.display());
    program
}

/// What a witness writes before its address.
pub(crate) const LISTENING: &str = "listening at ";

/// Pings often enough that the tests are short, and gives a busy machine time for an answer.
pub(crate) const LIVENESS: Liveness = Liveness {
    ping_every: Duration::from_millis(200),
    silent_after: Duration::from_millis(1500),
};

#[derive(Serialize, Deserialize)]
pub(crate) struct Note(pub(crate) u64);
#[derive(Serialize, Deserialize)]
pub(crate) struct Noted;
#[derive(Serialize, Deserialize)]
pub(crate) struct Watch(pub(crate) AnyPid);
#[derive(Serialize, Deserialize)]
pub(crate) struct Heard;
#[derive(Serialize, Deserialize)]
pub(crate) struct WhoAreYou;

protocol! {
    pub(crate) WitnessProtocol = "witness" {
        1 => Note -> (),
        2 => Noted -> Vec<u64>,
        3 => Watch -> (),
        4 => Heard -> Vec<ExitReason>,
        5 => WhoAreYou -> Pid<WitnessProtocol>,
    }
}

/// Remembers what it was told, and which ends it heard of.
#[derive(Default)]
pub(crate) struct Witness {
    noted: Vec<u64>,
    heard: Vec<ExitReason>,
}

impl Actor for Witness {
    type Context = Context<Self>;
}

impl Process for Witness {
    type Protocol = WitnessProtocol;
}

impl Handler<Note> for Witness {
    type Result = ();
    fn handle(&mut self, Note(number): Note, _: &mut Context<Self>) {
        self.noted.push(number);
    }
}

impl Handler<Noted> for Witness {
    type Result = MessageResult<Noted>;
    fn handle(&mut self, _: Noted, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.noted.clone())
    }
}

impl Handler<Watch> for Witness {
    type Result = ();
    fn handle(&mut self, Watch(pid): Watch, ctx: &mut Context<Self>) {
        ctx.monitor(pid);
    }
}

impl Handler<Heard> for Witness {
    type Result = MessageResult<Heard>;
    fn handle(&mut self, _: Heard, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.heard.clone())
    }
}

impl Handler<WhoAreYou> for Witness {
    type Result = MessageResult<WhoAreYou>;
    fn handle(&mut self, _: WhoAreYou, ctx: &mut Context<Self>) -> Self::Result {
        MessageResult(ctx.me())
    }
}

impl Handler<Exited> for Witness {
    type Result = ();
    fn handle(&mut self, exited: Exited, _: &mut Context<Self>) {
        self.heard.push(exited.reason);
    }
}
