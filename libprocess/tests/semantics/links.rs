//! Links: two actors that end together, on one node or on two.

use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim::{self, Net};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize)]
enum Do {
    Link(AnyPid),
    Unlink(AnyPid),
    Trap,
    Quit,
    Panic,
}

protocol! { EndProtocol = "end" { 1 => Do -> () } }

/// One end of a link. Reports what it hears.
struct End(mpsc::UnboundedSender<Exited>);

impl Actor for End {
    type Context = Context<Self>;
}

impl Process for End {
    type Protocol = EndProtocol;
}

impl Handler<Do> for End {
    type Result = ();

    fn handle(&mut self, what: Do, ctx: &mut Context<Self>) {
        match what {
            Do::Link(pid) => ctx.link(pid),
            Do::Unlink(pid) => ctx.unlink(pid),
            Do::Trap => ctx.trap_exits(),
            Do::Quit => ctx.stop(),
            Do::Panic => panic!("ouch"),
        }
    }
}

impl Handler<Exited> for End {
    type Result = ();

    fn handle(&mut self, exited: Exited, _: &mut Context<Self>) {
        let _ = self.0.send(exited);
    }
}

/// A node that lets others of its role link.
async fn open(net: &Net, address: &str) -> Node {
    let builder = Node::bind(address)
        .identity(net.identity("node", address))
        .network(net.network())
        .seed(address.bytes().map(u64::from).sum());
    builder.allow_links(["node"]).start().await.unwrap()
}

type Ear = mpsc::UnboundedReceiver<Exited>;

fn end(node: &Node, name: &str) -> (Pid<EndProtocol>, Ear) {
    let (say, ear) = mpsc::unbounded_channel();
    (node.spawn(name, move |_| End(say)).unwrap(), ear)
}

fn heard(ear: &mut Ear) -> Vec<Exited> {
    std::iter::from_fn(|| ear.try_recv().ok()).collect()
}

/// Runs `scenario` with two ends on one node, then with one on each of two nodes. The node is that of the caller,
/// from which both can be reached.
fn near_and_far<F: Future<Output = ()>>(
    scenario: impl Fn(Net, Node, (Pid<EndProtocol>, Ear), (Pid<EndProtocol>, Ear)) -> F,
) {
    for far in [false, true] {
        sim::run(1, |net| {
            let scenario = &scenario;
            async move {
                let a = open(&net, "10.0.0.1:5050").await;
                let b = open(&net, "10.0.0.2:5050").await;
                let other = if far { &b } else { &a };
                let (one, two) = (end(&a, "one"), end(other, "two"));
                scenario(net, a, one, two).await;
            }
        });
    }
}

/// What one that is linked to `first` ends with.
fn after<P>(first: &Pid<P>, reason: &str) -> ExitReason {
    ExitReason::Failed(format!("linked to {first}: {reason}"))
}

#[test]
fn either_end_takes_the_other_along() {
    near_and_far(async |_, node, (one, _), (two, _)| {
        let ended = (node.monitor(&one), node.monitor(&two));
        node.tell(&one, Do::Link(two.any()));
        sleep(SECOND).await;
        node.tell(&two, Do::Panic);
        assert_eq!(ended.0.await.reason, after(&two, "panicked: ouch"));
        assert_eq!(ended.1.await.reason, ExitReason::Panicked("ouch".into()));
    });
    // The one that was linked to, not the one that linked.
    near_and_far(async |_, node, (one, _), (two, _)| {
        let ended = node.monitor(&two);
        node.tell(&one, Do::Link(two.any()));
        node.tell(&one, Do::Panic);
        assert_eq!(ended.await.reason, after(&one, "panicked: ouch"));
    });
}

#[test]
fn a_normal_end_takes_nobody_along() {
    near_and_far(async |_, node, (one, _), (two, mut ear)| {
        node.tell(&two, Do::Trap);
        node.tell(&one, Do::Link(two.any()));
        node.tell(&one, Do::Quit);
        sleep(SECOND).await;
        assert_eq!(node.ask(&two, Do::Trap, SECOND).await, Ok(()));
        assert_eq!(heard(&mut ear), []);
    });
}

#[test]
fn who_traps_exits_hears_of_them_once() {
    near_and_far(async |_, node, (one, mut ear), (two, _)| {
        node.tell(&one, Do::Trap);
        // Each links to the other, one of them twice.
        node.tell(&one, Do::Link(two.any()));
        node.tell(&one, Do::Link(two.any()));
        node.tell(&two, Do::Link(one.any()));
        sleep(SECOND).await;
        node.tell(&two, Do::Panic);
        sleep(SECOND).await;
        let reason = ExitReason::Panicked("ouch".into());
        let pid = two.any();
        assert_eq!(heard(&mut ear), [Exited { pid, reason }]);
        assert_eq!(node.ask(&one, Do::Trap, SECOND).await, Ok(()));
    });
}

#[test]
fn either_end_takes_the_link_back() {
    near_and_far(async |_, node, one, two| taken_back(node, one, two, false).await);
    near_and_far(async |_, node, one, two| taken_back(node, one, two, true).await);
}

async fn taken_back(
    node: Node,
    (one, mut first): (Pid<EndProtocol>, Ear),
    (two, mut second): (Pid<EndProtocol>, Ear),
    by_the_other: bool,
) {
    node.tell(&one, Do::Trap);
    node.tell(&two, Do::Trap);
    node.tell(&one, Do::Link(two.any()));
    sleep(SECOND).await;
    match by_the_other {
        true => node.tell(&two, Do::Unlink(one.any())),
        false => node.tell(&one, Do::Unlink(two.any())),
    }
    sleep(SECOND).await;
    node.tell(&two, Do::Panic);
    sleep(SECOND).await;
    node.tell(&one, Do::Panic);
    sleep(SECOND).await;
    assert_eq!((heard(&mut first), heard(&mut second)), (vec![], vec![]));
}

#[test]
fn a_link_to_nobody_is_heard_at_once() {
    near_and_far(async |_, node, (one, _), (two, _)| {
        node.kill(&two);
        node.tell(&two, Do::Quit);
        sleep(SECOND).await;
        let ended = node.monitor(&one);
        node.tell(&one, Do::Link(two.any()));
        assert_eq!(ended.await.reason, after(&two, "no such process"));
    });
}

/// The reason is that of the first, however long the chain.
#[test]
fn a_chain_falls_as_one() {
    sim::run(1, |net| async move {
        let mut nodes = Vec::new();
        for n in 1..=3 {
            nodes.push(open(&net, &format!("10.0.0.{n}:5050")).await);
        }
        let ends: Vec<_> = (0..9)
            .map(|n| end(&nodes[n % 3], &format!("end{n}")).0)
            .collect();
        for pair in ends.windows(2) {
            nodes[0].tell(&pair[0], Do::Link(pair[1].any()));
        }
        sleep(SECOND).await;
        let ended: Vec<_> = ends.iter().map(|end| nodes[0].monitor(end)).collect();
        sleep(SECOND).await;
        nodes[0].tell(&ends[4], Do::Panic);
        for (n, ended) in ended.into_iter().enumerate() {
            let reason = ended.await.reason;
            match n {
                4 => assert_eq!(reason, ExitReason::Panicked("ouch".into())),
                _ => assert_eq!(reason, after(&ends[4], "panicked: ouch")),
            }
        }
    });
}

#[test]
fn a_broken_way_is_the_end_for_both() {
    sim::run(1, |net| async move {
        let a = open(&net, "10.0.0.1:5050").await;
        let b = open(&net, "10.0.0.2:5050").await;
        let (one, mut ear) = end(&a, "one");
        let (two, _) = end(&b, "two");
        a.tell(&one, Do::Trap);
        a.tell(&one, Do::Link(two.any()));
        sleep(SECOND).await;
        let ended = b.monitor(&two);
        net.partition(&[&a], &[&b]);
        let cut_off = after(&one, "its node cannot be reached");
        assert_eq!(ended.await.reason, cut_off);
        sleep(10 * SECOND).await;
        let reason = ExitReason::Disconnected;
        let pid = two.any();
        assert_eq!(heard(&mut ear), [Exited { pid, reason }]);
    });
}

#[test]
fn nobody_is_linked_to_those_who_may_not() {
    sim::run(1, |net| async move {
        let node = open(&net, "10.0.0.1:5050").await;
        let (there, _) = end(&node, "there");
        let guests = net.node_as("guest", "guest", "10.0.0.2:5050").await;
        let (guest, mut ear) = end(&guests, "guest");
        guests.tell(&guest, Do::Trap);
        guests.tell(&guest, Do::Link(there.any()));
        sleep(SECOND).await;
        let why = "role `guest` may not link to actors of this node";
        let reason = ExitReason::Failed(why.into());
        let pid = there.any();
        assert_eq!(heard(&mut ear), [Exited { pid, reason }]);
        assert_eq!(node.refused(), 1);
        // Nothing came of it, whatever becomes of who tried.
        net.crash(&guests);
        sleep(20 * SECOND).await;
        assert_eq!(node.ask(&there, Do::Trap, SECOND).await, Ok(()));

        // Unless a node says otherwise, nobody may.
        let closed = net.node("10.0.0.3:5050").await;
        let (safe, _) = end(&closed, "safe");
        let (one, mut ear) = end(&node, "one");
        node.tell(&one, Do::Trap);
        node.tell(&one, Do::Link(safe.any()));
        node.tell(&one, Do::Panic);
        sleep(SECOND).await;
        assert_eq!(heard(&mut ear).len(), 0, "it has ended before it heard");
        assert_eq!(closed.ask(&safe, Do::Trap, SECOND).await, Ok(()));
        assert_eq!(closed.refused(), 1);
    });
}

#[test]
fn a_flood_does_not_break_a_link_on_one_node() {
    sim::run(1, |net| async move {
        let node = net.node("10.0.0.1:5050").await;
        let (one, _) = end(&node, "one");
        let (say, _ear) = mpsc::unbounded_channel();
        let two = node.process("two").mailbox(1);
        let two = two.spawn(move |_| End(say)).unwrap();
        node.tell(&one, Do::Link(two.any()));
        sleep(SECOND).await;
        for _ in 0..10 {
            node.tell(&two, Do::Trap);
        }
        sleep(SECOND).await;
        assert_eq!(node.ask(&one, Do::Trap, SECOND).await, Ok(()));
    });
}
