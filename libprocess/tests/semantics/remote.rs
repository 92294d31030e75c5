//! Two nodes over real QUIC on loopback: everything that works on one node works between two.

use std::time::Duration;

use crate::common::{
    Add, Counter, CounterProtocol, Entry, Hang, Log, LogProtocol, Panic, Quit, SOON, Total, Watch,
    WhoAsks, gated, soon, watcher,
};
use libprocess::prelude::*;
use libprocess::tls::{Authority, PeerIdentity};
use libprocess::transport::Liveness;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Two nodes of one authority.
async fn pair() -> (Node, Node) {
    let authority = Authority::generate("test");
    (
        node(&authority, "master", "m").await,
        node(&authority, "agent", "a").await,
    )
}

async fn node(authority: &Authority, role: &str, name: &str) -> Node {
    Node::bind("127.0.0.1:0")
        .identity(authority.issue(role, name))
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn tells_and_asks_cross_in_order() {
    let (here, there) = pair().await;
    let counter = there.spawn("counter", |_| Counter::default()).unwrap();
    for n in 1..=100 {
        here.tell(&counter, Add(n));
    }
    assert_eq!(here.ask(&counter, Total, SOON).await, Ok(5050));
    let named = Pid::<CounterProtocol>::named("counter", there.address());
    assert_eq!(here.ask(&named, Total, SOON).await, Ok(5050));
}

#[tokio::test]
async fn a_dead_incarnation_and_an_unknown_name_are_no_process() {
    let (here, there) = pair().await;
    let first = there.spawn("counter", |_| Counter::default()).unwrap();
    there.stop(&first);
    soon(there.monitor(&first)).await;
    there.spawn("counter", |_| Counter::default()).unwrap();
    let gone = AskError::Exited(ExitReason::NoProcess);
    assert_eq!(here.ask(&first, Total, SOON).await, Err(gone.clone()));
    assert_eq!(
        soon(here.monitor(&first)).await.reason,
        ExitReason::NoProcess
    );
    let ghost = Pid::<CounterProtocol>::named("ghost", there.address());
    assert_eq!(here.ask(&ghost, Total, SOON).await, Err(gone));
}

#[tokio::test]
async fn a_pid_of_another_protocol_is_refused() {
    let (here, there) = pair().await;
    let (watcher, _heard) = watcher(&there);
    let wrong = watcher.any().assume::<CounterProtocol>();
    let answer = here.ask(&wrong, Total, SOON).await;
    assert!(matches!(answer, Err(AskError::Refused(why)) if why.contains("speaks watcher")));
}

#[tokio::test]
async fn ends_are_heard_across_nodes() {
    let (here, there) = pair().await;
    let (watcher, mut heard) = watcher(&here);
    let ends = [
        ("quits", ExitReason::Normal),
        ("panics", ExitReason::Panicked("ouch".into())),
    ];
    for (name, reason) in ends {
        let counter = there.spawn(name, |_| Counter::default()).unwrap();
        here.ask(&watcher, Watch(counter.any()), SOON)
            .await
            .unwrap();
        let hanging = here.ask(&counter, Hang, SOON);
        match name {
            "quits" => here.tell(&counter, Quit),
            _ => here.tell(&counter, Panic("ouch".into())),
        }
        let notice = Exited {
            pid: counter.any(),
            reason: reason.clone(),
        };
        assert_eq!(soon(heard.recv()).await, Some(notice));
        assert_eq!(soon(hanging).await, Err(AskError::Exited(reason)));
    }
}

#[tokio::test]
async fn the_end_of_a_node_is_the_end_of_its_actors() {
    let (here, there) = pair().await;
    let counter = there.spawn("counter", |_| Counter::default()).unwrap();
    let stubborn = there.spawn("hanging", |_| Counter::default()).unwrap();
    let ended = here.monitor(&counter);
    let hanging = here.ask(&stubborn, Hang, SOON);
    assert_eq!(here.ask(&counter, Total, SOON).await, Ok(0));
    there.shutdown(SOON).await;
    assert_eq!(soon(ended).await.reason, ExitReason::Normal);
    assert!(matches!(soon(hanging).await, Err(AskError::Exited(_))));
    assert_eq!(here.links(), []);
}

#[tokio::test]
async fn what_was_told_before_a_shutdown_arrives() {
    let (here, there) = pair().await;
    let counter = there.spawn("counter", |_| Counter::default()).unwrap();
    for _ in 0..10_000 {
        here.tell(&counter, Add(1));
    }
    here.shutdown(SOON).await;
    assert_eq!(there.ask(&counter, Total, SOON).await, Ok(10_000));
}

#[tokio::test]
async fn a_killed_node_is_missed_and_may_return() {
    let authority = Authority::generate("test");
    let here = node(&authority, "master", "m").await;
    let keys = tempfile::tempdir().unwrap();
    let start = |address: String| {
        let identity = authority.issue("agent", "a");
        Node::bind(address)
            .identity(identity)
            .keys_dir(keys.path())
            .start()
    };
    // The first life has its own runtime: dropping that is as sudden as a kill.
    let first = tokio::runtime::Runtime::new().unwrap();
    let there = first.block_on_from(start("127.0.0.1:0".into())).await;
    let address = there.address();
    let counter = there.spawn("counter", |_| Counter::default()).unwrap();
    let ended = here.monitor(&counter);
    let hanging = here.ask(&counter, Hang, SOON);
    assert_eq!(here.ask(&counter, Total, SOON).await, Ok(0));
    let dying = tokio::task::spawn_blocking(|| first.shutdown_timeout(SOON));
    soon(dying).await.unwrap();
    // Nothing is left to say goodbye, but the address is released.
    there.crash();
    let again = soon(async {
        loop {
            match start(address.to_string()).await {
                Ok(node) => break node,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    assert_eq!(soon(ended).await.reason, ExitReason::Disconnected);
    let lost = Err(AskError::Exited(ExitReason::Disconnected));
    assert_eq!(soon(hanging).await, lost);

    again.spawn("counter", |_| Counter(1)).unwrap();
    let gone = AskError::Exited(ExitReason::NoProcess);
    assert_eq!(here.ask(&counter, Total, SOON).await, Err(gone));
    let named = Pid::<CounterProtocol>::named("counter", address);
    assert_eq!(here.ask(&named, Total, SOON).await, Ok(1));
}

/// Runs a future on a runtime from within another one.
trait BlockOnFrom {
    async fn block_on_from<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, libprocess::BindError>> + Send + 'static,
    ) -> T;
}

impl BlockOnFrom for tokio::runtime::Runtime {
    async fn block_on_from<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, libprocess::BindError>> + Send + 'static,
    ) -> T {
        self.spawn(future).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn nobody_there_is_disconnected() {
    let (_, there) = pair().await;
    let address = there.address();
    there.shutdown(SOON).await;
    let impatient = Liveness {
        ping_every: Duration::from_millis(50),
        silent_after: Duration::from_millis(200),
    };
    let here = Node::bind("127.0.0.1:0")
        .liveness(impatient)
        .start()
        .await
        .unwrap();
    let counter = Pid::<CounterProtocol>::named("counter", address);
    let ended = here.monitor(&counter);
    let answer = here.ask(&counter, Total, SOON).await;
    assert_eq!(answer, Err(AskError::Exited(ExitReason::Disconnected)));
    assert_eq!(soon(ended).await.reason, ExitReason::Disconnected);
}

#[tokio::test]
async fn a_stranger_gets_nowhere() {
    let (here, _) = pair().await;
    let counter = here.spawn("counter", |_| Counter::default()).unwrap();
    let (stranger, _) = pair().await;
    let answer = stranger.ask(&counter, Total, SOON).await;
    assert_eq!(answer, Err(AskError::Exited(ExitReason::Disconnected)));
}

#[tokio::test]
async fn nodes_that_connect_at_once_share_one_link() {
    for _ in 0..20 {
        let (one, other) = pair().await;
        let at_one = one.spawn("counter", |_| Counter(1)).unwrap();
        let at_other = other.spawn("counter", |_| Counter(2)).unwrap();
        let (two, one_again) = tokio::join!(
            one.ask(&at_other, Total, SOON),
            other.ask(&at_one, Total, SOON),
        );
        assert_eq!((two, one_again), (Ok(2), Ok(1)));
        assert_eq!((one.links().len(), other.links().len()), (1, 1));
    }
}

// Who speaks, and in which order.

#[derive(Serialize, Deserialize)]
struct Go {
    counter: Pid<CounterProtocol>,
    target: Pid<LogProtocol>,
    count: u32,
}
#[derive(Serialize, Deserialize)]
struct WhoAmI;

protocol! { TalkerProtocol = "talker" { 1 => Go -> (), 2 => WhoAmI -> Option<(String, String)> } }

struct Talker;

impl Actor for Talker {
    type Context = Context<Self>;
}

impl Process for Talker {
    type Protocol = TalkerProtocol;
}

impl Handler<Go> for Talker {
    type Result = ();
    fn handle(&mut self, go: Go, ctx: &mut Context<Self>) {
        for n in 0..go.count {
            ctx.tell(&go.target, Entry(n));
        }
        let me = ctx.me();
        ctx.ask_then(&go.counter, WhoAsks, SOON, move |_, sender, ctx| {
            let known = matches!(sender, Ok(Some(pid)) if pid == me.any());
            ctx.tell(&go.target, Entry(if known { go.count } else { u32::MAX }));
            ctx.stop();
        });
    }
}

impl Handler<WhoAmI> for Talker {
    type Result = MessageResult<WhoAmI>;
    fn handle(&mut self, _: WhoAmI, ctx: &mut Context<Self>) -> Self::Result {
        MessageResult(match ctx.peer() {
            Peer::Remote(PeerIdentity { role, name }) => Some((role, name)),
            Peer::Local => None,
        })
    }
}

#[tokio::test]
async fn a_hundred_thousand_tells_keep_their_order_and_the_end_comes_last() {
    const COUNT: u32 = 100_000;
    let (here, there) = pair().await;
    let (report, mut heard) = mpsc::unbounded_channel();
    let target = there.spawn("log", |_| Log(report)).unwrap();
    let counter = there.spawn("counter", |_| Counter::default()).unwrap();
    let talker = here.spawn("talker", |_| Talker).unwrap();
    here.tell(
        &talker,
        Go {
            counter,
            target,
            count: COUNT,
        },
    );
    for n in 0..=COUNT {
        assert_eq!(soon(heard.recv()).await, Some(Ok(n)));
    }
    assert_eq!(soon(heard.recv()).await, Some(Err(ExitReason::Normal)));
}

#[tokio::test]
async fn the_peer_is_known_by_its_certificate() {
    let (here, there) = pair().await;
    let talker = there.spawn("talker", |_| Talker).unwrap();
    let known = Some(("master".to_owned(), "m".to_owned()));
    assert_eq!(here.ask(&talker, WhoAmI, SOON).await, Ok(known));
    assert_eq!(there.ask(&talker, WhoAmI, SOON).await, Ok(None));
}

#[tokio::test]
async fn a_slow_actor_holds_up_only_those_who_send_to_it() {
    let (here, there) = pair().await;
    let (gate, slow) = gated(there.process("slow").own_thread());
    let fast = there.spawn("fast", |_| Counter::default()).unwrap();
    const COUNT: u64 = 50_000;
    for _ in 0..COUNT {
        here.tell(&slow, Add(1));
    }
    let (late, waiting) = tokio::sync::oneshot::channel();
    tokio::spawn({
        let (here, slow) = (here.clone(), slow.clone());
        async move { late.send(here.tell_ready(&slow, Add(1)).await) }
    });
    for n in 0..20_000 {
        here.tell(&fast, Add(1));
        if n % 1000 == 0 {
            assert_eq!(here.ask(&fast, Total, SOON).await, Ok(n + 1));
        }
    }
    let depths = there.processes();
    let depth = depths
        .iter()
        .find(|process| process.pid == slow.any())
        .unwrap()
        .depth;
    assert!(
        (100..5000).contains(&depth),
        "{depth} messages in the mailbox"
    );

    gate.send(()).unwrap();
    assert_eq!(soon(waiting).await, Ok(Ok(())));
    assert_eq!(soon(here.ask(&slow, Total, SOON)).await, Ok(COUNT + 1));
}

#[tokio::test]
async fn a_sender_that_never_stops_is_cut_off() {
    let (here, there) = pair().await;
    let (gate, slow) = gated(there.process("slow").own_thread());
    let ended = here.monitor(&slow);
    let refused = here.ask(&slow, Total, SOON);
    while !here.links().is_empty() {
        here.tell(&slow, Add(1));
    }
    assert_eq!(soon(ended).await.reason, ExitReason::Overloaded);
    assert_eq!(
        soon(refused).await,
        Err(AskError::Exited(ExitReason::Overloaded))
    );
    drop(gate);
    // The next message makes a new link.
    let answer = here.ask(&slow, Total, SOON).await;
    assert!(answer.is_ok(), "{answer:?}");
}

#[tokio::test]
async fn a_dropped_ask_is_taken_back_from_the_other_node() {
    let (here, there) = pair().await;
    let (gate, busy) = gated(there.process("busy").own_thread());
    drop(here.ask(&busy, Add(1000), SOON));
    // What is sent behind the cancellation arrives after it.
    here.tell(&busy, Add(1));
    soon(async {
        while there.processes()[0].depth < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.send(()).unwrap();
    assert_eq!(here.ask(&busy, Total, SOON).await, Ok(1));
}
