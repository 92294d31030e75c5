//! Dominant resource fairness (Mesos' `src/master/allocator/mesos/sorter/drf/`): who is next.
//!
//! The share of a node is the largest part that it and all below it hold of any scalar of the
//! cluster, divided by its weight. Siblings are served by ascending share; on a tie the one that
//! was served less often goes first, then the smaller name. Inactive clients are not in line.
//!
//! Between two cycles changes only mark orders as stale; they are made anew when a cycle reads
//! them. Within a cycle, what was given moves one client, and one node a level, to its new place.

use std::cmp::Ordering;

use super::{Amounts, Charge, ROOT, RoleTree, Usage};

/// Stands in a node's order of children for the node itself.
const ITSELF: u32 = u32::MAX;

/// The name under which it does.
const ITSELF_NAME: &str = ".";

/// A position in the order of roles, depth first.
#[derive(Debug, Default)]
pub(in crate::allocator) struct Walk {
    /// The nodes on the way, with the next of their children.
    path: Vec<(u32, usize)>,
    /// Instead of the tree: roles in an order of their own.
    list: Option<std::vec::IntoIter<u32>>,
    /// Only roles whose guarantees are not met.
    only_unmet: bool,
}

impl Walk {
    /// Begins at the first role.
    pub(in crate::allocator) fn begin(&mut self, only_unmet: bool) {
        self.path.clear();
        self.path.push((ROOT, 0));
        self.list = None;
        self.only_unmet = only_unmet;
    }

    /// Begins at the first of these roles.
    pub(in crate::allocator) fn begin_list(&mut self, roles: Vec<u32>, only_unmet: bool) {
        self.path.clear();
        self.list = Some(roles.into_iter());
        self.only_unmet = only_unmet;
    }

    /// The next role with clients that want offers.
    pub(in crate::allocator) fn next(&mut self, tree: &mut RoleTree) -> Option<u32> {
        if let Some(list) = &mut self.list {
            let only_unmet = self.only_unmet;
            return list.find(|role| !only_unmet || tree.is_unmet(*role));
        }
        loop {
            let (node, at) = self.path.last_mut()?;
            let here = *node;
            tree.sort_children(here);
            let Some(next) = tree.nodes[here].child_order.get(*at).copied() else {
                self.path.pop();
                continue;
            };
            *at += 1;
            if next == ITSELF {
                return Some(here);
            }
            if here != ROOT || !self.only_unmet || tree.is_unmet(next) {
                self.path.push((next, 0));
            }
        }
    }
}

impl RoleTree {
    /// The clients of the role that want offers, in order.
    pub(in crate::allocator) fn clients_in_order(&mut self, role: u32) -> &[u32] {
        self.sort_clients(role);
        &self.nodes[role].client_order
    }

    /// The orders that this role is in, or that it has, are stale.
    pub(super) fn stale(&mut self, role: u32) {
        let node = &mut self.nodes[role];
        node.clients_sorted = 0;
        self.each_upwards(role, |node| node.children_sorted = 0);
        self.nodes[ROOT].children_sorted = 0;
    }

    /// Gives something to a client without changing any order: as often as this was called,
    /// [`RoleTree::settle`] has to be called before anybody reads an order.
    pub(in crate::allocator) fn give(&mut self, client: u32, all: &Amounts, charge: &Charge) {
        let (role, usage) = {
            let client = &mut self.clients[client];
            (client.role, &mut client.usage)
        };
        usage.give(all);
        self.nodes[role].own.give(all);
        self.each_upwards(role, |node| node.usage.give(all));
        self.consume(role, charge);
    }

    /// Puts a client that was given something to its new place.
    pub(in crate::allocator) fn settle(&mut self, client: u32) {
        let moved = &mut self.clients[client];
        moved.usage.rank(&self.total, 1.0);
        let mut node = moved.role;
        if self.nodes[node].clients_sorted == self.generation {
            let mut order = std::mem::take(&mut self.nodes[node].client_order);
            reorder(&mut order, client, |a, b| self.compare_clients(a, b));
            self.nodes[node].client_order = order;
        }
        self.nodes[node].own.rank(&self.total, 1.0);
        self.settle_child(node, ITSELF);
        while node != ROOT {
            let here = &mut self.nodes[node];
            let parent = here.parent;
            here.usage.rank(&self.total, here.weight);
            self.settle_child(parent, node);
            node = parent;
        }
    }

    fn settle_child(&mut self, parent: u32, child: u32) {
        // With one child there is nothing to compare, which spares frameworks in a flat tree a
        // look at their role's own order.
        if self.nodes[parent].children_sorted == self.generation
            && self.nodes[parent].child_order.len() > 1
        {
            let mut order = std::mem::take(&mut self.nodes[parent].child_order);
            reorder(&mut order, child, |a, b| {
                self.compare_children(parent, a, b)
            });
            self.nodes[parent].child_order = order;
        }
    }

    fn sort_clients(&mut self, role: u32) {
        let node = &mut self.nodes[role];
        if node.clients_sorted == self.generation {
            return;
        }
        node.clients_sorted = self.generation;
        let mut order = std::mem::take(&mut node.client_order);
        order.clear();
        for client in &self.nodes[role].clients {
            let found = &mut self.clients[*client];
            if found.active {
                found.usage.rank(&self.total, 1.0);
                order.push(*client);
            }
        }
        order.sort_unstable_by(|a, b| self.compare_clients(*a, *b));
        self.nodes[role].client_order = order;
    }

    fn sort_children(&mut self, parent: u32) {
        let node = &mut self.nodes[parent];
        if node.children_sorted == self.generation {
            return;
        }
        node.children_sorted = self.generation;
        let mut order = std::mem::take(&mut node.child_order);
        order.clear();
        if node.active_clients > 0 {
            node.own.rank(&self.total, 1.0);
            order.push(ITSELF);
        }
        for at in 0..self.nodes[parent].children.len() {
            let child = self.nodes[parent].children[at];
            let node = &mut self.nodes[child];
            if node.active_below > 0 {
                node.usage.rank(&self.total, node.weight);
                order.push(child);
            }
        }
        order.sort_unstable_by(|a, b| self.compare_children(parent, *a, *b));
        self.nodes[parent].child_order = order;
    }

    fn compare_clients(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (&self.clients[a], &self.clients[b]);
        a.usage.compare(&b.usage).then_with(|| a.name.cmp(&b.name))
    }

    fn compare_children(&self, parent: u32, a: u32, b: u32) -> Ordering {
        let of = |child: u32| match child {
            ITSELF => (&self.nodes[parent].own, ITSELF_NAME),
            child => (&self.nodes[child].usage, self.nodes[child].name()),
        };
        let ((a, a_name), (b, b_name)) = (of(a), of(b));
        a.compare(b).then_with(|| a_name.cmp(b_name))
    }
}

impl Usage {
    fn give(&mut self, all: &Amounts) {
        self.held.add(all);
        self.served += 1;
    }

    fn rank(&mut self, total: &Amounts, weight: f64) {
        self.rank = (self.held.dominant_share(total) / weight, self.served);
    }

    fn compare(&self, other: &Self) -> Ordering {
        let ((share, served), (other_share, other_served)) = (self.rank, other.rank);
        share
            .total_cmp(&other_share)
            .then_with(|| served.cmp(&other_served))
    }
}

/// Moves `changed`, whose rank has grown, in an order that was right before.
fn reorder(order: &mut [u32], changed: u32, compare: impl Fn(u32, u32) -> Ordering) {
    // Who is given something stands near the front.
    let Some(from) = order.iter().position(|other| *other == changed) else {
        return;
    };
    let behind = &order[from + 1..];
    let passed = behind.partition_point(|other| compare(*other, changed).is_lt());
    order[from..=from + passed].rotate_left(1);
}
