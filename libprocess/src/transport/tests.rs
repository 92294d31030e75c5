//! Real connections over loopback.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::*;
use crate::tls::Authority;

const LOOPBACK: &str = "127.0.0.1:0";
const DEADLINE: Duration = Duration::from_secs(10);

fn config(authority: &Authority, role: &str) -> EndpointConfig {
    EndpointConfig {
        address: LOOPBACK.parse().unwrap(),
        identity: authority.issue(role, "one"),
        trusts: Vec::new(),
        seed: None,
        keys_dir: None,
        liveness: Liveness::default(),
        network: Network::Udp,
    }
}

/// Connects, and returns both ends once the accepting one has opened a lane and been heard.
async fn connect(from: &Endpoint, to: &Endpoint) -> Result<(Connection, Connection), ConnectError> {
    let accepting = async {
        let accepted = to.accept().await.unwrap().accept().await?;
        let mut lane = accepted.open_uni().await.unwrap();
        lane.write_chunk(Bytes::from_static(b"hello"))
            .await
            .unwrap();
        Ok::<_, ConnectError>(accepted)
    };
    let connecting = async {
        let connection = from.connect(to.local_addr()).await?;
        let lane = connection.accept_uni().await;
        let mut lane = lane.map_err(|reason| ConnectError::Failed {
            address: to.local_addr(),
            reason,
        })?;
        assert_eq!(lane.read(100).await.unwrap(), "hello");
        Ok::<_, ConnectError>(connection)
    };
    let (accepted, connection) = tokio::join!(accepting, connecting);
    Ok((connection?, accepted?))
}

#[tokio::test]
async fn lanes_carry_bytes_in_order_between_authenticated_peers() {
    let authority = Authority::generate("test");
    let a = bind(config(&authority, "agent")).unwrap();
    let m = bind(config(&authority, "master")).unwrap();
    let (to_master, to_agent) = connect(&a, &m).await.unwrap();
    assert_eq!(to_master.peer().to_string(), "master/one");
    assert_eq!(to_agent.peer().to_string(), "agent/one");
    assert_eq!(to_agent.remote_address(), a.local_addr());

    let mut lane = to_master.open_uni().await.unwrap();
    lane.set_priority(1);
    let sent: Vec<u8> = (0..1_000_000).map(|i| (i % 251) as u8).collect();
    let chunk = Bytes::from(sent.clone());
    let writing = tokio::spawn(async move {
        lane.write_chunk(chunk).await.unwrap();
        lane.finish();
        lane
    });
    let mut received = Vec::new();
    let mut lane = to_agent.accept_uni().await.unwrap();
    while let Some(bytes) = lane.read(64 << 10).await {
        received.extend_from_slice(&bytes);
    }
    assert!(received == sent);
    drop(writing.await.unwrap());

    to_master.close(7, b"enough");
    let reason = CloseReason::Peer {
        code: 7,
        reason: Bytes::from_static(b"enough"),
    };
    assert_eq!(to_agent.closed().await, reason);
    assert_eq!(to_master.closed().await, CloseReason::Local);
}

#[tokio::test]
async fn a_peer_of_another_authority_gets_nowhere() {
    let (ours, theirs) = (Authority::generate("test"), Authority::generate("test"));
    let m = bind(config(&ours, "master")).unwrap();
    let stranger = EndpointConfig {
        trusts: vec![ours.trust(), theirs.trust()],
        ..config(&theirs, "agent")
    };
    let refused = connect(&bind(stranger).unwrap(), &m).await.unwrap_err();
    let ConnectError::Failed { reason, .. } = refused else {
        panic!("{refused}");
    };
    assert!(matches!(reason, CloseReason::Refused(_)), "{reason}");
}

#[tokio::test]
async fn a_peer_out_of_its_role_gets_nowhere() {
    let (ours, agents) = (Authority::generate("test"), Authority::generate("agent"));
    let m = EndpointConfig {
        trusts: vec![ours.trust(), agents.trust().only(["executor"])],
        ..config(&ours, "agent")
    };
    let m = bind(m).unwrap();
    for (role, welcome) in [("executor", true), ("master", false)] {
        let caller = EndpointConfig {
            trusts: vec![ours.trust()],
            ..config(&agents, role)
        };
        let answer = connect(&bind(caller).unwrap(), &m).await;
        assert_eq!(answer.is_ok(), welcome, "{role}: {answer:?}");
    }
}

#[tokio::test]
async fn a_taken_address_is_named_with_the_remedy() {
    let authority = Authority::generate("test");
    let first = bind(config(&authority, "master")).unwrap();
    let second = EndpointConfig {
        address: first.local_addr(),
        ..config(&authority, "master")
    };
    let error = bind(second).unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }));
    let text = error.to_string();
    assert!(text.contains(&first.local_addr().to_string()), "{text}");
    assert!(text.contains("choose another port"), "{text}");
}

#[tokio::test]
async fn a_silent_peer_ends_the_connection() {
    let authority = Authority::generate("test");
    // Somebody has the port, but says nothing.
    let silent = std::net::UdpSocket::bind(LOOPBACK).unwrap();
    let nobody = silent.local_addr().unwrap();
    let quick = EndpointConfig {
        liveness: Liveness {
            ping_every: Duration::from_millis(100),
            silent_after: Duration::from_millis(300),
        },
        ..config(&authority, "agent")
    };
    let silent = ConnectError::Failed {
        address: nobody,
        reason: CloseReason::Silent,
    };
    assert_eq!(
        bind(quick).unwrap().connect(nobody).await.unwrap_err(),
        silent
    );
}

#[tokio::test]
async fn a_port_that_nobody_has_is_known_at_once() {
    let authority = Authority::generate("test");
    // Given back at once, and not given out again soon.
    let vacated = std::net::UdpSocket::bind(LOOPBACK).unwrap().local_addr();
    let address = vacated.unwrap();
    let start = std::time::Instant::now();
    let refused = bind(config(&authority, "agent"))
        .unwrap()
        .connect(address)
        .await
        .unwrap_err();
    let reason = CloseReason::Vacant;
    assert_eq!(refused, ConnectError::Failed { address, reason });
    assert!(start.elapsed() < Liveness::default().silent_after);
}

/// The former life is another runtime that is dropped without a word, as by kill -9.
#[test]
fn a_restarted_node_ends_the_links_of_its_former_life() {
    let authority = Authority::generate("test");
    let keys = tempfile::tempdir().unwrap();
    let persistent = |address| EndpointConfig {
        address,
        keys_dir: Some(keys.path().join("keys")),
        ..config(&authority, "master")
    };
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (ours, former) = (runtime(), runtime());

    let agent = ours.block_on(async { bind(config(&authority, "agent")).unwrap() });
    let master = former.block_on(async { bind(persistent(LOOPBACK.parse().unwrap())).unwrap() });
    let address = master.local_addr();
    let accepting = former.spawn(async move {
        let accepted = master.accept().await.unwrap().accept().await.unwrap();
        (master, accepted)
    });
    let connection = ours.block_on(agent.connect(address)).unwrap();
    let (master, accepted) = former.block_on(accepting).unwrap();
    // Tasks die with their runtime before the handles are dropped: nobody says goodbye.
    former.shutdown_timeout(DEADLINE);
    drop((master, accepted));

    ours.block_on(async {
        let _reborn = bind(persistent(address)).unwrap();
        // Links ping; here it is a lane that makes the former life's peer speak.
        let mut lane = connection.open_uni().await.unwrap();
        let _ = lane.write_chunk(Bytes::from_static(b"anybody?")).await;
        let reason = timeout(DEADLINE, connection.closed()).await.unwrap();
        assert_eq!(reason, CloseReason::Restarted);
    });
}
