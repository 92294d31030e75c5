//! Deadlines: an ask that comes of an ask ends with it.

use std::time::Duration;

use libprocess::prelude::*;
use tokio::task::LocalSet;
use tokio::time::Instant;

/// What whoever asks from outside waits.
const OUTER: Duration = Duration::from_secs(1);
/// What the actor in the middle would wait.
const INNER: Duration = Duration::from_secs(60);

/// How many milliseconds does the asker still wait?
struct Left;
struct Seen;

protocol! { local EndProtocol = "end" { 1 => Left -> u64, 2 => Seen -> u32 } }

/// The end of the chain.
#[derive(Default)]
struct End(u32);

impl Actor for End {
    type Context = Context<Self>;
}

impl Process for End {
    type Protocol = EndProtocol;
}

impl Handler<Left> for End {
    type Result = u64;
    fn handle(&mut self, _: Left, ctx: &mut Context<Self>) -> u64 {
        self.0 += 1;
        (ctx.deadline().unwrap() - Instant::now()).as_millis() as u64
    }
}

impl Handler<Seen> for End {
    type Result = u32;
    fn handle(&mut self, _: Seen, _: &mut Context<Self>) -> u32 {
        self.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Asks in its handler.
    AtOnce,
    /// Asks in the continuation of another ask.
    Continued,
    /// Asks in a future that is its answer, when half of the time is over.
    Later,
    /// Asks when all of the time is over.
    TooLate,
    Detached,
}

struct Pass(How);

protocol! { local MiddleProtocol = "middle" { 1 => Pass -> Result<u64, AskError> } }

struct Middle(Pid<EndProtocol>);

impl Actor for Middle {
    type Context = Context<Self>;
}

impl Process for Middle {
    type Protocol = MiddleProtocol;
}

impl Handler<Pass> for Middle {
    type Result = ResponseActFuture<Self, Result<u64, AskError>>;

    fn handle(&mut self, Pass(how): Pass, ctx: &mut Context<Self>) -> Self::Result {
        let wait = match how {
            How::Later => OUTER / 2,
            How::TooLate => OUTER,
            How::Detached => {
                ctx.detach();
                Duration::ZERO
            }
            How::AtOnce | How::Continued => Duration::ZERO,
        };
        if how == How::AtOnce || how == How::Detached {
            return Box::pin(ctx.ask(&self.0, Left, INNER).into_actor(self));
        }
        if how == How::Continued {
            let (report, heard) = tokio::sync::oneshot::channel();
            ctx.ask_then(&self.0.clone(), Seen, INNER, |middle, _, ctx| {
                let left = ctx.ask(&middle.0, Left, INNER);
                ctx.spawn(wrap_future(async move {
                    let _ = report.send(left.await);
                }));
            });
            return Box::pin(async { heard.await.unwrap() }.into_actor(self));
        }
        let ask = |(), middle: &mut Self, ctx: &mut Context<Self>| {
            ctx.ask(&middle.0, Left, INNER).into_actor(middle)
        };
        Box::pin(tokio::time::sleep(wait).into_actor(self).then(ask))
    }
}

/// Runs `ask` in a world of one thread, whose clock is paused.
async fn pass(how: How) -> (Result<Result<u64, AskError>, AskError>, u32) {
    LocalSet::new()
        .run_until(async {
            let node = Node::local_here(1);
            let end = node.spawn("end", |_| End::default()).unwrap();
            let to = end.clone();
            let middle = node.spawn("middle", |_| Middle(to)).unwrap();
            let answer = node.ask(&middle, Pass(how), OUTER).await;
            // Whatever was sent is handled by then.
            tokio::time::sleep(OUTER).await;
            let seen = node.ask(&end, Seen, OUTER).await.unwrap();
            node.crash();
            (answer, seen)
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn an_ask_within_an_ask_waits_no_longer_than_that() {
    assert_eq!(pass(How::AtOnce).await, (Ok(Ok(1000)), 1));
    assert_eq!(pass(How::Continued).await, (Ok(Ok(1000)), 1));
    let (answer, _) = pass(How::Later).await;
    let left = answer.unwrap().unwrap();
    // Timers have a granularity of a millisecond.
    assert!((490..=500).contains(&left), "{left}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_not_asked() {
    assert_eq!(pass(How::TooLate).await, (Err(AskError::Timeout), 0));
}

#[tokio::test(start_paused = true)]
async fn a_detached_handler_asks_for_as_long_as_it_likes() {
    assert_eq!(pass(How::Detached).await, (Ok(Ok(60_000)), 1));
}
