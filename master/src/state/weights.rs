//! How much more one role gets than another (Mesos' `docs/weights.md`).

use std::collections::BTreeMap;

use mesos::protocols::CallRejected;
use mesos::roles;
use mesos::v1::master::call::UpdateWeights;

use super::operator::Ticket;
use super::{Continuation, Effect, Effects, State};
use crate::allocator::AllocatorOp;
use crate::registrar::Operation;

/// The most weights in one call: far more roles than a cluster has. Each is kept for ever.
const MAX_WEIGHTS: usize = 10_000;

/// The most weights in the registry: room for roles that came and went, as none is ever forgotten,
/// and still only a few megabytes in a record that is written as a whole.
const MAX_KEPT_WEIGHTS: usize = 10 * MAX_WEIGHTS;

impl State {
    pub(super) fn update_weights(
        &mut self,
        ticket: Ticket,
        update: UpdateWeights,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        let mut weights = BTreeMap::new();
        for info in update.weight_infos {
            let role = info.role.unwrap_or_default();
            let role = role.trim();
            roles::validate(role).map_err(|error| {
                CallRejected::invalid(format!("Invalid role '{role}': {error}"))
            })?;
            if !info.weight.is_finite() || info.weight <= 0.0 {
                return Err(CallRejected::invalid(format!(
                    "Invalid weight '{}' of role '{role}': weights must be positive",
                    info.weight
                )));
            }
            weights.insert(role.to_owned(), info.weight);
        }
        let known = &self.cluster.weights;
        if weights.len() > MAX_WEIGHTS || known.len() + weights.len() > MAX_KEPT_WEIGHTS {
            return Err(CallRejected::invalid("too many weights"));
        }
        // With those of the flag, which counts no more once there is any in the registry.
        let mut stored: BTreeMap<String, f64> = (known.iter())
            .map(|(role, weight)| (role.clone(), *weight))
            .collect();
        stored.extend(weights.clone());
        out.push(Effect::Registry(
            Operation::UpdateWeights { weights: stored },
            Continuation::UpdateWeights(ticket, weights),
        ));
        Ok(())
    }

    /// The registry has stored weights. If they matter to anybody now, all offers are made anew.
    pub(super) fn weights_updated(
        &mut self,
        ticket: Ticket,
        weights: BTreeMap<String, f64>,
    ) -> Effects {
        let mut out = Effects::new();
        let matters = |role: &String| {
            let is_or_below = |of: &String| of == role || roles::is_strict_subrole(of, role);
            let frameworks = self.cluster.frameworks.values();
            let mut roles = frameworks.flat_map(|framework| framework.roles.iter());
            roles.any(is_or_below)
        };
        let matter = weights.keys().any(matters);
        for (role, weight) in &weights {
            self.cluster.weights.insert(role.clone(), *weight);
        }
        out.push(Effect::Allocator(AllocatorOp::UpdateWeights { weights }));
        if matter {
            self.rescind_all(&mut out);
        }
        out.push(Effect::Answer(ticket, Ok(())));
        out
    }
}
