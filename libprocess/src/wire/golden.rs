//! The bytes of one example of every frame, every control message and every message of libprocess' own actors, compared
//! with those on file.
//!
//! A node of yesterday must understand what a node of today sends. If this test fails, something about the
//! format has changed: by accident, then undo it; or on purpose, then raise `VERSION` in `link/mod.rs`, so
//! that nodes of different formats part with a word instead of misunderstanding each other, and write
//! the file anew with `GOLDEN=write cargo test -p libprocess golden`. Between releases one version is enough. For the
//! messages of an actor it is the version of its protocol that is raised.

use std::fmt::{Debug, Write};
use std::path::Path;

use bytes::BytesMut;
use serde::{Deserialize, Serialize};

use super::frame::{self, Asked, Bind, Control, Head, Hello, Route, Written};
use super::{Body, encode};
use crate::error::{AskError, ExitReason};
use crate::group::{self, GroupChange, GroupEvent, GroupsProtocol};
use crate::names::{NamesProtocol, WhereIs};
use crate::observe::{self, ClusterView, Cycle, Look, LookAround, NodeSight, ObserverProtocol};
use crate::pid::AnyPid;
use crate::protocol::{Accepts, Protocol};
use crate::trace::Trace;

const FILE: &str = "tests/golden/frames.txt";

const HEADER: &str = "\
# What crosses between two nodes, one example of everything: what it is, what it means, its bytes.
# Written and compared by src/wire/golden.rs, which says what to do if it changes.
";

/// Everything that can be sent, in the order of the frames' kinds.
fn frames() -> Vec<BytesMut> {
    let head = Head {
        route: 1,
        tag: 2,
        trace: Trace { number: 3, span: 0 },
    };
    let spanned = Head {
        trace: head.trace.within(8),
        ..head
    };
    let asked = Asked {
        id: 4,
        milliseconds: 5000,
    };
    let route = Route {
        protocol: "counter".into(),
        version: 1,
        to: "to".into(),
        to_incarnation: 7,
        from: None,
    };
    let from = Some(("from".to_owned(), 300));
    let answer = Written {
        version: 1,
        bytes: &b"body"[..],
    };
    let write = |write: &dyn Fn(&mut BytesMut)| {
        let mut out = BytesMut::new();
        write(&mut out);
        out
    };
    let mut frames = vec![
        write(&|out| frame::put_lane(out, 3)),
        write(&|out| frame::put_route(out, &route)),
        write(&|out| {
            let from = from.clone();
            frame::put_route(
                out,
                &Route {
                    from,
                    ..route.clone()
                },
            );
        }),
        write(&frame::put_forget),
        write(&|out| frame::put_tell(out, head, b"body")),
        write(&|out| frame::put_ask(out, head, asked, b"body")),
        write(&|out| frame::put_tell(out, spanned, b"body")),
        write(&|out| frame::put_ask(out, spanned, asked, b"body")),
        write(&|out| frame::put_answer(out, 4, Ok(answer))),
    ];
    let mut refusals = vec![AskError::Timeout, AskError::Refused("why".into())];
    refusals.extend(reasons().map(AskError::Exited));
    for refusal in refusals {
        frames.push(write(&|out| frame::put_answer(out, 4, Err(&refusal))));
    }
    for reason in reasons() {
        frames.push(write(&|out| frame::put_exited(out, 6, &reason)));
    }
    frames.push(write(&|out| frame::put_cancel(out, 4)));
    let bind = Bind {
        id: 5,
        from: ("from".into(), 300),
        to: ("to".into(), 7),
    };
    frames.push(write(&|out| frame::put_bind(out, &bind)));
    frames.push(write(&|out| frame::put_unbind(out, 5)));
    frames.push(write(&|out| frame::put_place(out, 5)));
    frames.push(write(&|out| frame::put_side(out, 5)));
    for control in controls() {
        frames.push(write(&|out| frame::put_control(out, &control)));
    }
    frames
}

fn reasons() -> impl Iterator<Item = ExitReason> {
    let all = [
        ExitReason::Normal,
        ExitReason::Panicked("text".into()),
        ExitReason::Disconnected,
        ExitReason::NoProcess,
        ExitReason::Overloaded,
        ExitReason::NodeDown,
        ExitReason::Failed("text".into()),
        ExitReason::Killed,
    ];
    // Does not compile with a reason more: then it is missing above.
    match all[0] {
        ExitReason::Normal
        | ExitReason::Panicked(_)
        | ExitReason::Disconnected
        | ExitReason::NoProcess
        | ExitReason::Overloaded
        | ExitReason::NodeDown
        | ExitReason::Failed(_)
        | ExitReason::Killed => {}
    }
    all.into_iter()
}

fn controls() -> Vec<Control> {
    let all = vec![
        Control::Hello(Hello {
            version: 2,
            incarnation: 1 << 40,
            attempt: 1,
        }),
        Control::Monitor {
            monitor: 6,
            name: "to".into(),
            incarnation: 7,
            watcher: "from".into(),
        },
        Control::Demonitor { monitor: 6 },
        Control::Credit {
            name: "to".into(),
            bytes: 65_536,
        },
        Control::Goodbye { lanes: 2 },
        Control::Ping { number: 8 },
        Control::Pong {
            number: 8,
            every: 400,
        },
        Control::Arrived { side: 5 },
    ];
    // Likewise.
    match &all[0] {
        Control::Hello(_)
        | Control::Monitor { .. }
        | Control::Demonitor { .. }
        | Control::Credit { .. }
        | Control::Goodbye { .. }
        | Control::Ping { .. }
        | Control::Pong { .. }
        | Control::Arrived { .. } => {}
    }
    all
}

fn value<T: Serialize + Debug>(value: T) -> (String, Vec<u8>) {
    (format!("{value:?}"), encode(&value).unwrap())
}

/// Values as they lie in the bodies of messages.
fn values() -> Vec<(String, Vec<u8>)> {
    #[derive(Debug, Serialize, Deserialize)]
    enum Choice {
        First,
        Second { of: u8 },
    }
    let address = "10.0.0.1:5050".parse().unwrap();
    vec![
        value((250_u64, 251_u64, 65_536_u64, u64::MAX)),
        value((-1_i64, 1_i64, i64::MIN)),
        value((1.5_f64, true, 'x')),
        value(("text", vec![1_u16, 300], None::<u8>, Some(9_u8))),
        value([Choice::First, Choice::Second { of: 9 }]),
        value(AnyPid::new("name".into(), address, 300)),
    ]
}

/// The body of a message, its protocol and number before it.
fn message<P: Accepts<M>, M: actix::Message + Debug>(message: M) -> (String, Vec<u8>) {
    let mut body = Body::default();
    P::encode(&message, &mut body).unwrap();
    let (name, version, tag) = (P::NAME, P::VERSION, P::TAG);
    (
        format!("{name} version {version}, {tag}: {message:?}"),
        body.to_vec(),
    )
}

/// What libprocess' own actors say to each other, and their answers.
fn messages() -> Vec<(String, Vec<u8>)> {
    // A message more is missing below.
    let listed = [
        NamesProtocol::MESSAGES,
        GroupsProtocol::MESSAGES,
        ObserverProtocol::MESSAGES,
    ];
    assert_eq!(listed.map(<[_]>::len), [1, 4, 2]);

    let whereis = WhereIs {
        name: "to".into(),
        protocol: "counter".into(),
    };
    let address = "10.0.0.1:5050";
    let member = observe::samples::pid("guest", address);
    let event = GroupEvent {
        group: "lobby".into(),
        member: member.clone(),
        change: GroupChange::Joined,
    };
    let look_around = LookAround {
        patience_millis: 1000,
        seen: vec!["10.0.0.2:5050".parse().unwrap()],
    };
    let mut view = observe::samples::node(address, &["guest"]);
    view.processes[0].parent = Some(observe::samples::pid("host", address));
    view.processes[0].asks = vec![observe::samples::ask(member, true)];
    view.links = vec![observe::samples::link("10.0.0.2:5050")];
    let unseen = NodeSight {
        address: "10.0.0.2:5050".parse().unwrap(),
        peer: view.links[0].peer.clone(),
        view: None,
        unseen: Some("no answer in time".into()),
    };
    let seen = NodeSight {
        address: view.address,
        peer: None,
        view: Some(view.clone()),
        unseen: None,
    };
    let mut cluster = ClusterView::of(vec![seen, unseen], 1);
    assert!(!cluster.waits.is_empty());
    cluster.cycles = vec![Cycle {
        members: vec!["guest@10.0.0.1:5050".into()],
        stuck: true,
    }];
    vec![
        message::<NamesProtocol, _>(whereis),
        value(Some(300_u64)),
        message::<GroupsProtocol, _>(group::examples::sync()),
        message::<GroupsProtocol, _>(group::examples::change()),
        message::<GroupsProtocol, _>(group::Resync),
        message::<GroupsProtocol, _>(group::Wake),
        value(event),
        message::<ObserverProtocol, _>(Look),
        value(view),
        message::<ObserverProtocol, _>(look_around),
        value(cluster),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text() -> String {
    let mut text = HEADER.to_owned();
    text.push_str("\n# Frames: length 4, kind 1, content\n\n");
    for bytes in frames() {
        let (content, length) = frame::split(&bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        let meaning = format!("{:?}", frame::parse(content).unwrap());
        let (length, content) = bytes.split_at(4);
        let (kind, content) = content.split_at(1);
        let [length, kind, content] = [length, kind, content].map(hex);
        let bytes = format!("{length} {kind} {content}");
        writeln!(text, "{meaning}\n    {}", bytes.trim_end()).unwrap();
    }
    for (title, bodies) in [
        ("Values in the bodies of messages and answers", values()),
        (
            "Messages of libprocess' own actors, and answers",
            messages(),
        ),
    ] {
        writeln!(text, "\n# {title}\n").unwrap();
        for (meaning, bytes) in bodies {
            let bytes = format!("    {}", hex(&bytes));
            writeln!(text, "{meaning}\n{}", bytes.trim_end()).unwrap();
        }
    }
    text
}

#[test]
fn the_bytes_are_those_on_file() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = text();
    if std::env::var_os("GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&file, &text).unwrap();
    }
    let on_file = std::fs::read_to_string(&file).unwrap();
    for (now, then) in text.lines().zip(on_file.lines()) {
        assert_eq!(
            now, then,
            "the wire format has changed: see src/wire/golden.rs"
        );
    }
    assert_eq!(
        text, on_file,
        "something is new or gone: see src/wire/golden.rs"
    );
}
