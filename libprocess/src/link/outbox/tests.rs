use super::*;
use crate::link::{SIDES, TARGETS, WINDOW};

fn pid(name: &str) -> AnyPid {
    AnyPid::new(Arc::from(name), crate::LOCAL_ADDRESS, 1)
}

fn tell(outbox: &mut Outbox, to: &AnyPid, body: &[u8]) -> Result<Wake, Unsent> {
    outbox.add_message(outgoing(to, body))
}

fn outgoing<'a>(to: &'a AnyPid, body: &'a [u8]) -> Outgoing<'a> {
    Outgoing {
        protocol: "p",
        version: 1,
        to,
        from: None,
        tag: 1,
        trace: Trace::default(),
        ask: None,
        body,
    }
}

fn pair(to: &AnyPid) -> Pair {
    Pair::new(Arc::from(""), to.shared_name().clone())
}

/// What a writer finds on a lane: the first bytes of bodies, monitors and side lanes.
fn written(outbox: &mut Outbox, lane: usize) -> Vec<u8> {
    let Taken::Bytes(bytes) = outbox.take(lane) else {
        return Vec::new();
    };
    outbox.written(bytes.len());
    let mut bodies = Vec::new();
    let mut rest = &bytes[..];
    while let Some((content, length)) = frame::split(rest).unwrap() {
        match frame::parse(content).unwrap() {
            frame::Frame::Tell(_, body) => bodies.push(body[0]),
            frame::Frame::Exited(number, _)
            | frame::Frame::Place(number)
            | frame::Frame::Side(number) => bodies.push(number as u8),
            _ => {}
        }
        rest = &rest[length..];
    }
    bodies
}

fn finish(outbox: &mut Outbox, lane: usize) {
    assert!(matches!(outbox.take(lane), Taken::Finished));
}

#[test]
fn without_credit_messages_wait_and_with_them_what_comes_after() {
    let (slow, fast) = (pid("slow"), pid("fast"));
    let (slow_lane, fast_lane) = (pair(&slow).lane, pair(&fast).lane);
    let mut outbox = Outbox::default();
    let used = MESSAGE_OVERHEAD + 1000;
    let fitting = (WINDOW as usize).div_ceil(used);
    for _ in 0..fitting {
        tell(&mut outbox, &slow, &[1; 1000]).unwrap();
    }
    assert_eq!(outbox.is_ready(&outgoing(&slow, b"")), Ok(false));
    assert_eq!(outbox.is_ready(&outgoing(&fast, b"")), Ok(true));
    assert_eq!(written(&mut outbox, slow_lane), vec![1; fitting]);

    assert_eq!(tell(&mut outbox, &slow, &[2]), Ok(Wake::default()));
    let exited = |out: &mut _| frame::put_exited(out, 3, &ExitReason::Normal);
    let added = outbox.add_frame(&pair(&slow), 0, exited);
    assert_eq!(added, Ok(Wake::default()));
    tell(&mut outbox, &fast, &[9]).unwrap();
    assert!(written(&mut outbox, slow_lane).is_empty());
    assert_eq!(written(&mut outbox, fast_lane), [9]);

    outbox.add_credit("slow", WINDOW / 2);
    assert_eq!(written(&mut outbox, slow_lane), [2, 3]);
    assert_eq!(outbox.waiting(), 0);
}

#[test]
fn what_does_not_fit_is_an_overflow() {
    let to = pid("slow");
    let mut outbox = Outbox::default();
    let body = vec![0; 1 << 20];
    let overflow = (0..1000).find_map(|_| tell(&mut outbox, &to, &body).err());
    assert_eq!(overflow, Some(Unsent::Overflow));
    assert!(outbox.waiting() <= OUTBOX);
    assert!(outbox.end(&ExitReason::Overloaded));
    assert!(!outbox.end(&ExitReason::Normal));
    assert_eq!(
        tell(&mut outbox, &to, &[]),
        Err(Unsent::Ended(ExitReason::Overloaded))
    );
}

#[test]
fn routes_begin_anew_when_they_are_used_up() {
    let mut outbox = Outbox::default();
    for n in 0..ROUTES * DATA_LANES * 2 {
        tell(&mut outbox, &pid(&format!("actor{n}")), &[1]).unwrap();
    }
    assert!(
        outbox
            .lanes
            .all()
            .all(|(_, lane)| lane.routes.len() <= ROUTES)
    );
    assert!(outbox.targets.len() <= TARGETS);
}

#[test]
fn a_pair_of_actors_has_one_lane() {
    assert_eq!(lane_of("a", "b"), lane_of("a", "b"));
    let used = (0..100).map(|n| lane_of("a", &format!("b{n}")));
    let used: std::collections::BTreeSet<_> = used.collect();
    assert_eq!(used.len(), DATA_LANES);
}

#[test]
fn a_known_way_is_found_and_a_strange_one_is_not() {
    let pids: Vec<_> = (0..600).map(|n| pid(&format!("actor{n}"))).collect();
    let mut ways = Ways::default();
    for (target, to) in pids.iter().enumerate() {
        let way = Way {
            target,
            lane: 0,
            route: None,
        };
        let message = outgoing(to, b"");
        ways.insert(&message, way);
        assert_eq!(ways.find(&message).unwrap().target, target);
        let from = Some(to);
        assert!(ways.find(&Outgoing { from, ..message }).is_none());
        let protocol = "q";
        assert!(
            ways.find(&Outgoing {
                protocol,
                ..message
            })
            .is_none()
        );
        let version = 2;
        assert!(ways.find(&Outgoing { version, ..message }).is_none());
        assert!(ways.find(&outgoing(&pid(to.name()), b"")).is_none());
    }
    let right = |(target, to): (usize, &AnyPid)| match ways.find(&outgoing(to, b"")) {
        Some(way) => way.target == target,
        None => true,
    };
    assert!(pids.iter().enumerate().all(right));
}

#[test]
fn a_large_message_moves_its_pair_to_a_lane_of_its_own() {
    let (a, b) = (pid("a"), pid("b"));
    let (a_lane, b_lane) = (pair(&a).lane, pair(&b).lane);
    let mut outbox = Outbox::default();
    tell(&mut outbox, &a, &[1]).unwrap();
    let wake = tell(&mut outbox, &a, &vec![2; BULK]).unwrap();
    assert_eq!(wake.lanes().collect::<Vec<_>>(), [SIDE_LANES]);
    tell(&mut outbox, &a, &[3]).unwrap();
    tell(&mut outbox, &b, &[4]).unwrap();

    // The place of lane 1 is behind what came before; what comes after is on the side lane.
    let usual = written(&mut outbox, a_lane);
    match a_lane == b_lane {
        true => assert_eq!(usual, [1, 1, 4]),
        false => assert_eq!(usual, [1, 1]),
    }
    assert_eq!(written(&mut outbox, SIDE_LANES), [1, 2, 3]);

    // Nobody knows yet whether it arrived: what comes now, waits.
    finish(&mut outbox, SIDE_LANES);
    assert_eq!(tell(&mut outbox, &a, &[5]), Ok(Wake::default()));
    outbox
        .add_frame(&pair(&a), 0, |out| {
            frame::put_exited(out, 6, &ExitReason::Normal);
        })
        .unwrap();
    let wake = outbox.side_arrived(1);
    assert_eq!(wake.lanes().collect::<Vec<_>>(), [a_lane]);
    assert_eq!(written(&mut outbox, a_lane), [5, 6]);
    assert_eq!(outbox.held, 0);
}

#[test]
fn pairs_without_a_side_lane_wait_for_one_in_their_order() {
    let pids: Vec<_> = (0..SIDES + 2).map(|n| pid(&format!("p{n}"))).collect();
    let mut outbox = Outbox::default();
    for (n, to) in pids.iter().enumerate() {
        tell(&mut outbox, to, &vec![100 + n as u8; BULK]).unwrap();
        tell(&mut outbox, to, &[n as u8]).unwrap();
    }
    assert_eq!(outbox.held, 4);
    // The first comes back for more while others wait: it goes behind them.
    written(&mut outbox, SIDE_LANES);
    finish(&mut outbox, SIDE_LANES);
    tell(&mut outbox, &pids[0], &vec![200; BULK]).unwrap();
    for (arrived, next) in [(1, 108), (9, 109), (10, 200)] {
        outbox.side_arrived(arrived);
        assert_eq!(written(&mut outbox, SIDE_LANES)[1], next);
        finish(&mut outbox, SIDE_LANES);
    }
    assert_eq!(outbox.held, 0);
}
