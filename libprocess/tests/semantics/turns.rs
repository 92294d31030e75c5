//! Who gets a turn: actors of one thread, messages and futures of one actor.

use std::time::Duration;

use crate::common::{SOON, soon};
use libprocess::prelude::*;

struct Spin;
struct Beats;

protocol! { local SpinnerProtocol = "spinner" { 1 => Spin -> (), 2 => Beats -> u64 } }

/// Tells itself to go on, for ever, while a timer beats.
#[derive(Default)]
struct Spinner {
    beats: u64,
}

impl Actor for Spinner {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(Duration::from_millis(1), |spinner, _| spinner.beats += 1);
    }
}

impl Process for Spinner {
    type Protocol = SpinnerProtocol;
}

impl Handler<Spin> for Spinner {
    type Result = ();
    fn handle(&mut self, _: Spin, ctx: &mut Context<Self>) {
        let me = ctx.me();
        // Both ways to go on: a message, and a future spawned per message.
        ctx.spawn(wrap_future(std::future::ready(())).map(
            move |(), _, ctx: &mut Context<Self>| {
                ctx.tell(&me, Spin);
            },
        ));
    }
}

impl Handler<Beats> for Spinner {
    type Result = u64;
    fn handle(&mut self, _: Beats, _: &mut Context<Self>) -> u64 {
        self.beats
    }
}

#[tokio::test]
async fn an_actor_that_never_rests_lets_timers_and_others_have_their_turn() {
    // One thread for all actors.
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let node = Node::local_here(1);
            let one = node.spawn("one", |_| Spinner::default()).unwrap();
            let other = node.spawn("other", |_| Spinner::default()).unwrap();
            node.tell(&one, Spin);
            node.tell(&other, Spin);
            for spinner in [&one, &other] {
                while node.ask(spinner, Beats, SOON).await.unwrap() < 5 {}
            }
            // Nor does it miss that it is to stop.
            let (ended, stopped) = (node.monitor(&one), node.monitor(&other));
            node.stop(&one);
            node.stop(&other);
            assert_eq!(soon(ended).await.reason, ExitReason::Normal);
            assert_eq!(soon(stopped).await.reason, ExitReason::Normal);
            node.crash();
        })
        .await;
}

struct Sleep(u32);
struct Awake;

protocol! { local SleeperProtocol = "sleeper" { 1 => Sleep -> (), 2 => Awake -> u32 } }

/// Has many timers, of which few ever ring.
#[derive(Default)]
struct Sleeper {
    awake: u32,
}

impl Actor for Sleeper {
    type Context = Context<Self>;
}

impl Process for Sleeper {
    type Protocol = SleeperProtocol;
}

impl Handler<Sleep> for Sleeper {
    type Result = ();
    fn handle(&mut self, Sleep(count): Sleep, ctx: &mut Context<Self>) {
        for n in 0..count {
            let later = if n % 10 == 0 { 1 } else { 3_600_000 };
            ctx.run_later(Duration::from_millis(later), |sleeper, _| {
                sleeper.awake += 1
            });
            let cancelled = ctx.run_later(Duration::from_millis(1), |_, _| panic!("cancelled"));
            assert!(ctx.cancel_future(cancelled));
        }
    }
}

impl Handler<Awake> for Sleeper {
    type Result = u32;
    fn handle(&mut self, _: Awake, _: &mut Context<Self>) -> u32 {
        self.awake
    }
}

#[tokio::test]
async fn many_sleeping_timers_cost_nothing() {
    let node = Node::local();
    let sleeper = node.spawn("sleeper", |_| Sleeper::default()).unwrap();
    node.tell(&sleeper, Sleep(20_000));
    soon(async { while node.ask(&sleeper, Awake, SOON).await.unwrap() < 2000 {} }).await;
    // Each ask is a turn; with every timer polled in it, these would take a minute.
    for _ in 0..10_000 {
        assert_eq!(node.ask(&sleeper, Awake, SOON).await, Ok(2000));
    }
}

struct Note;
struct Known;

protocol! { local ClerkProtocol = "clerk" { 1 => Note -> (), 2 => Known -> (u64, u64) } }

/// Takes notes, and closes its book when a turn with some is over.
#[derive(Default)]
struct Clerk {
    notes: u64,
    closed: u64,
}

impl Actor for Clerk {
    type Context = Context<Self>;
}

impl Process for Clerk {
    type Protocol = ClerkProtocol;
}

impl Handler<Note> for Clerk {
    type Result = ();
    fn handle(&mut self, _: Note, ctx: &mut Context<Self>) {
        self.notes += 1;
        ctx.after_turn(|clerk, _| clerk.closed += 1);
    }
}

impl Handler<Known> for Clerk {
    type Result = MessageResult<Known>;
    fn handle(&mut self, _: Known, _: &mut Context<Self>) -> Self::Result {
        MessageResult((self.notes, self.closed))
    }
}

#[tokio::test]
async fn what_is_for_after_a_turn_is_done_once_for_all_its_messages() {
    // One thread: the clerk gets no turn before all notes are there.
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let node = Node::local_here(1);
            let clerk = node.spawn("clerk", |_| Clerk::default()).unwrap();
            assert_eq!(node.ask(&clerk, Known, SOON).await, Ok((0, 0)));
            (0..10).for_each(|_| node.tell(&clerk, Note));
            assert_eq!(node.ask(&clerk, Known, SOON).await, Ok((10, 0)));
            assert_eq!(node.ask(&clerk, Known, SOON).await, Ok((10, 1)));
            node.tell(&clerk, Note);
            node.tell(&clerk, Note);
            assert_eq!(node.ask(&clerk, Known, SOON).await, Ok((12, 1)));
            assert_eq!(node.ask(&clerk, Known, SOON).await, Ok((12, 2)));
            node.shutdown(SOON).await;
        })
        .await;
}
