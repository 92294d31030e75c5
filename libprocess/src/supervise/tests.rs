//! The decisions of a supervisor, over random histories: no actors, no clock.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::family::{Effect, Family};
use super::spec::{Child, Supervisor};
use super::{KILL_GRACE, SHUTDOWN};
use crate::actor::Context;
use crate::error::ExitReason;
use crate::protocol::Process;

const SECOND: Duration = Duration::from_secs(1);

struct Nobody;

crate::protocol! { local NobodyProtocol = "nobody" {} }

impl actix::Actor for Nobody {
    type Context = Context<Self>;
}

impl Process for Nobody {
    type Protocol = NobodyProtocol;
}

/// A family and what its decisions come to: which children live, and in which stage.
struct World {
    family: Family,
    now: Duration,
    effects: VecDeque<Effect>,
    /// By number: whether it has started.
    alive: BTreeMap<u64, bool>,
    /// Told to stop, and killed.
    stopping: BTreeMap<u64, bool>,
    ended: Option<Option<String>>,
    spawns: Vec<u64>,
    stops: Vec<u64>,
}

impl World {
    fn new(tree: &Supervisor) -> Self {
        let mut world = Self {
            family: Family::new(tree),
            now: Duration::ZERO,
            effects: VecDeque::new(),
            alive: BTreeMap::new(),
            stopping: BTreeMap::new(),
            ended: None,
            spawns: Vec::new(),
            stops: Vec::new(),
        };
        world.family.step(world.now, &mut world.effects);
        world.perform();
        world
    }

    /// Performs the effects, and checks that each makes sense.
    fn perform(&mut self) {
        while let Some(effect) = self.effects.pop_front() {
            assert_eq!(self.ended, None, "{effect:?} after the end");
            match effect {
                Effect::Spawn(id, _) => {
                    assert_eq!(self.alive.insert(id, false), None, "two lives at once");
                    self.spawns.push(id);
                }
                Effect::Stop(id) => {
                    assert!(self.alive.contains_key(&id));
                    assert_eq!(self.stopping.insert(id, false), None, "stopped twice");
                    self.stops.push(id);
                }
                Effect::Kill(id) => {
                    assert!(self.alive.contains_key(&id));
                    self.stopping.insert(id, true);
                }
                Effect::Abandon(id) => {
                    self.alive.remove(&id);
                    self.stopping.remove(&id);
                }
                Effect::End(why) => {
                    assert!(self.alive.is_empty(), "somebody is left behind");
                    self.ended = Some(why);
                }
                Effect::Gone(id) => assert!(!self.alive.contains_key(&id)),
                Effect::Up(_) | Effect::FailedToStart(..) | Effect::Ready => {}
            }
        }
    }

    fn start(&mut self, id: u64) {
        self.alive.insert(id, true);
        self.family.started(self.now, id, &mut self.effects);
        self.perform();
    }

    fn exit(&mut self, id: u64, reason: ExitReason) {
        self.alive.remove(&id);
        self.stopping.remove(&id);
        self.family
            .exited(self.now, id, reason, 0.5, &mut self.effects);
        self.perform();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.family.tick(self.now, 0.5, &mut self.effects);
        self.perform();
    }

    /// Everybody does what is asked, until nothing is left to do.
    fn calm_down(&mut self) {
        for _ in 0..1000 {
            let starting = self.alive.iter().find(|(_, started)| !**started);
            if let Some(id) = self.stopping.keys().next().copied() {
                self.exit(id, ExitReason::Normal);
            } else if let Some((id, _)) = starting {
                self.start(*id);
            } else if let Some(deadline) = self.family.next_deadline(self.now) {
                self.pass(deadline - self.now);
            } else {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}

fn tree(strategy: fn(&'static str) -> Supervisor, children: usize) -> Supervisor {
    let names = (0..children).map(|n| format!("child{n}"));
    names.fold(strategy("tree"), |tree, name| tree.child(name, |_| Nobody))
}

fn strategies() -> [fn(&'static str) -> Supervisor; 3] {
    [
        Supervisor::one_for_one,
        Supervisor::rest_for_one,
        Supervisor::one_for_all,
    ]
}

#[test]
fn whatever_happens_all_are_up_in_the_end_or_all_are_gone() {
    for seed in 0..3000 {
        let mut chance = StdRng::seed_from_u64(seed);
        let strategy = strategies()[chance.random_range(0..3)];
        let mut tree = tree(strategy, chance.random_range(1..6)).intensity(
            chance.random_range(0..6),
            chance.random_range(1..5) * SECOND,
        );
        if chance.random() {
            tree = tree.backoff(SECOND / 10, 3 * SECOND);
        }
        for n in 0..chance.random_range(0..3) {
            let child = Child::new(format!("odd{n}"), |_| Nobody);
            tree = tree.with(match chance.random() {
                true => child.transient(),
                false => child.temporary(),
            });
        }
        let mut world = World::new(&tree);
        let mut asked_to_end = false;
        for _ in 0..chance.random_range(0..60) {
            let ids: Vec<_> = world.alive.keys().copied().collect();
            if ids.is_empty() && world.family.next_deadline(world.now).is_none() {
                break;
            }
            let id = ids.get(chance.random_range(0..=ids.len())).copied();
            match (chance.random_range(0..10), id) {
                (0..4, Some(id)) if !world.alive[&id] => world.start(id),
                (4, Some(id)) => world.exit(id, ExitReason::Normal),
                (5 | 6, Some(id)) => world.exit(id, ExitReason::Panicked("ouch".into())),
                (7, Some(id)) if chance.random_bool(0.2) => {
                    world.family.remove(world.now, id, &mut world.effects);
                    world.perform();
                }
                (8, _) if chance.random_bool(0.05) => {
                    asked_to_end = true;
                    world.family.end(world.now, &mut world.effects);
                    world.perform();
                }
                _ => world.pass(chance.random_range(1..2000) * Duration::from_millis(1)),
            }
        }
        world.calm_down();
        match &world.ended {
            None => {
                assert!(!asked_to_end, "seed {seed}: it did not end");
                let members = world.family.members();
                let up = members.iter().filter(|member| member.is_up()).count();
                assert_eq!(up, world.alive.len(), "seed {seed}");
                let idle = members.iter().filter(|member| !member.is_up());
                for member in idle {
                    assert!(
                        member.name.starts_with("odd"),
                        "seed {seed}: {}",
                        member.name
                    );
                }
            }
            Some(_) => assert_eq!(world.alive.len(), 0, "seed {seed}"),
        }
    }
}

#[test]
fn starts_go_up_and_stops_go_down() {
    for strategy in strategies() {
        let mut world = World::new(&tree(strategy, 4));
        world.calm_down();
        assert_eq!(world.spawns, [0, 1, 2, 3]);
        world.family.end(world.now, &mut world.effects);
        world.perform();
        assert_eq!(world.stops, [3], "one after the other");
        world.calm_down();
        assert_eq!(world.stops, [3, 2, 1, 0]);
        assert_eq!(world.ended, Some(None));
    }
}

#[test]
fn exactly_as_many_restarts_as_allowed() {
    for max in 0..5 {
        let mut world = World::new(&tree(Supervisor::one_for_one, 1).intensity(max, SECOND));
        world.calm_down();
        for _ in 0..max {
            world.exit(0, ExitReason::Normal);
            world.calm_down();
        }
        assert_eq!(world.ended, None);
        world.exit(0, ExitReason::Normal);
        assert!(matches!(world.ended, Some(Some(_))));
        assert_eq!(world.spawns.len(), 1 + max as usize);
    }
}

#[test]
fn one_who_cannot_be_killed_is_given_up() {
    let mut world = World::new(&tree(Supervisor::one_for_one, 2));
    world.calm_down();
    world.family.end(world.now, &mut world.effects);
    world.perform();
    world.pass(SHUTDOWN);
    assert_eq!(world.stopping, BTreeMap::from([(1, true)]));
    world.pass(KILL_GRACE);
    assert_eq!(world.stops, [1, 0]);
    world.calm_down();
    assert_eq!(world.ended, Some(None));
}
