//! An operation ends once: whoever was told its end is never told another one.

use std::collections::BTreeMap;

use mesos::v1::OperationState;

use super::{Invariant, Sight};

/// Ends that the reserving framework was told, if there is one.
#[derive(Default)]
pub struct OperationsEndOnce {
    ends: BTreeMap<String, OperationState>,
    known: usize,
}

impl Invariant for OperationsEndOnce {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let Some(reserver) = &sight.cluster.reserver else {
            return Ok(());
        };
        for (id, state) in reserver.ends_after(self.known) {
            self.known += 1;
            match self.ends.insert(id.clone(), state) {
                Some(earlier) if earlier != state => {
                    return Err(format!("{id} was {earlier:?}, and {state:?} later"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
