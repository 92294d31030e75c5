//! An actor that tells, asks and watches whomever it knows, without end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use libprocess::prelude::*;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::ledger::{Heard, Ledger, Watch};

const PATIENCE: Duration = Duration::from_secs(2);

/// Nobody is paused for longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// A message to one life of an actor, by its pid; numbered from 1 by sender and receiver.
#[derive(Serialize, Deserialize)]
pub(super) struct Say {
    to: AnyPid,
    number: u64,
    padding: Vec<u8>,
}

/// The same, with an answer.
#[derive(Serialize, Deserialize)]
pub(super) struct Question {
    to: AnyPid,
    number: u64,
}

/// Asked of whoever has the name.
#[derive(Serialize, Deserialize)]
pub(super) struct WhoAreYou;

protocol! {
    pub(super) ChatterProtocol = "chatter" { 1 => Say -> (), 2 => Question -> u64, 3 => WhoAreYou -> AnyPid }
}

pub(super) struct Chatter {
    peers: Vec<SocketAddr>,
    /// The lives that it knows, dead ones too.
    known: BTreeSet<AnyPid>,
    watched: BTreeSet<AnyPid>,
    sent: BTreeMap<AnyPid, u64>,
    ledger: Ledger,
}

impl Chatter {
    pub(super) fn new(peers: Vec<SocketAddr>, ledger: Ledger) -> Self {
        Chatter {
            peers,
            known: BTreeSet::new(),
            watched: BTreeSet::new(),
            sent: BTreeMap::new(),
            ledger,
        }
    }

    fn next(&mut self, to: &AnyPid) -> u64 {
        let sent = self.sent.entry(to.clone()).or_default();
        *sent += 1;
        *sent
    }

    fn meet(&mut self, pid: AnyPid, ctx: &mut Context<Self>) {
        self.known.insert(pid.clone());
        if self.watched.insert(pid.clone()) {
            let by = ctx.me_any().clone();
            let of = pid.clone();
            self.ledger
                .write(|told| told.watches.push(Watch::Began { by, of }));
            ctx.monitor(pid);
        }
    }

    fn chat(&mut self, ctx: &mut Context<Self>) {
        let pause = ctx.random().random_range(5..60);
        ctx.run_later(Duration::from_millis(pause), Self::chat);
        let known: Vec<_> = self.known.iter().cloned().collect();
        if known.is_empty() || ctx.random().random_bool(0.05) {
            return self.look_around(ctx);
        }
        let to = known[ctx.random().random_range(0..known.len())].clone();
        let pid = to.assume::<ChatterProtocol>();
        if ctx.random().random_bool(0.2) {
            let number = self.next(&to);
            return self.question(&pid, number, ctx);
        }
        for _ in 0..ctx.random().random_range(1..5) {
            let number = self.next(&to);
            // Now and then something that needs a lane of its own.
            let large = ctx.random().random_bool(0.005);
            let padding = vec![0; if large { 100_000 } else { 50 }];
            let to = to.clone();
            ctx.tell(
                &pid,
                Say {
                    to,
                    number,
                    padding,
                },
            );
        }
    }

    fn look_around(&mut self, ctx: &mut Context<Self>) {
        let peer = self.peers[ctx.random().random_range(0..self.peers.len())];
        let whoever = Pid::<ChatterProtocol>::named("chatter", peer);
        ctx.ask_then(&whoever, WhoAreYou, PATIENCE, |chatter, answer, ctx| {
            if let Ok(pid) = answer {
                // Of those at one address, the dead are remembered for a while: nothing must reach them.
                let dead = |known: &&AnyPid| known.address() == pid.address() && **known != pid;
                let dead: Vec<_> = chatter.known.iter().filter(dead).cloned().collect();
                for old in dead.iter().take(dead.len().saturating_sub(1)) {
                    chatter.known.remove(old);
                }
                chatter.meet(pid, ctx);
            }
        });
    }

    fn question(&mut self, pid: &Pid<ChatterProtocol>, number: u64, ctx: &mut Context<Self>) {
        let asked = ctx.now();
        let question = Question {
            to: pid.any(),
            number,
        };
        ctx.ask_then(pid, question, PATIENCE, move |chatter, answer, ctx| {
            if let Ok(answered) = answer {
                assert_eq!(answered, number, "the answer to another question");
            }
            // A node that is paused hears late.
            if ctx.now() > asked + PATIENCE + LONGEST_PAUSE {
                chatter.ledger.write(|told| told.late_asks += 1);
            }
        });
    }

    fn hear(&mut self, meant: AnyPid, number: u64, ctx: &mut Context<Self>) {
        let Some(from) = ctx.sender().cloned() else {
            panic!("it came from an actor");
        };
        let by = ctx.me_any().clone();
        let heard = Heard {
            by,
            meant,
            from: from.clone(),
            number,
        };
        self.ledger.write(|told| told.heard.push(heard));
        self.meet(from, ctx);
    }
}

impl Actor for Chatter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.chat(ctx);
    }
}

impl Process for Chatter {
    type Protocol = ChatterProtocol;
}

impl Handler<Say> for Chatter {
    type Result = ();

    fn handle(&mut self, say: Say, ctx: &mut Context<Self>) {
        drop(say.padding);
        self.hear(say.to, say.number, ctx);
    }
}

impl Handler<Question> for Chatter {
    type Result = u64;

    fn handle(&mut self, question: Question, ctx: &mut Context<Self>) -> u64 {
        self.hear(question.to, question.number, ctx);
        question.number
    }
}

impl Handler<WhoAreYou> for Chatter {
    type Result = MessageResult<WhoAreYou>;

    fn handle(&mut self, _: WhoAreYou, ctx: &mut Context<Self>) -> MessageResult<WhoAreYou> {
        MessageResult(ctx.me_any().clone())
    }
}

impl Handler<Exited> for Chatter {
    type Result = ();

    fn handle(&mut self, exited: Exited, ctx: &mut Context<Self>) {
        let (by, of) = (ctx.me_any().clone(), exited.pid.clone());
        self.ledger
            .write(|told| told.watches.push(Watch::Ended { by, of }));
        self.watched.remove(&exited.pid);
        if matches!(exited.reason, ExitReason::NoProcess | ExitReason::Normal) {
            self.known.remove(&exited.pid);
            return;
        }
        // It may live on.
        if self.known.contains(&exited.pid) {
            let pid = exited.pid;
            ctx.run_later(Duration::from_millis(500), |chatter, ctx| {
                chatter.meet(pid, ctx)
            });
        }
    }
}
