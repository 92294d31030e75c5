//! The arithmetic of resources, beside a plain implementation on the protobuf form: the one that
//! tests compare ours with in meaning.

// One file for both: what is compared in speed has been shown to mean the same.
#[path = "../../../mesos/tests/resources/plainly.rs"]
mod plainly;

use std::hint::black_box;
use std::time::{Duration, Instant};

use mesos::resources::{Format, Resources};
use mesos::v1::Resource;
use plainly::Messages;

use crate::measure::{Contest, Contestant};
use crate::table::{Unit, Wanted};

/// An agent of ten entries: plain ones, reserved ones, ranges, words and a made-up name.
const AGENT: &str = "cpus:24;mem:65536;disk:1000000;gpus:4;ports:[31000-32000];cpus(ads):8;\
    mem(ads):16384;ports(ads):[21000-21999];names:{red, green, blue};bananas:7.5";

/// Something of each of them.
const TASK: &str = "cpus:0.5;mem:256;disk:100;gpus:1;ports:[31005-31010];cpus(ads):1;mem(ads):512;\
    ports(ads):[21004-21005];names:{green};bananas:1.25";

/// Half a second's worth of ours, and of theirs.
const OURS: usize = 1_000_000;
const THEIRS: usize = 50_000;

pub(crate) fn contests() -> Vec<Contest> {
    assert_same_meaning();
    let contest = |id, title, ours, theirs| {
        let wanted = Wanted::Least(10.0);
        Contest::new(id, title, Unit::PerSecond)
            .with(Contestant::timed("mesos-rs", OURS, ours))
            .with(Contestant::timed("on the protobuf form", THEIRS, theirs).wanted(wanted))
    };
    vec![
        contest(
            "resources-parse",
            "parse the text of 10 entries",
            |count| time(count, || Resources::parse(black_box(AGENT), "*")),
            |count| time(count, || Messages::parse(black_box(AGENT))),
        ),
        contest(
            "resources-read",
            "read 10 messages",
            |count| {
                let messages = messages(AGENT);
                time(count, || Resources::from_v1(black_box(&messages)))
            },
            |count| {
                let messages = messages(AGENT);
                time(count, || Messages::of(black_box(&messages)))
            },
        ),
        contest(
            "resources-add",
            "add 10 entries to 10 others",
            |count| both(count, |agent, task| agent + task),
            |count| both_plainly(count, |agent, task| changed(agent, |it| it.add(task))),
        ),
        contest(
            "resources-subtract",
            "subtract 10 entries from 10 others",
            |count| both(count, |agent, task| agent - task),
            |count| both_plainly(count, |agent, task| changed(agent, |it| it.subtract(task))),
        ),
        contest(
            "resources-contains",
            "whether 10 entries are contained in 10 others",
            |count| both(count, Resources::contains),
            |count| both_plainly(count, Messages::contains),
        ),
        contest(
            "resources-equal",
            "whether 10 entries equal 10 others that are equal",
            |count| {
                let (one, other) = (ours(AGENT), ours(AGENT));
                time(count, || black_box(&one) == black_box(&other))
            },
            |count| {
                let (one, other) = (
                    Messages::of(&messages(AGENT)),
                    Messages::of(&messages(AGENT)),
                );
                time(count, || black_box(&one).equals(black_box(&other)))
            },
        ),
        Contest::new(
            "resources-offer",
            "take a plain task from a plain agent and mark the rest as offered",
            Unit::PerSecond,
        )
        .with(Contestant::timed("mesos-rs", OURS, |count| {
            let agent = ours("cpus:24;mem:65536;disk:1000000;ports:[31000-32000]");
            let task = ours("cpus:0.5;mem:256");
            let role = "ads".into();
            time(count, || {
                let left = black_box(&agent) - black_box(&task);
                left.allocate_to(std::sync::Arc::clone(&role))
            })
        })),
    ]
}

/// Otherwise the comparison is worth nothing.
fn assert_same_meaning() {
    let meaning = |of: &Resources| Messages::of(&of.to_v1(Format::PostRefinement)).normal();
    let (agent, task) = (ours(AGENT), ours(TASK));
    let mut plainly = Messages::parse(AGENT).expect("resources");
    assert_eq!(meaning(&agent), plainly.normal());
    plainly.subtract(&Messages::parse(TASK).expect("resources"));
    assert_eq!(meaning(&(agent - task)), plainly.normal());
}

fn time<T>(count: usize, mut work: impl FnMut() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..count {
        black_box(work());
    }
    start.elapsed()
}

fn both<T>(count: usize, work: fn(&Resources, &Resources) -> T) -> Duration {
    let (agent, task) = (ours(AGENT), ours(TASK));
    time(count, || work(black_box(&agent), black_box(&task)))
}

fn both_plainly<T>(count: usize, work: fn(&Messages, &Messages) -> T) -> Duration {
    let (agent, task) = (
        Messages::of(&messages(AGENT)),
        Messages::of(&messages(TASK)),
    );
    time(count, || work(black_box(&agent), black_box(&task)))
}

fn changed(agent: &Messages, change: impl FnOnce(&mut Messages)) -> Messages {
    let mut changed = agent.clone();
    change(&mut changed);
    changed
}

fn ours(text: &str) -> Resources {
    Resources::parse(text, "*").expect("resources")
}

fn messages(text: &str) -> Vec<Resource> {
    ours(text).to_v1(Format::PostRefinement)
}
