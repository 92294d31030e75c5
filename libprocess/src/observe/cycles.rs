//! Who waits in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::cluster::Wait;

/// Actors of which each waits for an answer of the next, and the last for one of the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// `name@address` of each, the alphabetically first one first.
    pub members: Vec<String>,
    /// None of them can go on: each handles nothing else until it has its answer, so that only their deadlines
    /// end it. Otherwise it may well resolve by itself.
    pub stuck: bool,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for member in &self.members {
            write!(f, "{member} -> ")?;
        }
        write!(f, "{}", self.members.first().map_or("", String::as_str))
    }
}

/// The circles among `waits`. Of circles that are knotted together, one of the shortest through the
/// alphabetically first actor of the knot is named; when it is undone, the next one shows.
pub fn cycles(waits: &[Wait]) -> Vec<Cycle> {
    let mut graph: Graph<'_> = BTreeMap::new();
    let mut blocked = BTreeSet::new();
    for wait in waits {
        graph.entry(&wait.from).or_default().insert(&wait.to);
        if wait.blocked {
            blocked.insert(wait.from.as_str());
        }
    }
    prune(&mut graph);
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for &start in graph.keys() {
        if seen.contains(start) {
            continue;
        }
        let Some(members) = shortest_circle(&graph, start) else {
            continue;
        };
        seen.extend(knot_of(&graph, start));
        found.push(Cycle {
            stuck: members.iter().all(|member| blocked.contains(member)),
            members: members.into_iter().map(str::to_owned).collect(),
        });
    }
    found
}

/// Drops, again and again, whoever waits for nobody: in a healthy cluster that is everybody.
fn prune(graph: &mut Graph<'_>) {
    let mut waiters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, tos) in &*graph {
        for to in tos {
            waiters.entry(to).or_default().push(from);
        }
    }
    let mut idle: Vec<&str> = waiters
        .keys()
        .filter(|actor| !graph.contains_key(*actor))
        .copied()
        .collect();
    while let Some(actor) = idle.pop() {
        for waiter in waiters.remove(actor).into_iter().flatten() {
            let tos = graph.entry(waiter).or_default();
            tos.remove(actor);
            if tos.is_empty() {
                graph.remove(waiter);
                idle.push(waiter);
            }
        }
    }
}

type Graph<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The shortest way from `start` back to itself.
fn shortest_circle<'a>(graph: &Graph<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let came_from = reached(graph, start, Some(start));
    let mut at = *came_from.get(start)?;
    let mut way = vec![at];
    while at != start {
        at = came_from[at];
        way.push(at);
    }
    way.reverse();
    Some(way)
}

/// All that lie on circles through `start`: what it reaches and what reaches it.
fn knot_of<'a>(graph: &Graph<'a>, start: &'a str) -> Vec<&'a str> {
    let mut backwards: Graph<'a> = BTreeMap::new();
    for (from, tos) in graph {
        for to in tos {
            backwards.entry(to).or_default().insert(from);
        }
    }
    let (after, before) = (
        reached(graph, start, None),
        reached(&backwards, start, None),
    );
    let both = after.keys().filter(|actor| before.contains_key(*actor));
    both.copied().collect()
}

/// Breadth first: every actor that is reached from `start`, and from whom. Ends early at `goal`.
fn reached<'a>(
    graph: &Graph<'a>,
    start: &'a str,
    goal: Option<&str>,
) -> BTreeMap<&'a str, &'a str> {
    let mut came_from = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(at) = next.pop_front() {
        for to in graph.get(at).into_iter().flatten() {
            if !came_from.contains_key(to) {
                came_from.insert(*to, at);
                next.push_back(to);
            }
            if Some(*to) == goal {
                return came_from;
            }
        }
    }
    came_from
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a>b` waits; `a=b` waits and handles nothing meanwhile.
    fn parse(text: &str) -> Vec<Wait> {
        let edge = |edge: &str| {
            let blocked = edge.contains('=');
            let (from, to) = edge.split_once(['>', '=']).expect("an edge");
            Wait {
                from: from.to_owned(),
                to: to.to_owned(),
                message: "M".to_owned(),
                begun: true,
                blocked,
                left_millis: 1,
            }
        };
        text.split_whitespace().map(edge).collect()
    }

    #[test]
    fn circles_are_found_and_named() {
        let table = [
            ("", ""),
            ("a>b b>c", ""),
            ("a>b a>c b>d c>d", ""),
            ("a>a", "a -> a"),
            ("a>b b>a", "a -> b -> a"),
            ("c>a b>c a>b", "a -> b -> c -> a"),
            // What only leads to a circle, or away from it, is no part of it.
            ("x>b b>c c>b c>y", "b -> c -> b"),
            // Two of them.
            ("a>b b>a c>d d>c", "a -> b -> a, c -> d -> c"),
            // Two that are joined one way are still two.
            ("a>b b>a b>c c>d d>c", "a -> b -> a, c -> d -> c"),
            // A knot is named by its shortest circle through its first member.
            ("a>b b>c c>d d>a c>a", "a -> b -> c -> a"),
            // Twice the same wait is one.
            ("a>b a>b b>a", "a -> b -> a"),
        ];
        for (waits, expected) in table {
            let found = cycles(&parse(waits));
            let found: Vec<String> = found.iter().map(Cycle::to_string).collect();
            assert_eq!(found.join(", "), expected, "{waits}");
        }
    }

    #[test]
    fn a_circle_is_stuck_if_nobody_in_it_can_handle_anything_else() {
        for (waits, stuck) in [
            ("a=b b=a", true),
            ("a=b b>a", false),
            ("a=a", true),
            ("a=b b=c c>a", false),
        ] {
            assert_eq!(cycles(&parse(waits))[0].stuck, stuck, "{waits}");
        }
    }

    #[test]
    fn long_chains_and_circles_are_no_burden() {
        let chain = |length: usize| -> Vec<String> {
            let edge = |n| format!("{n:05}>{:05}", (n + 1) % 20_000);
            (0..length).map(edge).collect()
        };
        assert_eq!(cycles(&parse(&chain(19_999).join(" "))), []);
        let found = cycles(&parse(&chain(20_000).join(" ")));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].members.len(), 20_000);
    }
}
