//! The tree of roles with the frameworks in them: who holds how much, and who is next.
//!
//! ```text
//! root ── eng ── "."      role "eng" itself takes part among its own children, with weight 1
//!      │      └─ web      role "eng/web": frameworks f, g
//!      └─ ops             role "ops": framework f
//! ```
//!
//! A *client* is a framework in one role. Every node keeps the sums of what is held in it and
//! below, so that a change costs one step per level:
//!
//! | Sum | Of | For |
//! |---|---|---|
//! | `held`, `served` | known frameworks | shares (`order.rs`) |
//! | `reserved`, `given` | all agents' totals; whoever holds something | quota (`quota.rs`) |
//!
//! A node lives as long as anything needs it: a client, a child, a reservation, a quota.

mod order;
mod quota;
mod random;

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use super::amounts::Amounts;
use super::charge::Charge;
use super::constraints::RoleConstraints;
use super::filters::Ledger;
use super::options::Minimum;
use super::portion::Abilities;
use super::slots::Slots;

pub(super) use order::Walk;

/// A map that is only looked up in; without a random seed, as pure cores have none.
pub(super) type Lookup<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

pub(super) const ROOT: u32 = 0;

pub(super) struct RoleTree {
    pub(super) nodes: Slots<Node>,
    by_path: Lookup<Arc<str>, u32>,
    pub(super) clients: Slots<Client>,
    /// Which refusals of clients hold.
    pub(super) refusals: Ledger,
    /// What a share is a share of.
    total: Amounts,
    weights: BTreeMap<String, f64>,
    /// Grows whenever all shares change.
    generation: u64,
    /// What quota guarantees have to be kept back for, over all roles.
    required: Amounts,
    /// Nodes with a quota.
    quotas: usize,
    /// Top-level nodes with guarantees that are not met and somebody who wants offers.
    waiting: usize,
}

#[derive(Default)]
pub(super) struct Node {
    pub(super) path: Arc<str>,
    /// Where in the path the last component begins.
    name_at: usize,
    pub(super) parent: u32,
    children: Vec<u32>,
    weight: f64,
    /// Of the clients here and below.
    usage: Usage,
    /// Of the clients here.
    own: Usage,
    /// The clients of known frameworks, and how many of them want offers.
    pub(super) clients: Vec<u32>,
    active_clients: u32,
    /// How many clients here and below want offers.
    active_below: u32,
    /// The clients that want offers, the poorest first.
    client_order: Vec<u32>,
    /// The children with such clients, and this node itself as one of them.
    child_order: Vec<u32>,
    /// The generations that the orders are of; older ones have to be made anew.
    clients_sorted: u64,
    children_sorted: u64,
    quota: quota::Books,
    /// How many agents' totals have something reserved for exactly this role.
    reservers: u32,
}

/// What is held of the cluster, and how often something was given.
#[derive(Clone, Debug, Default)]
struct Usage {
    held: Amounts,
    served: u64,
    /// By what it is in line: the dominant share divided by the weight, and `served`, both as of
    /// when it was put there. Orders stay right while things change.
    rank: (f64, u64),
}

/// A framework in one role.
pub(super) struct Client {
    pub(super) framework: u32,
    pub(super) role: u32,
    /// The framework's id, for ties.
    name: Arc<str>,
    /// Whether its framework is known, so that it counts.
    pub(super) known: bool,
    /// Whether its framework is subscribed to the role.
    pub(super) subscribed: bool,
    active: bool,
    usage: Usage,
    /// On how many agents it holds something.
    pub(super) holdings: u32,
    pub(super) abilities: Abilities,
    /// Instead of the cluster's.
    pub(super) minimum: Option<Minimum>,
    pub(super) constraints: Option<Arc<RoleConstraints>>,
}

impl Default for RoleTree {
    fn default() -> Self {
        let mut nodes = Slots::default();
        nodes.insert(Node {
            weight: 1.0,
            ..Node::default()
        });
        Self {
            nodes,
            by_path: Lookup::default(),
            clients: Slots::default(),
            refusals: Ledger::default(),
            total: Amounts::default(),
            weights: BTreeMap::new(),
            generation: 1,
            required: Amounts::default(),
            quotas: 0,
            waiting: 0,
        }
    }
}

impl RoleTree {
    pub(super) fn find(&self, path: &str) -> Option<u32> {
        self.by_path.get(path).copied()
    }

    /// The node of this role, made if there is none. Whoever does not use it afterwards leaves it
    /// to [`RoleTree::prune`].
    pub(super) fn role(&mut self, path: &str) -> u32 {
        if let Some(found) = self.find(path) {
            return found;
        }
        let (parent, name_at) = match path.rfind('/') {
            None => (ROOT, 0),
            Some(slash) => (self.role(&path[..slash]), slash + 1),
        };
        let path: Arc<str> = Arc::from(path);
        let node = self.nodes.insert(Node {
            path: Arc::clone(&path),
            name_at,
            parent,
            weight: self.weights.get(&*path).copied().unwrap_or(1.0),
            ..Node::default()
        });
        self.by_path.insert(path, node);
        self.nodes[parent].children.push(node);
        node
    }

    /// Forgets the node, and those above it, if nothing needs it.
    pub(super) fn prune(&mut self, mut node: u32) {
        while node != ROOT && self.nodes[node].is_vacant() {
            let Some(gone) = self.nodes.remove(node) else {
                return;
            };
            self.by_path.remove(&gone.path);
            let siblings = &mut self.nodes[gone.parent].children;
            siblings.retain(|sibling| *sibling != node);
            node = gone.parent;
        }
    }

    /// All roles with their paths.
    pub(super) fn roles(&self) -> impl Iterator<Item = (u32, &Arc<str>)> {
        let nodes = self.nodes.iter().filter(|(node, _)| *node != ROOT);
        nodes.map(|(node, found)| (node, &found.path))
    }

    /// What known frameworks hold in the role and below.
    pub(super) fn held(&self, role: u32) -> &Amounts {
        &self.nodes[role].usage.held
    }

    /// The node and those above it, without the root.
    fn upwards(&self, node: u32) -> impl Iterator<Item = u32> {
        let above = |node: &u32| Some(self.nodes[*node].parent).filter(|parent| *parent != ROOT);
        std::iter::successors(Some(node).filter(|node| *node != ROOT), above)
    }

    /// Does something to the node and to those above it, the root excluded.
    fn each_upwards(&mut self, mut node: u32, mut change: impl FnMut(&mut Node)) {
        while node != ROOT {
            let here = &mut self.nodes[node];
            change(here);
            node = here.parent;
        }
    }

    /// A client that holds nothing and is not counted.
    pub(super) fn add_client(&mut self, framework: u32, name: &Arc<str>, role: u32) -> u32 {
        let client = self.clients.insert(Client {
            framework,
            role,
            name: Arc::clone(name),
            known: false,
            subscribed: false,
            active: false,
            usage: Usage::default(),
            holdings: 0,
            abilities: Abilities::default(),
            minimum: None,
            constraints: None,
        });
        self.refusals.cover(self.clients.span());
        self.nodes[role].quota.strangers += 1;
        client
    }

    /// Lets the client count, with all it holds.
    pub(super) fn recognize(&mut self, client: u32) {
        let found = &mut self.clients[client];
        found.known = true;
        found.usage.served = u64::from(found.holdings);
        let (role, usage) = (found.role, found.usage.clone());
        let node = &mut self.nodes[role];
        node.quota.strangers -= 1;
        node.clients.push(client);
        self.count(role, &usage.held, usage.served);
    }

    /// Stops counting the client; what it holds stays held.
    pub(super) fn disown(&mut self, client: u32) {
        self.set_active(client, false);
        self.forget_refusals(client);
        let gone = &mut self.clients[client];
        gone.known = false;
        gone.subscribed = false;
        let (role, held) = (gone.role, gone.usage.held.clone());
        let node = &mut self.nodes[role];
        node.quota.strangers += 1;
        node.clients.retain(|other| *other != client);
        self.discount(role, &held);
    }

    /// Removes a client that is not counted and holds nothing.
    pub(super) fn remove_client(&mut self, client: u32) {
        self.forget_refusals(client);
        if let Some(gone) = self.clients.remove(client) {
            self.nodes[gone.role].quota.strangers -= 1;
            self.prune(gone.role);
        }
    }

    /// Counts something for its role and those above it.
    fn count(&mut self, role: u32, held: &Amounts, served: u64) {
        let own = &mut self.nodes[role].own;
        own.held.add(held);
        own.served += served;
        self.each_upwards(role, |node| {
            node.usage.held.add(held);
            node.usage.served += served;
        });
        self.stale(role);
    }

    /// The opposite; how often a role was served is forgotten with its last client.
    fn discount(&mut self, role: u32, held: &Amounts) {
        let node = &mut self.nodes[role];
        node.own.held.subtract(held);
        let forgotten = match node.clients.is_empty() {
            true => std::mem::take(&mut node.own.served),
            false => 0,
        };
        self.each_upwards(role, |node| {
            node.usage.held.subtract(held);
            node.usage.served -= forgotten;
        });
        self.stale(role);
    }

    /// The client holds more on an agent; `given` tells whether it was given just now.
    pub(super) fn hold(&mut self, client: u32, all: &Amounts, charge: &Charge, given: bool) {
        let holder = &mut self.clients[client];
        holder.usage.held.add(all);
        let (role, known, served) = (holder.role, holder.known, u64::from(given));
        if known {
            holder.usage.served += served;
            self.count(role, all, served);
        }
        self.consume(role, charge);
    }

    /// The client holds less on an agent.
    pub(super) fn release(&mut self, client: u32, all: &Amounts, charge: &Charge) {
        let holder = &mut self.clients[client];
        holder.usage.held.subtract(all);
        let (role, known) = (holder.role, holder.known);
        if known {
            let node = &mut self.nodes[role];
            node.own.held.subtract(all);
            self.each_upwards(role, |node| node.usage.held.subtract(all));
            self.stale(role);
        }
        self.free(role, charge);
    }

    /// Whether the client is offered anything.
    pub(super) fn set_active(&mut self, client: u32, active: bool) {
        let found = &mut self.clients[client];
        if std::mem::replace(&mut found.active, active) == active {
            return;
        }
        let role = found.role;
        let change = |count: u32| if active { count + 1 } else { count - 1 };
        let node = &mut self.nodes[role];
        node.active_clients = change(node.active_clients);
        self.each_upwards(role, |node| node.active_below = change(node.active_below));
        self.refresh_waiting(self.top(role));
        self.stale(role);
    }

    pub(super) fn is_active(&self, client: u32) -> bool {
        self.clients[client].active
    }

    /// All that the client refused so far does not count any more.
    pub(super) fn forget_refusals(&mut self, client: u32) {
        self.refusals.forget(client);
    }

    pub(super) fn set_weights(&mut self, weights: &BTreeMap<String, f64>) {
        for (role, weight) in weights {
            self.weights.insert(role.clone(), *weight);
            if let Some(node) = self.find(role) {
                self.nodes[node].weight = *weight;
            }
        }
        self.generation += 1;
    }

    /// Sets what shares are shares of.
    pub(super) fn set_total(&mut self, total: Amounts) {
        if self.total != total {
            self.total = total;
            self.generation += 1;
        }
    }
}

impl Client {
    /// What it holds, over all agents.
    pub(super) fn held(&self) -> &Amounts {
        &self.usage.held
    }
}

impl Node {
    fn name(&self) -> &str {
        &self.path[self.name_at..]
    }

    fn is_vacant(&self) -> bool {
        self.children.is_empty()
            && self.clients.is_empty()
            && self.reservers == 0
            && self.quota.is_vacant()
    }
}
