//! How actors end, and who hears of it.

use std::time::Duration;

use crate::common::{Add, Counter, Hang, Panic, Quit, SOON, Total, Unwatch, Watch, soon, watcher};
use libprocess::prelude::*;
use tokio::sync::mpsc::error::TryRecvError;

#[tokio::test]
async fn a_panic_in_a_handler_is_the_end_with_its_text() {
    let node = Node::local();
    let counter = node.spawn("counter", |_| Counter::default()).unwrap();
    let monitor = node.monitor(&counter);
    let hanging = node.ask(&counter, Hang, SOON);
    let answer = node.ask(&counter, Panic("ouch".into()), SOON).await;
    let reason = ExitReason::Panicked("ouch".into());
    assert_eq!(answer, Err(AskError::Exited(reason.clone())));
    assert_eq!(soon(hanging).await, Err(AskError::Exited(reason.clone())));
    assert_eq!(
        soon(monitor).await,
        Exited {
            pid: counter.any(),
            reason
        }
    );
}

#[tokio::test]
async fn actors_of_the_same_thread_survive_a_panic() {
    let node = Node::local();
    for n in 0..20 {
        node.spawn(format!("bystander{n}"), |_| Counter(7)).unwrap();
    }
    let counter = node.spawn("counter", |_| Counter::default()).unwrap();
    let monitor = node.monitor(&counter);
    node.tell(&counter, Panic("ouch".into()));
    soon(monitor).await;
    for n in 0..20 {
        let bystander =
            Pid::<crate::common::CounterProtocol>::named(format!("bystander{n}"), node.address());
        assert_eq!(node.ask(&bystander, Total, SOON).await, Ok(7));
    }
}

#[tokio::test]
async fn a_stop_comes_after_what_was_sent_before_it() {
    let node = Node::local();
    let counter = node.spawn("counter", |_| Counter::default()).unwrap();
    let monitor = node.monitor(&counter);
    node.tell(&counter, Add(5));
    let total = node.ask(&counter, Total, SOON);
    node.stop(&counter);
    let late = node.ask(&counter, Total, SOON);
    assert_eq!(soon(total).await, Ok(5));
    assert_eq!(soon(late).await, Err(AskError::Exited(ExitReason::Normal)));
    assert_eq!(soon(monitor).await.reason, ExitReason::Normal);
}

#[tokio::test]
async fn a_watching_actor_hears_exactly_once() {
    let node = Node::local();
    let (watcher, mut heard) = watcher(&node);
    let counter = node.spawn("counter", |_| Counter::default()).unwrap();
    node.tell(&watcher, Watch(counter.any()));
    node.tell(&watcher, Watch(counter.any()));
    node.tell(&watcher, Unwatch(counter.any()));
    node.tell(&watcher, Watch(counter.any()));
    node.ask(&watcher, Watch(counter.any()), SOON)
        .await
        .unwrap();
    node.tell(&counter, Quit);
    let notice = Exited {
        pid: counter.any(),
        reason: ExitReason::Normal,
    };
    assert_eq!(soon(heard.recv()).await, Some(notice));
    node.ask(&watcher, Unwatch(counter.any()), SOON)
        .await
        .unwrap();
    assert_eq!(heard.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn demonitored_means_unheard() {
    let node = Node::local();
    let (watcher, mut heard) = watcher(&node);
    let counter = node.spawn("counter", |_| Counter::default()).unwrap();
    node.tell(&watcher, Watch(counter.any()));
    node.ask(&watcher, Unwatch(counter.any()), SOON)
        .await
        .unwrap();
    node.tell(&counter, Quit);
    soon(node.monitor(&counter)).await;
    node.ask(&watcher, Unwatch(counter.any()), SOON)
        .await
        .unwrap();
    assert_eq!(heard.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn watching_what_is_not_there_is_answered_at_once() {
    let node = Node::local();
    let ghost = Pid::<crate::common::CounterProtocol>::named("ghost", node.address());
    assert_eq!(
        soon(node.monitor(&ghost)).await.reason,
        ExitReason::NoProcess
    );
    let (watcher, mut heard) = watcher(&node);
    node.tell(&watcher, Watch(ghost.any()));
    assert_eq!(
        soon(heard.recv()).await.unwrap().reason,
        ExitReason::NoProcess
    );
}

/// Panics at a chosen moment of its life.
struct Fragile(&'static str);

struct Poke;

protocol! { local FragileProtocol = "fragile" { 1 => Poke -> () } }

impl Actor for Fragile {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        match self.0 {
            "started" => panic!("started"),
            "future" => {
                ctx.spawn(wrap_future(async { panic!("future") }));
            }
            "continuation" => {
                let nobody = Pid::<FragileProtocol>::named("nobody", ctx.node().address());
                ctx.ask_then(&nobody, Poke, SOON, |_, _, _| panic!("continuation"));
            }
            "wait" => ctx.wait(wrap_future(async { panic!("wait") })),
            "timer" => {
                ctx.run_later(Duration::from_millis(1), |_, _| panic!("timer"));
            }
            _ => {}
        }
    }

    fn stopping(&mut self, _: &mut Context<Self>) -> Running {
        assert_ne!(self.0, "stopping", "stopping");
        Running::Stop
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        if self.0 == "stopped" {
            panic!("stopped");
        }
    }
}

impl Process for Fragile {
    type Protocol = FragileProtocol;
}

impl Handler<Poke> for Fragile {
    type Result = ();
    fn handle(&mut self, _: Poke, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        if self.0 == "drop" {
            panic!("drop");
        }
    }
}

#[tokio::test]
async fn panics_are_caught_wherever_they_happen() {
    let node = Node::local();
    for place in [
        "factory",
        "started",
        "future",
        "wait",
        "continuation",
        "timer",
        "stopping",
        "stopped",
    ] {
        let (gate, opened) = std::sync::mpsc::channel::<()>();
        let fragile = node
            .spawn(place, move |_| {
                opened.recv().unwrap();
                assert_ne!(place, "factory", "factory");
                Fragile(place)
            })
            .unwrap();
        let monitor = node.monitor(&fragile);
        if place == "stopped" || place == "stopping" {
            node.tell(&fragile, Poke);
        }
        gate.send(()).unwrap();
        match soon(monitor).await.reason {
            ExitReason::Panicked(text) => assert!(text.contains(place), "{text}"),
            reason => panic!("{place}: {reason}"),
        }
    }
    let fragile = node.spawn("drop", |_| Fragile("drop")).unwrap();
    let monitor = node.monitor(&fragile);
    node.tell(&fragile, Poke);
    assert_eq!(soon(monitor).await.reason, ExitReason::Normal);
}

#[tokio::test]
async fn shutdown_lets_actors_finish_and_drops_the_rest() {
    let node = Node::local();
    let counter = node.spawn("counter", |_| Counter::default()).unwrap();
    let (stubborn, ended) = (
        node.spawn("stubborn", |_| Stubborn).unwrap(),
        node.monitor(&counter),
    );
    let monitor = node.monitor(&stubborn);
    let total = node.ask(&counter, Total, SOON);
    node.shutdown(Duration::from_millis(50)).await;
    assert_eq!(soon(total).await, Ok(0));
    assert_eq!(soon(ended).await.reason, ExitReason::Normal);
    assert_eq!(soon(monitor).await.reason, ExitReason::NodeDown);
    assert_eq!(node.processes(), []);
    let late = node.spawn("late", |_| Counter::default());
    assert_eq!(late, Err(SpawnError::NodeDown));
}

/// Refuses to stop.
struct Stubborn;

protocol! { local StubbornProtocol = "stubborn" { } }

impl Actor for Stubborn {
    type Context = Context<Self>;

    fn stopping(&mut self, _: &mut Context<Self>) -> Running {
        Running::Continue
    }
}

impl Process for Stubborn {
    type Protocol = StubbornProtocol;
}

/// Refuses everything but force: to stop, and to let go of what it waits for.
#[tokio::test]
async fn a_killed_actor_ends_whatever_it_does() {
    let node = Node::local();
    let stubborn = node.spawn("stubborn", |_| Stubborn).unwrap();
    let monitor = node.monitor(&stubborn);
    node.stop(&stubborn);
    node.kill(&stubborn);
    assert_eq!(soon(monitor).await.reason, ExitReason::Killed);

    let counter = node.spawn("counter", |_| Counter::default()).unwrap();
    let hanging = node.ask(&counter, Hang, SOON);
    node.kill(&counter);
    let killed = AskError::Exited(ExitReason::Killed);
    assert_eq!(soon(hanging).await, Err(killed));

    // Its name is free as soon as its end is known.
    node.spawn("counter", |_| Counter::default()).unwrap();
}

/// Fails when poked, and tells that it was `stopped`.
struct Failing(Option<tokio::sync::oneshot::Sender<()>>);

impl Actor for Failing {
    type Context = Context<Self>;

    fn stopping(&mut self, _: &mut Context<Self>) -> Running {
        Running::Continue
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        let _ = self.0.take().unwrap().send(());
    }
}

impl Process for Failing {
    type Protocol = FragileProtocol;
}

impl Handler<Poke> for Failing {
    type Result = ();
    fn handle(&mut self, _: Poke, ctx: &mut Context<Self>) {
        ctx.fail("out of fuel");
    }
}

#[tokio::test]
async fn an_actor_that_fails_ends_with_its_words() {
    let node = Node::local();
    let (stopped, was_stopped) = tokio::sync::oneshot::channel();
    let failing = node.spawn("failing", |_| Failing(Some(stopped))).unwrap();
    let monitor = node.monitor(&failing);
    node.tell(&failing, Poke);
    let reason = ExitReason::Failed("out of fuel".into());
    assert_eq!(soon(monitor).await.reason, reason);
    assert_eq!(soon(was_stopped).await, Ok(()));
}

struct Now;
struct Later;
struct Elsewhere;

protocol! {
    local BreakableProtocol = "breakable" {
        1 => Now -> (),
        2 => Later -> (),
        3 => Elsewhere -> (),
    }
}

/// Panics while it answers, and then again in whatever of it is dropped.
struct Breakable;

/// Panics when it is dropped.
struct Trap;

impl Drop for Trap {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

impl Actor for Breakable {
    type Context = Context<Self>;
}

impl Process for Breakable {
    type Protocol = BreakableProtocol;
}

impl Handler<Now> for Breakable {
    type Result = ();
    fn handle(&mut self, _: Now, ctx: &mut Context<Self>) {
        for _ in 0..2 {
            let trap = Trap;
            ctx.spawn(wrap_future(async move {
                std::future::pending::<()>().await;
                drop(trap);
            }));
        }
        panic!("now");
    }
}

impl Handler<Later> for Breakable {
    type Result = ResponseActFuture<Self, ()>;
    fn handle(&mut self, _: Later, _: &mut Context<Self>) -> Self::Result {
        Box::pin(async { panic!("later") }.into_actor(self))
    }
}

impl Handler<Elsewhere> for Breakable {
    type Result = ResponseFuture<()>;
    fn handle(&mut self, _: Elsewhere, _: &mut Context<Self>) -> Self::Result {
        Box::pin(async { panic!("elsewhere") })
    }
}

impl Drop for Breakable {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[tokio::test]
async fn a_panic_while_answering_is_the_answer_and_further_ones_change_nothing() {
    let node = Node::local();
    let now = node.spawn("now", |_| Breakable).unwrap();
    let later = node.spawn("later", |_| Breakable).unwrap();
    let ended = node.monitor(&now);
    let panicked = |text: &str| ExitReason::Panicked(text.into());
    assert_eq!(
        soon(node.ask(&now, Now, SOON)).await,
        Err(AskError::Exited(panicked("now")))
    );
    assert_eq!(
        soon(node.ask(&later, Later, SOON)).await,
        Err(AskError::Exited(panicked("later")))
    );
    assert_eq!(soon(ended).await.reason, panicked("now"));
}

#[tokio::test]
async fn a_response_future_is_no_part_of_its_actor() {
    let node = Node::local();
    let actor = node.spawn("actor", |_| Breakable).unwrap();
    let elsewhere = soon(node.ask(&actor, Elsewhere, SOON)).await;
    assert!(
        matches!(elsewhere, Err(AskError::Refused(_))),
        "{elsewhere:?}"
    );
    let later = soon(node.ask(&actor, Later, SOON)).await;
    assert!(matches!(later, Err(AskError::Exited(_))), "{later:?}");
}
