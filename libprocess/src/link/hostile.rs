//! Peers that want too much: what they get is bounded, and others do not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{BufMut, BytesMut};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::tests::{Blob, Echo, FIRST, SOON, Scene, frames, hello, route, scene};
use super::{ASKS, MONITORS, OUTBOX, VERSION, code};
use crate::node::Node;
use crate::transport::CloseReason;
use crate::wire::frame::{self, Asked, Control, Head};

/// A good peer that asks all the time; gives the number of answers when told to stop.
struct Honest {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<usize>,
}

impl Scene {
    async fn honest(&self) -> Honest {
        let identity = self.authority.issue("node", "honest");
        let peer = Node::bind("127.0.0.1:0").identity(identity).start();
        let (peer, scale) = (peer.await.unwrap(), self.scale.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let asking = tokio::spawn(async move {
            let mut answers = 0;
            while !stopped.load(Ordering::Relaxed) || answers == 0 {
                let answer = peer.ask(&scale, Blob("four".into()), SOON).await;
                assert_eq!(answer, Ok(4));
                answers += 1;
            }
            answers
        });
        Honest { stop, asking }
    }

    /// Waits until the node hangs up, and tells why.
    async fn thrown_out(&self) -> u32 {
        let closed = timeout(SOON, self.connection.closed()).await.unwrap();
        match closed {
            CloseReason::Peer { code, .. } => code as u32,
            other => panic!("{other}"),
        }
    }
}

impl Honest {
    async fn had_answers(self) {
        self.stop.store(true, Ordering::Relaxed);
        assert!(self.asking.await.unwrap() > 0);
    }
}

fn waiting(scene: &Scene) -> usize {
    let links = scene.node.links();
    links.iter().map(|link| link.waiting).max().unwrap_or(0)
}

#[tokio::test]
async fn a_frame_without_end() {
    for length in [u32::MAX, frame::MAX_FRAME as u32 + 1] {
        let mut scene = scene().await;
        scene.say(hello(VERSION)).await;
        let giant = frames(|out| {
            frame::put_lane(out, 0);
            out.put_u32_le(length);
            out.put_bytes(4, 1000);
        });
        scene.say_on_a_data_lane(giant).await;
        scene.expect_thrown_out().await;
    }
}

#[tokio::test]
async fn a_hello_without_end() {
    let mut scene = scene().await;
    // As long as frames may be, but no hello is.
    let mut start = BytesMut::new();
    start.put_u32_le(frame::MAX_FRAME as u32);
    start.put_bytes(10, 2 * super::READ);
    scene.say(start.freeze()).await;
    scene.expect_thrown_out().await;
}

#[tokio::test]
async fn more_streams_than_lanes() {
    let mut scene = scene().await;
    let honest = scene.honest().await;
    scene.say(hello(VERSION)).await;
    // Kept open, until the door closes.
    let mut streams = Vec::new();
    for _ in 0..5000 {
        let Ok(mut stream) = scene.connection.open_uni().await else {
            break;
        };
        let lane = frames(|out| frame::put_lane(out, 0));
        let _ = stream.write_chunk(lane).await;
        streams.push(stream);
    }
    assert!(streams.len() < 200, "{}", streams.len());
    assert_eq!(scene.thrown_out().await, code::PROTOCOL);
    honest.had_answers().await;
}

#[tokio::test]
async fn a_lane_that_is_open_already() {
    let usual = frames(|out| frame::put_lane(out, 0));
    let side = frames(|out| frame::put_side(out, 1));
    for first in [usual, side] {
        let mut scene = scene().await;
        scene.say(hello(VERSION)).await;
        // It would be read twice at the same time, and nothing of it would have an order.
        for _ in 0..2 {
            scene.say_on_a_data_lane(first.clone()).await;
        }
        scene.expect_thrown_out().await;
    }
}

#[tokio::test]
async fn more_monitors_than_anybody_needs() {
    let mut scene = scene().await;
    let honest = scene.honest().await;
    scene.say(hello(VERSION)).await;
    let monitors = frames(|out| {
        for monitor in 0..=MONITORS as u64 {
            let monitor = Control::Monitor {
                monitor,
                name: "scale".into(),
                incarnation: 0,
                watcher: String::new(),
            };
            frame::put_control(out, &monitor);
        }
    });
    scene.say(monitors).await;
    assert_eq!(scene.thrown_out().await, code::PROTOCOL);
    honest.had_answers().await;
}

#[tokio::test]
async fn a_monitor_with_a_name_without_end() {
    let mut scene = scene().await;
    scene.say(hello(VERSION)).await;
    let monitor = Control::Monitor {
        monitor: 1,
        name: "n".repeat(100_000),
        incarnation: 0,
        watcher: String::new(),
    };
    scene
        .say(frames(|out| frame::put_control(out, &monitor)))
        .await;
    scene.expect_thrown_out().await;
}

fn asked(id: u64) -> Asked {
    Asked {
        id,
        milliseconds: 60_000,
    }
}

/// More asks than one may have: those whose places were taken by later ones have nobody who waits for them, in
/// whichever order they come, and are not handled.
#[tokio::test]
async fn more_asks_than_can_wait() {
    let mut scene = scene().await;
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    let busy = scene.node.process("busy").own_thread();
    busy.spawn(move |_| {
        let _ = opened.recv();
        super::tests::Scale
    })
    .unwrap();
    let honest = scene.honest().await;
    scene.say(hello(VERSION)).await;
    let body = crate::wire::encode(&Blob(String::new())).unwrap();
    const PLACES: u64 = ASKS as u64;
    // Three in one place, the last of them first; one that is alone in its own; and the number that no ask has.
    let asks = [3 * PLACES, PLACES, 2 * PLACES, PLACES + 1, 0];
    let asks = frames(|out| {
        frame::put_lane(out, 0);
        frame::put_route(out, &route("busy"));
        for id in asks {
            frame::put_ask(out, FIRST, asked(id), &body);
        }
        // When this is answered, all others that ever will be are.
        frame::put_ask(out, FIRST, asked(2 * PLACES - 1), &body);
    });
    let mut lane = scene.connection.open_uni().await.unwrap();
    lane.write_chunk(asks).await.unwrap();
    honest.had_answers().await;
    drop(gate);
    let read = timeout(SOON, async {
        let mut control = scene.connection.accept_uni().await.unwrap();
        assert!(control.read(1000).await.is_some());
        let mut answers = scene.connection.accept_uni().await.unwrap();
        let (mut partial, mut answered) = (BytesMut::new(), Vec::new());
        while answered.last() != Some(&(2 * PLACES - 1)) {
            partial.extend_from_slice(&answers.read(super::READ).await.unwrap());
            while let Some((content, length)) = frame::split(&partial).unwrap() {
                if let frame::Frame::Answer(id, _) = frame::parse(content).unwrap() {
                    answered.push(id);
                }
                let _ = partial.split_to(length);
            }
        }
        answered
    });
    let answered = read.await.unwrap();
    assert_eq!(answered, [3 * PLACES, PLACES + 1, 2 * PLACES - 1]);
}

/// Asks for much and reads nothing of it.
#[tokio::test]
async fn answers_that_nobody_reads() {
    let mut scene = scene().await;
    let honest = scene.honest().await;
    scene.say(hello(VERSION)).await;
    let body = crate::wire::encode(&Echo("x".repeat(1 << 20))).unwrap();
    let head = Head { tag: 2, ..FIRST };
    let mut lane = scene.connection.open_uni().await.unwrap();
    let opening = frames(|out| {
        frame::put_lane(out, 0);
        frame::put_route(out, &route("scale"));
    });
    lane.write_chunk(opening).await.unwrap();
    let mut worst = 0;
    for id in 0..200 {
        let ask = frames(|out| frame::put_ask(out, head, asked(id), &body));
        if lane.write_chunk(ask).await.is_err() {
            break;
        }
        worst = worst.max(waiting(&scene));
    }
    // Whichever bound it hits first: what may wait for it, or what it may have in a mailbox.
    let code = scene.thrown_out().await;
    assert!([code::OVERLOADED, code::PROTOCOL].contains(&code), "{code}");
    assert!(worst <= OUTBOX, "{worst}");
    honest.had_answers().await;
}

/// Pings all the time and reads no answer.
#[tokio::test]
async fn pings_without_end() {
    let mut scene = scene().await;
    let honest = scene.honest().await;
    scene.say(hello(VERSION)).await;
    let pings = frames(|out| {
        for number in 0..200_000 {
            frame::put_control(out, &Control::Ping { number });
        }
    });
    scene.say(pings).await;
    assert!(waiting(&scene) <= OUTBOX);
    honest.had_answers().await;
}

/// The same hello again, on another connection: it does not take the place of the link.
#[tokio::test]
async fn a_hello_that_was_heard_before() {
    let mut scene = scene().await;
    scene.say(hello(VERSION)).await;
    let mut control = scene.connection.accept_uni().await.unwrap();
    assert!(control.read(1000).await.is_some(), "no hello");

    let address = scene.node.address();
    let again = scene.endpoint.connect(address).await.unwrap();
    let mut lane = again.open_uni().await.unwrap();
    lane.write_chunk(hello(VERSION)).await.unwrap();
    match timeout(SOON, again.closed()).await.unwrap() {
        CloseReason::Peer { code, .. } => assert_eq!(code, u64::from(code::DUPLICATE)),
        other => panic!("{other}"),
    }
    assert_eq!(scene.node.links().len(), 1);
    let demonitor = Control::Demonitor { monitor: 1 };
    let still = frames(|out| frame::put_control(out, &demonitor));
    scene.control.write_chunk(still).await.unwrap();
}
