//! Who a node is, who may send it what, and how certificates change and fail.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use crate::common::{SOON, soon};
use libprocess::prelude::*;
use libprocess::tls::{Authority, Identity, Trust};
use libprocess::transport::{self, ConnectError, EndpointConfig, Liveness, Network};
use libprocess::{Allow, NodeBuilder};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Read;
#[derive(Serialize, Deserialize)]
struct Write(u64);

protocol! { StoreProtocol = "store" { 1 => Read -> u64, 2 => Write -> () } }

struct Store(u64);

impl Actor for Store {
    type Context = Context<Self>;
}

impl Process for Store {
    type Protocol = StoreProtocol;
}

impl Handler<Read> for Store {
    type Result = u64;
    fn handle(&mut self, _: Read, _: &mut Context<Self>) -> u64 {
        self.0
    }
}

impl Handler<Write> for Store {
    type Result = ();
    fn handle(&mut self, Write(value): Write, _: &mut Context<Self>) {
        self.0 = value;
    }
}

fn node(identity: Identity) -> NodeBuilder {
    Node::bind("127.0.0.1:0").identity(identity)
}

#[tokio::test]
async fn a_protocol_has_a_list_of_those_who_may_send_it() {
    let authority = Authority::generate("test");
    let allow = Allow::<StoreProtocol>::roles(["client", "master"]).message::<Write>(["master"]);
    let server = node(authority.issue("server", "s")).allow(allow).start();
    let server = server.await.unwrap();
    let store = server.spawn("store", |_| Store(1)).unwrap();
    let peer = async |role| node(authority.issue(role, "x")).start().await.unwrap();
    let (master, client, stranger) = (peer("master").await, peer("client").await, peer("?").await);

    assert_eq!(master.ask(&store, Write(2), SOON).await, Ok(()));
    assert_eq!(client.ask(&store, Read, SOON).await, Ok(2));

    let refused = client.ask(&store, Write(3), SOON).await;
    let why = "role `client` may not send message 2 of `store`";
    assert_eq!(refused, Err(AskError::Refused(why.into())));
    for message in 0..100 {
        client.tell(&store, Write(message));
        stranger.tell(&store, Write(message));
    }
    assert!(matches!(
        stranger.ask(&store, Read, SOON).await,
        Err(AskError::Refused(_))
    ));
    // Not even whether there is such an actor.
    let none = Pid::<StoreProtocol>::named("none", server.address());
    assert!(matches!(
        stranger.ask(&none, Read, SOON).await,
        Err(AskError::Refused(_))
    ));

    soon(async {
        while server.refused() < 203 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((server.refused(), server.processes()[0].handled), (203, 2));
    // What is on the node itself is not a peer.
    assert_eq!(server.ask(&store, Write(9), SOON).await, Ok(()));
    assert_eq!(client.ask(&store, Read, SOON).await, Ok(9));
}

fn peer_of(node: &Node, address: SocketAddr) -> Option<String> {
    let links = node.links();
    let link = links.iter().find(|link| link.address == address)?;
    link.peer.as_ref().map(|peer| peer.name.clone())
}

#[tokio::test]
async fn a_certificate_is_rotated_while_links_stay_up() {
    let (authority, next) = (Authority::generate("test"), Authority::generate("next"));
    let both = || [authority.trust(), next.trust()];
    let trusting = |identity| both().into_iter().fold(node(identity), NodeBuilder::trust);
    let start = async |name| {
        trusting(authority.issue("node", name))
            .start()
            .await
            .unwrap()
    };
    let (rotating, early, late) = (
        start("old").await,
        start("early").await,
        start("late").await,
    );
    let stores = [&rotating, &early, &late].map(|node| node.spawn("store", |_| Store(7)).unwrap());

    assert_eq!(early.ask(&stores[0], Read, SOON).await, Ok(7));
    let mut ended = std::pin::pin!(early.monitor(&stores[0]));
    assert_eq!(peer_of(&early, rotating.address()).as_deref(), Some("old"));

    // Another name, so that it shows, from another authority.
    rotating.rotate(&next.issue("node", "new"), both()).unwrap();
    assert_eq!(late.ask(&stores[0], Read, SOON).await, Ok(7));
    assert_eq!(peer_of(&late, rotating.address()).as_deref(), Some("new"));
    assert_eq!(early.ask(&stores[0], Read, SOON).await, Ok(7));
    assert_eq!(peer_of(&early, rotating.address()).as_deref(), Some("old"));
    assert!(
        futures_now(ended.as_mut()).await.is_none(),
        "the link broke"
    );

    // Whom it calls sees the new one, too.
    let called = start("called").await;
    let store = called.spawn("store", |_| Store(8)).unwrap();
    assert_eq!(rotating.ask(&store, Read, SOON).await, Ok(8));
    assert_eq!(peer_of(&called, rotating.address()).as_deref(), Some("new"));
}

/// What a future gives now, if it gives anything.
async fn futures_now<F: Future>(future: F) -> Option<F::Output> {
    tokio::time::timeout(Duration::ZERO, future).await.ok()
}

/// What both sides are told when the node with the first identity calls the one with the second, each
/// believing what it is given.
async fn refusals(caller: (Identity, Trust), called: (Identity, Trust)) -> [String; 2] {
    let bind = |(identity, trust)| {
        transport::bind(EndpointConfig {
            address: "127.0.0.1:0".parse().unwrap(),
            identity,
            trusts: vec![trust],
            seed: None,
            keys_dir: None,
            liveness: Liveness::default(),
            network: Network::Udp,
        })
        .unwrap()
    };
    let (caller, called) = (bind(caller), bind(called));
    let calling = async {
        // The caller is connected before the other side has seen its certificate.
        match caller.connect(called.local_addr()).await {
            Ok(connection) => connection.closed().await.to_string(),
            Err(ConnectError::Failed { reason, .. }) => reason.to_string(),
            Err(error) => panic!("{error}"),
        }
    };
    let accepting = async {
        let refused = called.accept().await.unwrap().accept().await;
        refused
            .map(|peer| panic!("{peer:?}"))
            .unwrap_err()
            .to_string()
    };
    let (one, other) = tokio::join!(calling, accepting);
    [one, other]
}

#[tokio::test]
async fn both_sides_are_told_what_is_wrong_with_a_certificate_and_what_to_do() {
    let (ours, theirs) = (Authority::generate("ours"), Authority::generate("theirs"));
    let good = || (ours.issue("node", "good"), ours.trust());
    let old = ours.issue_lasting("node", "old", Duration::ZERO);
    // Certificates know whole seconds only.
    let expired = SystemTime::now() + Duration::from_secs(1);
    while SystemTime::now() < expired {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let cases = [
        (
            (old, ours.trust()),
            good(),
            "certificate has expired: issue a new one",
        ),
        (
            (ours.issue("agent", "a"), ours.trust()),
            (ours.issue("master", "m"), ours.trust().only(["operator"])),
            "certificate is in a role that",
        ),
        (
            (theirs.issue("node", "stranger"), ours.trust()),
            good(),
            "certificate is from an authority that",
        ),
    ];
    for (bad, judge, words) in cases {
        let called = refusals(bad.clone(), judge.clone()).await;
        assert!(
            called[0].contains(&format!("this node's {words}")),
            "{called:?}"
        );
        assert!(
            called[1].contains(&format!("the peer's {words}")),
            "{called:?}"
        );
        // And if it is the other that calls. The judge may not be believed either, which is not seen here.
        let calling = refusals(judge, bad).await;
        assert!(
            calling[0].contains(&format!("the peer's {words}")),
            "{calling:?}"
        );
        assert!(
            calling[1].contains(&format!("this node's {words}")),
            "{calling:?}"
        );
    }
}
