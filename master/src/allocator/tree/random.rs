//! The random sorter: who is next is drawn by weight (Mesos' `src/master/allocator/mesos/sorter/drf/`).
//!
//! Siblings are as likely to come next as their weights say; a role that is both a client and a
//! parent takes part among its children with weight 1. So the weight of a leaf is the product of
//! its parts on the way down.

use super::super::Chance;
use super::{ROOT, RoleTree};

/// Draws are made of this many equally likely numbers.
const RESOLUTION: usize = 1 << 53;

impl RoleTree {
    /// All roles with clients that want offers, in random order.
    pub(in crate::allocator) fn roles_at_random(&self, chance: &mut Chance<'_>) -> Vec<u32> {
        let mut leaves = Vec::new();
        self.collect_leaves(ROOT, 1.0, &mut leaves);
        shuffle_by_weight(leaves, chance)
    }

    /// The clients of the role that want offers, in random order.
    pub(in crate::allocator) fn clients_at_random(
        &self,
        role: u32,
        chance: &mut Chance<'_>,
    ) -> Vec<u32> {
        let clients = self.nodes[role].clients.iter().copied();
        let mut active: Vec<u32> = clients.filter(|client| self.is_active(*client)).collect();
        active.sort_unstable_by(|a, b| self.clients[*a].name.cmp(&self.clients[*b].name));
        super::super::cycle::shuffle(&mut active, chance);
        active
    }

    fn collect_leaves(&self, node: u32, part: f64, leaves: &mut Vec<(u32, f64)>) {
        let here = &self.nodes[node];
        let mut active: Vec<u32> = here.children.clone();
        active.retain(|child| self.nodes[*child].active_below > 0);
        active.sort_unstable_by(|a, b| self.nodes[*a].name().cmp(self.nodes[*b].name()));
        let itself = if here.active_clients > 0 { 1.0 } else { 0.0 };
        let weights = active.iter().map(|child| self.nodes[*child].weight);
        let sum = itself + weights.sum::<f64>();
        if here.active_clients > 0 {
            leaves.push((node, part / sum));
        }
        for child in active {
            self.collect_leaves(child, part * self.nodes[child].weight / sum, leaves);
        }
    }
}

/// Draws all, one after the other, each by its weight among those that are left: the order of
/// exponentially distributed times whose rates are the weights.
fn shuffle_by_weight(weighted: Vec<(u32, f64)>, chance: &mut Chance<'_>) -> Vec<u32> {
    let mut times: Vec<(f64, u32)> = weighted
        .into_iter()
        .map(|(item, weight)| {
            let uniform = (chance(RESOLUTION) + 1) as f64 / RESOLUTION as f64;
            (-uniform.ln() / weight, item)
        })
        .collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    times.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_weighs_more_is_first_more_often() {
        let mut seed = 1u64;
        let mut chance = |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((u128::from(seed) * below as u128) >> 64) as usize
        };
        let rounds = 10_000;
        let mut first = [0; 3];
        for _ in 0..rounds {
            let weighted = vec![(0, 1.0), (1, 3.0), (2, 4.0)];
            let order = shuffle_by_weight(weighted, &mut chance);
            assert_eq!(order.len(), 3);
            first[order[0] as usize] += 1;
        }
        // In parts of eight, with more room than chance needs.
        for (times, expected) in first.into_iter().zip([1, 3, 4]) {
            let eighths = 8.0 * f64::from(times) / f64::from(rounds);
            assert!((eighths - f64::from(expected)).abs() < 0.2, "{first:?}");
        }
    }

    #[test]
    fn the_smallest_number_is_a_draw_like_any_other() {
        let weighted = vec![(0, 1.0), (1, 3.0)];
        assert_eq!(shuffle_by_weight(weighted, &mut |_| 0), [1, 0]);
    }
}
