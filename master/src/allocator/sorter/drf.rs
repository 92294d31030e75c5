//! Dominant resource fairness over a tree of clients (mesos.md §3.2).
//!
//! A node's share is the largest fraction that its subtree holds of any scalar of the cluster,
//! divided by its weight. Siblings are served by ascending share; on a tie the one that was
//! served less often goes first, then the smaller path. Every node keeps its children ranked, so
//! that an allocation costs `depth × log(siblings)` and reading the order needs no sorting.
//!
//! ```text
//! root ── eng ── (eng)    client "eng" itself takes part with weight 1 among its own children
//!      │      └─ web      client "eng/web"
//!      └─ ops             client "ops"
//! ```

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, btree_set};
use std::sync::Arc;

use mesos::resources::Quantities;

use super::Sorter;

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct DrfSorter {
    root: Node,
    scale: Scale,
}

/// What holdings are measured by.
#[derive(Default)]
struct Scale {
    total: Arc<Quantities>,
    weights: BTreeMap<String, f64>,
}

#[derive(Default)]
struct Node {
    /// Of the client here and everything below.
    usage: Usage,
    client: Option<Client>,
    children: BTreeMap<Arc<str>, Node>,
    /// Those children that lead to an active client, and the client here if it is active.
    order: BTreeSet<Rank>,
    /// This node's entry in its parent's `order`.
    rank: Option<Rank>,
}

struct Client {
    path: Arc<str>,
    active: bool,
    usage: Usage,
    /// The client's entry in its node's `order`.
    rank: Option<Rank>,
}

#[derive(Clone, Default)]
struct Usage {
    held: Quantities,
    /// Allocations over its lifetime.
    served: u64,
}

impl Sorter for DrfSorter {
    fn add(&mut self, client: &str) {
        if !self.contains(client) {
            let added = Client {
                path: Arc::from(client),
                active: false,
                usage: Usage::default(),
                rank: None,
            };
            let mut added = Some(added);
            self.visit(client, &mut |node, here| {
                if here {
                    node.client = added.take();
                }
            });
        }
    }

    fn remove(&mut self, client: &str) {
        let Some(gone) = self.root.find(client) else {
            return;
        };
        let usage = gone.usage.clone();
        self.visit(client, &mut |node, here| {
            node.usage.held -= &usage.held;
            node.usage.served -= usage.served;
            if here && let Some(rank) = node.client.take().and_then(|client| client.rank) {
                node.order.remove(&rank);
            }
        });
    }

    fn contains(&self, client: &str) -> bool {
        self.root.find(client).is_some()
    }

    fn is_empty(&self) -> bool {
        self.root.children.is_empty()
    }

    fn activate(&mut self, client: &str) {
        self.set_active(client, true);
    }

    fn deactivate(&mut self, client: &str) {
        self.set_active(client, false);
    }

    fn set_weight(&mut self, path: &str, weight: f64) {
        self.scale.weights.insert(path.to_owned(), weight);
        self.root.rank_all("", &self.scale);
    }

    fn allocated(&mut self, client: &str, amounts: &Quantities) {
        self.change_usage(client, |usage| {
            usage.held += amounts;
            usage.served += 1;
        });
    }

    fn unallocated(&mut self, client: &str, amounts: &Quantities) {
        self.change_usage(client, |usage| usage.held -= amounts);
    }

    fn set_total(&mut self, total: &Arc<Quantities>) {
        self.scale.total = Arc::clone(total);
        self.root.rank_all("", &self.scale);
    }

    fn sorted(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(InOrder {
            path: vec![(&self.root, self.root.order.iter())],
        })
    }
}

impl DrfSorter {
    fn set_active(&mut self, client: &str, active: bool) {
        if self.contains(client) {
            self.visit(client, &mut |node, here| {
                if here && let Some(client) = &mut node.client {
                    client.active = active;
                }
            });
        }
    }

    fn change_usage(&mut self, client: &str, change: impl Fn(&mut Usage)) {
        if self.contains(client) {
            self.visit(client, &mut |node, here| {
                change(&mut node.usage);
                if here && let Some(client) = &mut node.client {
                    change(&mut client.usage);
                }
            });
        }
    }

    fn visit(&mut self, client: &str, change: &mut dyn FnMut(&mut Node, bool)) {
        self.root.visit(client, 0, &self.scale, change);
    }
}

impl Node {
    fn find(&self, path: &str) -> Option<&Client> {
        let mut node = self;
        for name in path.split('/') {
            node = node.children.get(name)?;
        }
        node.client.as_ref()
    }

    /// Applies `change` to every node from here down to that of `path`, telling it whether it is
    /// the last one, and ranks them anew on the way back. `at` is where in `path` the name of the
    /// next child begins.
    fn visit(
        &mut self,
        path: &str,
        at: usize,
        scale: &Scale,
        change: &mut dyn FnMut(&mut Node, bool),
    ) {
        let here = at > path.len();
        change(self, here);
        if here {
            return self.rank_client(scale);
        }
        let end = path[at..]
            .find('/')
            .map_or(path.len(), |length| at + length);
        let name = &path[at..end];
        if !self.children.contains_key(name) {
            self.children.insert(Arc::from(name), Node::default());
        }
        if let Some(child) = self.children.get_mut(name) {
            child.visit(path, end + 1, scale, change);
        }
        self.rank_child(name, scale.weight(&path[..end]), scale);
    }

    fn rank_all(&mut self, path: &str, scale: &Scale) {
        self.rank_client(scale);
        let names: Vec<Arc<str>> = self.children.keys().cloned().collect();
        for name in names {
            let below = if path.is_empty() {
                name.to_string()
            } else {
                format!("{path}/{name}")
            };
            if let Some(child) = self.children.get_mut(&name) {
                child.rank_all(&below, scale);
            }
            self.rank_child(&name, scale.weight(&below), scale);
        }
    }

    fn rank_client(&mut self, scale: &Scale) {
        let Some(client) = &mut self.client else {
            return;
        };
        let rank = client.active.then(|| scale.rank(&client.usage, 1.0, None));
        replace_rank(&mut self.order, &mut client.rank, rank);
    }

    /// Also forgets the child once nothing is left in it.
    fn rank_child(&mut self, name: &str, weight: f64, scale: &Scale) {
        let Some((name, child)) = self.children.get_key_value(name) else {
            return;
        };
        let name = Arc::clone(name);
        let rank = (!child.order.is_empty())
            .then(|| scale.rank(&child.usage, weight, Some(Arc::clone(&name))));
        let vacant = child.client.is_none() && child.children.is_empty();
        if let Some(child) = self.children.get_mut(&name) {
            replace_rank(&mut self.order, &mut child.rank, rank);
        }
        if vacant {
            self.children.remove(&name);
        }
    }
}

fn replace_rank(order: &mut BTreeSet<Rank>, current: &mut Option<Rank>, new: Option<Rank>) {
    if *current != new {
        if let Some(old) = current.take() {
            order.remove(&old);
        }
        order.extend(new.clone());
        *current = new;
    }
}

impl Scale {
    fn weight(&self, path: &str) -> f64 {
        self.weights.get(path).copied().unwrap_or(1.0)
    }

    fn rank(&self, usage: &Usage, weight: f64, child: Option<Arc<str>>) -> Rank {
        Rank {
            share: self.share(&usage.held) / weight,
            served: usage.served,
            child,
        }
    }

    fn share(&self, held: &Quantities) -> f64 {
        held.iter()
            .map(|(name, held)| (held.milli(), self.total.get(name).milli()))
            .filter(|(_, total)| *total > 0)
            .map(|(held, total)| held as f64 / total as f64)
            .fold(0.0, f64::max)
    }
}

/// A place in the order of siblings.
#[derive(Clone, Debug)]
struct Rank {
    share: f64,
    served: u64,
    /// None is the client at the node itself, whose path is smaller than that of any child.
    child: Option<Arc<str>>,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.share.total_cmp(&other.share))
            .then_with(|| self.served.cmp(&other.served))
            .then_with(|| self.child.cmp(&other.child))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rank {}

/// Depth first over the ranked nodes.
struct InOrder<'a> {
    path: Vec<(&'a Node, btree_set::Iter<'a, Rank>)>,
}

impl<'a> Iterator for InOrder<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let (node, order) = self.path.last_mut()?;
            let node = *node;
            match order.next() {
                None => {
                    self.path.pop();
                }
                Some(Rank { child: None, .. }) => {
                    return node.client.as_ref().map(|client| &*client.path);
                }
                Some(Rank {
                    child: Some(name), ..
                }) => {
                    if let Some(child) = node.children.get(name) {
                        self.path.push((child, child.order.iter()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sorter over a cluster of 100 cpus and 1000 mem.
    fn sorter(clients: &[&str]) -> DrfSorter {
        let mut sorter = DrfSorter::default();
        sorter.set_total(&Arc::new(amounts("cpus:100;mem:1000")));
        for client in clients {
            sorter.add(client);
            sorter.activate(client);
        }
        sorter
    }

    fn amounts(text: &str) -> Quantities {
        text.parse().expect("quantities")
    }

    #[track_caller]
    fn assert_order(sorter: &DrfSorter, expected: &[&str]) {
        assert_eq!(sorter.sorted().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_smaller_dominant_share_goes_first() {
        let mut sorter = sorter(&["a", "b", "c"]);
        sorter.allocated("a", &amounts("cpus:5;mem:10"));
        sorter.allocated("b", &amounts("cpus:6;mem:6"));
        sorter.allocated("c", &amounts("cpus:1;mem:10"));
        assert_order(&sorter, &["c", "a", "b"]);
        sorter.unallocated("b", &amounts("cpus:6"));
        assert_order(&sorter, &["b", "c", "a"]);
    }

    #[test]
    fn equal_shares_are_ordered_by_times_served_then_by_path() {
        let mut sorter = sorter(&["b", "c", "a"]);
        assert_order(&sorter, &["a", "b", "c"]);
        sorter.allocated("a", &amounts("cpus:1"));
        sorter.unallocated("a", &amounts("cpus:1"));
        assert_order(&sorter, &["b", "c", "a"]);
    }

    #[test]
    fn a_client_that_comes_back_has_no_history() {
        let mut sorter = sorter(&["a", "b"]);
        sorter.allocated("a", &amounts("cpus:1"));
        sorter.remove("a");
        assert!(!sorter.contains("a"));
        sorter.add("a");
        sorter.activate("a");
        assert_order(&sorter, &["a", "b"]);
    }

    #[test]
    fn the_weight_divides_the_share() {
        let mut sorter = sorter(&["a", "b"]);
        sorter.set_weight("a", 4.0);
        sorter.allocated("a", &amounts("cpus:30"));
        sorter.allocated("b", &amounts("cpus:10"));
        assert_order(&sorter, &["a", "b"]);
    }

    #[test]
    fn inactive_clients_are_not_emitted_but_keep_what_they_hold() {
        let mut sorter = sorter(&["a", "b"]);
        sorter.deactivate("a");
        sorter.allocated("a", &amounts("cpus:10"));
        assert_order(&sorter, &["b"]);
        sorter.activate("a");
        assert_order(&sorter, &["b", "a"]);
    }

    #[test]
    fn resources_the_cluster_does_not_have_count_for_nothing() {
        let mut sorter = sorter(&["a", "b"]);
        sorter.allocated("a", &amounts("bananas:5"));
        sorter.allocated("b", &amounts("cpus:1"));
        assert_order(&sorter, &["a", "b"]);
    }

    #[test]
    fn a_grown_cluster_changes_which_resource_dominates() {
        let mut sorter = sorter(&["a", "b"]);
        sorter.allocated("a", &amounts("cpus:20"));
        sorter.allocated("b", &amounts("mem:100"));
        assert_order(&sorter, &["b", "a"]);
        sorter.set_total(&Arc::new(amounts("cpus:1000;mem:1000")));
        assert_order(&sorter, &["a", "b"]);
    }

    #[test]
    fn fairness_is_decided_level_by_level() {
        let mut sorter = sorter(&["eng/db", "eng/web", "ops"]);
        sorter.allocated("eng/db", &amounts("cpus:10"));
        sorter.allocated("ops", &amounts("cpus:9"));
        assert_order(&sorter, &["ops", "eng/web", "eng/db"]);
        sorter.allocated("ops", &amounts("cpus:9"));
        assert_order(&sorter, &["eng/web", "eng/db", "ops"]);
        sorter.remove("eng/db");
        assert_order(&sorter, &["eng/web", "ops"]);
    }

    #[test]
    fn a_client_takes_part_among_its_own_children() {
        let mut sorter = sorter(&["eng", "eng/web"]);
        sorter.set_weight("eng", 10.0);
        assert_order(&sorter, &["eng", "eng/web"]);
        sorter.allocated("eng", &amounts("cpus:1"));
        assert_order(&sorter, &["eng/web", "eng"]);
        sorter.deactivate("eng");
        assert_order(&sorter, &["eng/web"]);
        sorter.remove("eng/web");
        sorter.remove("eng");
        assert!(sorter.is_empty());
    }

    #[test]
    fn unknown_clients_are_ignored() {
        let mut sorter = sorter(&["a"]);
        sorter.allocated("x/y", &amounts("cpus:1"));
        sorter.deactivate("x");
        sorter.remove("a/b");
        assert_order(&sorter, &["a"]);
        sorter.remove("a");
        assert!(sorter.is_empty());
    }
}
