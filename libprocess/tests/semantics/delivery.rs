//! Tells and asks between actors of one node.

use std::time::Duration;

use crate::common::{Add, Counter, CounterProtocol, Hang, SOON, Total, WhoAsks, gated, soon};
use libprocess::prelude::*;

fn counter(node: &Node) -> Pid<CounterProtocol> {
    node.spawn("counter", |_| Counter::default()).unwrap()
}

#[tokio::test]
async fn tells_arrive_in_order_before_a_later_ask() {
    let node = Node::local();
    let counter = counter(&node);
    for n in 1..=100 {
        node.tell(&counter, Add(n));
    }
    assert_eq!(node.ask(&counter, Total, SOON).await, Ok(5050));
}

#[tokio::test]
async fn a_name_finds_whoever_holds_it() {
    let node = Node::local();
    counter(&node);
    let named = Pid::<CounterProtocol>::named("counter", node.address());
    assert_eq!(node.ask(&named, Total, SOON).await, Ok(0));
}

#[tokio::test]
async fn a_pid_does_not_mean_the_successor_of_its_actor() {
    let node = Node::local();
    let first = counter(&node);
    node.stop(&first);
    soon(node.monitor(&first)).await;
    let second = counter(&node);
    let answer = node.ask(&first, Total, SOON).await;
    assert_eq!(answer, Err(AskError::Exited(ExitReason::NoProcess)));
    assert_eq!(node.ask(&second, Total, SOON).await, Ok(0));
}

#[tokio::test]
async fn a_name_can_be_held_once() {
    let node = Node::local();
    counter(&node);
    let again = node.spawn("counter", |_| Counter::default());
    assert_eq!(again, Err(SpawnError::NameTaken("counter".into())));
    let nameless = node.spawn("", |_| Counter::default());
    assert_eq!(nameless, Err(SpawnError::BadName(String::new())));
}

#[tokio::test]
async fn an_ask_ends_at_its_deadline() {
    let node = Node::local();
    let counter = counter(&node);
    let answer = node.ask(&counter, Hang, Duration::from_millis(20)).await;
    assert_eq!(answer, Err(AskError::Timeout));
}

#[tokio::test]
async fn a_pid_of_another_protocol_is_not_served() {
    let node = Node::local();
    let counter = counter(&node);
    let (watcher, _heard) = crate::common::watcher(&node);
    let wrong = watcher.any().assume::<CounterProtocol>();
    let answer = node.ask(&wrong, Total, SOON).await;
    assert_eq!(answer, Err(AskError::Exited(ExitReason::NoProcess)));
    assert_eq!(node.ask(&counter, Total, SOON).await, Ok(0));
}

#[tokio::test]
async fn what_is_sent_from_outside_has_no_sender() {
    let node = Node::local();
    let counter = counter(&node);
    assert_eq!(node.ask(&counter, WhoAsks, SOON).await, Ok(None));
}

// A pair of actors: one asks the other in various ways.

struct Begin(Pid<CounterProtocol>);
struct Log;

protocol! {
    local AskerProtocol = "asker" {
        1 => Begin -> (),
        2 => Log -> Vec<String>,
        3 => Note -> (),
        4 => Wait,
        5 => AskRacer -> (),
    }
}

struct Note(String);
struct AskRacer(Pid<RacerProtocol>);
/// Asks, and handles nothing until the answer is there.
struct Wait(Pid<CounterProtocol>);

impl Message for Wait {
    type Result = u64;
}

#[derive(Default)]
struct Asker(Vec<String>);

impl Actor for Asker {
    type Context = Context<Self>;
}

impl Process for Asker {
    type Protocol = AskerProtocol;
}

impl Handler<Begin> for Asker {
    type Result = ();
    fn handle(&mut self, Begin(counter): Begin, ctx: &mut Context<Self>) {
        let me = ctx.me();
        ctx.ask_then(&counter, WhoAsks, SOON, move |asker, answer, _| {
            assert_eq!(answer, Ok(Some(me.any())));
            asker.0.push("answer".into());
        });
    }
}

impl Handler<AskRacer> for Asker {
    type Result = ();
    fn handle(&mut self, AskRacer(racer): AskRacer, ctx: &mut Context<Self>) {
        ctx.ask_then(&racer, Question, SOON, |asker, answer, _| {
            assert_eq!(answer, Ok(()));
            asker.0.push("answer".into());
        });
    }
}

impl Handler<Note> for Asker {
    type Result = ();
    fn handle(&mut self, Note(text): Note, _: &mut Context<Self>) {
        self.0.push(text);
    }
}

impl Handler<Log> for Asker {
    type Result = MessageResult<Log>;
    fn handle(&mut self, _: Log, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.0.clone())
    }
}

impl Handler<Wait> for Asker {
    type Result = AtomicResponse<Self, u64>;
    fn handle(&mut self, Wait(counter): Wait, ctx: &mut Context<Self>) -> Self::Result {
        let total = ctx.ask(&counter, Total, SOON).into_actor(self);
        AtomicResponse::new(Box::pin(total.map(|total, _, _| total.unwrap())))
    }
}

#[tokio::test]
async fn an_answer_reaches_the_asking_actor_with_its_own_pid_as_sender() {
    let node = Node::local();
    let counter = counter(&node);
    let asker = node.spawn("asker", |_| Asker::default()).unwrap();
    node.tell(&asker, Begin(counter));
    loop {
        let log = node.ask(&asker, Log, SOON).await.unwrap();
        if !log.is_empty() {
            assert_eq!(log, ["answer"]);
            break;
        }
    }
}

#[tokio::test]
async fn an_actor_that_waits_for_an_answer_gets_it() {
    let node = Node::local();
    let counter = counter(&node);
    let asker = node.spawn("asker", |_| Asker::default()).unwrap();
    node.tell(&counter, Add(3));
    for _ in 0..100 {
        node.tell(&asker, Begin(counter.clone()));
        assert_eq!(node.ask(&asker, Wait(counter.clone()), SOON).await, Ok(3));
    }
}

// Answers and tells from one actor to another keep their order.

struct Question;
struct Racer {
    target: Pid<AskerProtocol>,
}

protocol! { local RacerProtocol = "racer" { 1 => Question -> () } }

impl Actor for Racer {
    type Context = Context<Self>;
}

impl Process for Racer {
    type Protocol = RacerProtocol;
}

impl Handler<Question> for Racer {
    type Result = ();
    fn handle(&mut self, _: Question, ctx: &mut Context<Self>) {
        ctx.tell(&self.target, Note("before".into()));
        let target = self.target.clone();
        // Runs after the answer left.
        ctx.spawn(wrap_future(std::future::ready(())).map(
            move |(), _: &mut Self, ctx: &mut Context<Self>| {
                ctx.tell(&target, Note("after".into()));
            },
        ));
    }
}

#[tokio::test]
async fn answers_keep_their_place_among_tells() {
    let node = Node::local();
    for round in 0..200 {
        let name = |what: &str| format!("{what}{round}");
        let asker = node.spawn(name("asker"), |_| Asker::default()).unwrap();
        let target = asker.clone();
        let racer = node.spawn(name("racer"), |_| Racer { target }).unwrap();
        node.tell(&asker, AskRacer(racer));
        loop {
            let log = node.ask(&asker, Log, SOON).await.unwrap();
            if log.len() == 3 {
                assert_eq!(log, ["before", "answer", "after"]);
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_dropped_ask_is_not_handled() {
    let node = Node::local();
    let (gate, counter) = gated(node.process("counter"));
    drop(node.ask(&counter, Add(1000), SOON));
    node.tell(&counter, Add(1));
    gate.send(()).unwrap();
    assert_eq!(node.ask(&counter, Total, SOON).await, Ok(1));
}

#[tokio::test]
async fn a_full_mailbox_refuses_and_says_so() {
    let node = Node::local();
    let (gate, counter) = gated(node.process("counter").own_thread().mailbox(10));
    let monitor = node.monitor(&counter);
    for _ in 0..10 {
        node.tell(&counter, Add(1));
    }
    let refused = node.ask(&counter, Total, SOON).await;
    assert_eq!(refused, Err(AskError::Exited(ExitReason::Overloaded)));
    assert_eq!(soon(monitor).await.reason, ExitReason::Overloaded);

    let late = tokio::spawn({
        let (node, counter) = (node.clone(), counter.clone());
        async move { node.tell_ready(&counter, Add(100)).await }
    });
    gate.send(()).unwrap();
    assert_eq!(soon(late).await.unwrap(), Ok(()));
    assert_eq!(node.ask(&counter, Total, SOON).await, Ok(110));
    let seen = node.processes().pop().unwrap();
    assert_eq!((seen.dropped, seen.handled), (1, 12));
}
