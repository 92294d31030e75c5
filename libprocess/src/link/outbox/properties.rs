//! Whatever is sent, written, read and given back, in whatever order: what one actor sends to another arrives once and
//! in order, nothing is lost, no bound is passed, and all credit comes back.
//!
//! The other side is a model: it reads lanes as [`reader`](crate::link) does, one frame after the other, and a side
//! lane once its place was met.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::error::AskError;
use crate::link::WINDOW;
use crate::wire::MAX_BODY;
use crate::wire::frame::{Frame, Written};

/// Actors at each side.
const ACTORS: usize = 3;

/// Before the padding of a body: from, to, number.
const MARKS: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    /// Something from one actor to another, of this size: a message, or an answer, which needs no credit.
    Send(usize, usize, usize, bool),
    /// One of the writers that have something to do goes on.
    Write(Index),
    /// Of what was read, so much is handled.
    Handle(Index),
    /// The word that one of the side lanes that ended has arrived comes.
    Arrive(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![
        6 => Just(100_usize),
        3 => Just(20_000_usize),
        3 => Just(BULK + 1),
        1 => Just(MAX_BODY / 3),
    ];
    prop_oneof![
        5 => (0..ACTORS, 0..ACTORS, size, any::<bool>()).prop_map(|(f, t, s, a)| Step::Send(f, t, s, a)),
        4 => any::<Index>().prop_map(Step::Write),
        2 => any::<Index>().prop_map(Step::Handle),
        2 => any::<Index>().prop_map(Step::Arrive),
    ]
}

#[derive(Default)]
struct Model {
    outbox: Outbox,
    from: Vec<AnyPid>,
    to: Vec<AnyPid>,
    /// Lanes that somebody writes.
    writing: BTreeSet<usize>,
    /// By pair: how many were taken on, and how many came.
    sent: BTreeMap<(u8, u8), u32>,
    came: BTreeMap<(u8, u8), u32>,
    /// Read, and not handled yet: the receiver and the credit.
    unhandled: Vec<(u8, u64)>,
    /// What the receivers have of each window.
    held: BTreeMap<u8, u64>,
    places: BTreeSet<u64>,
    /// By lane, what came on a side lane so far.
    sides: BTreeMap<usize, Vec<u8>>,
    /// Side lanes that are complete, and whose place was not met yet.
    ended: BTreeMap<u64, Vec<u8>>,
    /// Side lanes that were read to their end.
    finished: Vec<u64>,
}

impl Model {
    fn new() -> Self {
        let pids = |side: &str| {
            let pid = |n| AnyPid::new(Arc::from(format!("{side}{n}")), crate::LOCAL_ADDRESS, 1);
            (0..ACTORS).map(pid).collect()
        };
        Self {
            from: pids("from"),
            to: pids("to"),
            ..Self::default()
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Send(from, to, size, answer) => self.send(*from, *to, *size, *answer),
            Step::Write(which) if !self.writing.is_empty() => {
                let lane = *which.get(&self.writing.iter().copied().collect::<Vec<_>>());
                self.write(lane);
            }
            Step::Handle(count) => {
                let count = count.index(self.unhandled.len() + 1);
                self.handle(count);
            }
            Step::Arrive(which) if !self.finished.is_empty() => {
                let number = self.finished.remove(which.index(self.finished.len()));
                let wake = self.outbox.side_arrived(number);
                self.woken(wake);
            }
            Step::Write(_) | Step::Arrive(_) => {}
        }
        assert!(self.outbox.waiting() <= OUTBOX);
    }

    fn send(&mut self, from: usize, to: usize, size: usize, answer: bool) {
        let pair = (from as u8, to as u8);
        let number = *self.sent.entry(pair).or_default();
        let mut body = vec![pair.0, pair.1];
        body.extend(number.to_le_bytes());
        body.resize(size.max(MARKS), 0);
        let added = match answer {
            true => {
                let names = [&self.from[from], &self.to[to]].map(|pid| pid.shared_name().clone());
                let [from, to] = names;
                self.outbox
                    .add_frame(&Pair::new(from, to), body.len(), |out| {
                        let (version, bytes) = (1, &body[..]);
                        let answer: Result<_, &AskError> = Ok(Written { version, bytes });
                        frame::put_answer(out, 1, answer);
                    })
            }
            false => self.outbox.add_message(Outgoing {
                protocol: "p",
                version: 1,
                to: &self.to[to],
                from: Some(&self.from[from]),
                tag: 1,
                trace: Trace::default(),
                ask: None,
                body: &body,
            }),
        };
        match added {
            Ok(wake) => {
                self.sent.insert(pair, number + 1);
                self.woken(wake);
            }
            // It says so, and leaves all as it was.
            Err(refused) => {
                assert_eq!(refused, Unsent::Overflow);
                assert!(self.outbox.waiting() + size + MESSAGE_OVERHEAD > OUTBOX);
            }
        }
    }

    fn woken(&mut self, wake: Wake) {
        for lane in wake.lanes() {
            if self.outbox.run(lane) {
                assert!(self.writing.insert(lane), "two write lane {lane}");
            }
        }
    }

    /// A writer goes on.
    fn write(&mut self, lane: usize) {
        match self.outbox.take(lane) {
            Taken::Bytes(bytes) => {
                self.outbox.written(bytes.len());
                match lane {
                    SIDE_LANES.. => {
                        self.sides
                            .entry(lane)
                            .or_default()
                            .extend_from_slice(&bytes);
                    }
                    _ => self.read(&bytes),
                }
            }
            Taken::Nothing => {
                assert!(self.outbox.rest(lane));
                self.writing.remove(&lane);
            }
            Taken::Finished => {
                assert!(lane >= SIDE_LANES);
                self.writing.remove(&lane);
                let content = self.sides.remove(&lane).expect("what was written");
                let (first, length) = frame::split(&content).unwrap().expect("its number");
                let Ok(Frame::Side(number)) = frame::parse(first) else {
                    panic!("a side lane begins with its number");
                };
                self.ended.insert(number, content[length..].to_vec());
            }
            Taken::Ended => panic!("nobody ended it"),
        }
        self.read_sides();
    }

    /// Reads the side lanes whose places were met.
    fn read_sides(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        let places = self.places.clone();
        let (met, ended) = ended.into_iter().partition(|(n, _)| places.contains(n));
        self.ended = ended;
        let met: BTreeMap<u64, Vec<u8>> = met;
        for (number, content) in met {
            self.read(&content);
            self.finished.push(number);
        }
    }

    fn read(&mut self, mut bytes: &[u8]) {
        while let Some((content, length)) = frame::split(bytes).unwrap() {
            match frame::parse(content).unwrap() {
                Frame::Tell(_, body) => {
                    let cost = (body.len() + MESSAGE_OVERHEAD) as u64;
                    let held = self.held.entry(body[1]).or_default();
                    *held += cost;
                    // The window, overshot by one message at most.
                    let most = WINDOW + (MAX_BODY + MESSAGE_OVERHEAD) as u64;
                    assert!(*held < most, "sent without credit");
                    self.unhandled.push((body[1], cost));
                    self.came(body);
                }
                Frame::Answer(_, answer) => self.came(answer.bytes),
                Frame::Place(number) => assert!(self.places.insert(number)),
                _ => {}
            }
            bytes = &bytes[length..];
        }
        assert!(bytes.is_empty(), "writers take whole frames");
    }

    fn came(&mut self, body: &[u8]) {
        let number = u32::from_le_bytes(body[2..MARKS].try_into().unwrap());
        let next = self.came.entry((body[0], body[1])).or_default();
        assert_eq!(number, *next, "out of order, lost or twice");
        *next += 1;
    }

    fn handle(&mut self, count: usize) {
        for (to, bytes) in self.unhandled.drain(..count).collect::<Vec<_>>() {
            *self.held.get_mut(&to).unwrap() -= bytes;
            let name = self.to[usize::from(to)].shared_name().clone();
            let wake = self.outbox.add_credit(&name, bytes);
            self.woken(wake);
        }
    }

    /// Until everything is written, handled and has arrived.
    fn finish(&mut self) {
        loop {
            let Some(lane) = self.writing.first().copied() else {
                self.handle(self.unhandled.len());
                if let Some(number) = self.finished.pop() {
                    let wake = self.outbox.side_arrived(number);
                    self.woken(wake);
                }
                if self.writing.is_empty() && self.finished.is_empty() {
                    break;
                }
                continue;
            };
            self.write(lane);
        }
        assert_eq!(self.came, self.sent);
        assert_eq!(self.outbox.waiting(), 0);
        assert_eq!(self.outbox.held, 0);
        assert!(self.outbox.sides.is_empty());
        for pid in &self.to {
            let target = self.outbox.targets.find(pid.name());
            let used = target.map_or(0, |place| self.outbox.targets[place].used);
            assert_eq!(used, 0, "{pid}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn all_arrives_once_and_in_order(steps in proptest::collection::vec(step(), 1..120)) {
        let mut model = Model::new();
        steps.iter().for_each(|step| model.step(step));
        model.finish();
    }
}
