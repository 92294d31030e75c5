//! What an agent stores of its resources: all that its flags do not say.
//!
//! ```text
//!  flags                          cpus:4              disk:1024
//!  stored                         cpus(eng, dynamic):1    disk(eng, dynamic)[v]:100
//!  total = flags - origin(stored) + stored
//!                                 cpus:3; cpus(eng):1     disk:924; disk(eng)[v]:100
//! ```
//!
//! Semantics: `docs/reservation.md` and `docs/persistent-volume.md` of Mesos.

use super::{Format, Key, ReservationKind, Resources};
use crate::v1;
use crate::v1::resource::reservation_info;

/// Stored resources that the agent does not have: its flags name less than they did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored reservations and volumes need {needed}, and only {total} is there")]
pub struct Missing {
    /// What they are made of.
    pub needed: Resources,
    /// What the agent has.
    pub total: Resources,
}

impl Resources {
    /// The reservations and volumes that were made at run time. Their allocation is left out.
    pub fn checkpointable(&self) -> Resources {
        self.filter(is_checkpointable).unallocate()
    }

    /// These resources with `stored` in the place of what it was made of.
    ///
    /// # Errors
    /// If `stored` was made of something else.
    pub fn with_checkpointed(&self, stored: &Resources) -> Result<Resources, Missing> {
        let needed = origin(stored);
        match self.checked_sub(&needed) {
            Some(rest) => Ok(rest + stored),
            None => Err(Missing {
                needed,
                total: self.clone(),
            }),
        }
    }
}

fn is_checkpointable(key: &Key<'_>) -> bool {
    let innermost = key.reservations.last();
    let is_dynamic = innermost.is_some_and(|last| last.kind == ReservationKind::Dynamic);
    is_dynamic || key.is_persistent_volume()
}

/// What `stored` was before anybody reserved it or made a volume of it.
fn origin(stored: &Resources) -> Resources {
    let origins = stored.to_v1(Format::PostRefinement).into_iter().map(bare);
    let origins: Vec<v1::Resource> = origins.collect();
    // They were read once, and less is said of them now.
    Resources::from_v1(&origins).unwrap_or_default()
}

fn bare(mut resource: v1::Resource) -> v1::Resource {
    let is_static = Some(reservation_info::Type::Static as i32);
    resource
        .reservations
        .retain(|reservation| reservation.r#type == is_static);
    resource.shared = None;
    resource.disk = resource.disk.and_then(|disk| {
        let source = disk.source?;
        Some(Box::new(v1::resource::DiskInfo {
            source: Some(source),
            ..Default::default()
        }))
    });
    resource
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &[&str]) -> Resources {
        let messages: Vec<v1::Resource> = json
            .iter()
            .map(|json| serde_json::from_str(json).unwrap())
            .collect();
        Resources::from_v1(&messages).unwrap()
    }

    const RESERVED: &str = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1},
        "reservations":[{"type":"DYNAMIC","role":"eng"}]}"#;
    const REFINED: &str = r#"{"name":"disk","type":"SCALAR","scalar":{"value":100},
        "reservations":[{"type":"STATIC","role":"eng"},{"type":"DYNAMIC","role":"eng/a"}],
        "disk":{"persistence":{"id":"v"}},"shared":{}}"#;
    const MOUNTED: &str = r#"{"name":"disk","type":"SCALAR","scalar":{"value":7},
        "reservations":[{"type":"DYNAMIC","role":"eng"}],
        "disk":{"persistence":{"id":"m"},"source":{"type":"MOUNT","mount":{"root":"/m"}}}}"#;
    const MOUNT: &str = r#"{"name":"disk","type":"SCALAR","scalar":{"value":7},
        "disk":{"source":{"type":"MOUNT","mount":{"root":"/m"}}}}"#;

    #[test]
    fn what_was_made_at_run_time_takes_the_place_of_what_it_was_made_of() {
        let flags = Resources::parse("cpus:4;disk:50;disk(eng):200", "*").unwrap() + read(&[MOUNT]);
        let stored = read(&[RESERVED, REFINED, MOUNTED]);
        let total = flags.with_checkpointed(&stored).unwrap();
        assert_eq!(total.scalars(), flags.scalars());
        assert_eq!(total.checkpointable(), stored);
        assert_eq!(total.reserved_to("eng").disk().to_string(), "107");
        assert_eq!(total.clone().allocate("eng").checkpointable(), stored);
        assert!(
            flags.checkpointable().is_empty(),
            "static reservations are in the flags"
        );
    }

    #[test]
    fn an_agent_that_shrank_is_told_what_it_lacks() {
        let flags = Resources::parse("cpus:0.5", "*").unwrap();
        let error = flags.with_checkpointed(&read(&[RESERVED])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the stored reservations and volumes need cpus:1, and only cpus:0.5 is there"
        );
    }
}
