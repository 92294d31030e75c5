//! What operations do to resources: each takes some away and puts others in their place.
//!
//! | Operation | Taken | Put |
//! |---|---|---|
//! | RESERVE | the resources without their innermost reservation, or `source` | the resources |
//! | UNRESERVE | the resources | the same without their innermost reservation |
//! | CREATE | the disk below the volume | the volume |
//! | DESTROY | the volume, its last copy if it is shared | the disk below it |
//! | GROW_VOLUME | the volume and the addition | the larger volume |
//! | SHRINK_VOLUME | the volume | the smaller volume and the disk that is freed |
//!
//! LAUNCH and LAUNCH_GROUP convert nothing; but several tasks may use one copy of a shared volume
//! that was offered, and for them copies are made: [`Conversion::copies`].
//!
//! Amounts never change, only what they are. The semantics of `getResourceConversions` in
//! `src/common/resources_utils.cpp` of Mesos; who may do what is another matter, see the master's
//! validation.

use super::{Key, Quantity, ResourceError, Resources};
use crate::v1;
use crate::v1::offer::Operation;
use crate::v1::offer::operation::Type;
use crate::v1::value;

/// One step: what is taken away, and what comes in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversion {
    /// Must be there, and is taken.
    pub consumed: Resources,
    /// Is put in its place.
    pub converted: Resources,
}

/// Why an operation has no meaning as a conversion. Names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// The part of the operation that its type needs is absent.
    #[error("Expecting 'operation.{0}' to be present")]
    Missing(&'static str),
    /// A resource breaks a rule.
    #[error("'{field}': {problem}")]
    Resource {
        /// Where it is.
        field: &'static str,
        /// What is wrong with it.
        problem: ResourceError,
    },
    /// Only what is reserved can be put in by RESERVE, or taken by UNRESERVE.
    #[error("'{field}': '{resource}' is not reserved; it needs an entry in 'reservations'")]
    NotReserved {
        /// Where it is.
        field: &'static str,
        /// What.
        resource: String,
    },
    /// A volume must be one.
    #[error(
        "'{field}': '{resource}' is not a persistent volume; it needs 'disk.persistence' and an amount"
    )]
    NotAVolume {
        /// Where it is.
        field: &'static str,
        /// What.
        resource: String,
    },
    /// What is added to a volume, or taken off it, must be a positive amount.
    #[error("'{field}' must be a positive amount of disk")]
    NotAnAmount {
        /// Where it is.
        field: &'static str,
    },
    /// A volume cannot shrink to nothing, or below.
    #[error(
        "'shrink_volume.subtract' is {subtract}, but must be less than the size of the volume, {size}; \
         use DESTROY to remove a volume"
    )]
    ShrinksToNothing {
        /// What should be taken off.
        subtract: Quantity,
        /// What there is.
        size: Quantity,
    },
    /// A type whose outcome only a resource provider knows, or none that we know.
    #[error("{0} has no outcome that can be told in advance")]
    Unpredictable(&'static str),
}

/// Why a conversion cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotApplicable {
    /// What it consumes is not there.
    #[error("{available} does not contain {consumed}")]
    NotContained {
        /// What there is.
        available: Resources,
        /// What is wanted.
        consumed: Resources,
    },
    /// A shared volume can go only with its last copy.
    #[error("{volume} cannot be removed from {available}: there are more copies of it in use")]
    StillShared {
        /// What there is.
        available: Resources,
        /// The volume.
        volume: Resources,
    },
}

impl Conversion {
    /// More copies of shared resources, for the tasks of one LAUNCH that use the same volume:
    /// what of `wanted` is shared, was `offered`, and is no longer in what is `left` of the offer.
    /// Consumes nothing; empty if what is left is enough.
    pub fn copies(offered: &Resources, left: &Resources, wanted: &Resources) -> Conversion {
        let lacking = wanted.shared() - left;
        let offered = |key: &Key<'_>| offered.keys().any(|have| have == *key);
        Conversion {
            consumed: Resources::new(),
            converted: lacking.filter(offered),
        }
    }

    /// The same for an agent's own resources, which are not allocated to anybody.
    pub fn unallocated(self) -> Conversion {
        Conversion {
            consumed: self.consumed.unallocate(),
            converted: self.converted.unallocate(),
        }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.consumed == self.converted
    }
}

impl Resources {
    /// What an operation does, one conversion after the other. None for LAUNCH and LAUNCH_GROUP.
    ///
    /// # Errors
    /// If the operation's part is absent, a resource breaks a rule, or the operation makes no
    /// sense for it; the error names the field.
    pub fn conversions(operation: &Operation) -> Result<Vec<Conversion>, ConversionError> {
        match operation.r#type() {
            Type::Launch | Type::LaunchGroup => Ok(Vec::new()),
            Type::Reserve => reserve(part("reserve", &operation.reserve)?),
            Type::Unreserve => unreserve(part("unreserve", &operation.unreserve)?),
            Type::Create => create(part("create", &operation.create)?),
            Type::Destroy => destroy(part("destroy", &operation.destroy)?),
            Type::GrowVolume => grow(part("grow_volume", &operation.grow_volume)?),
            Type::ShrinkVolume => shrink(part("shrink_volume", &operation.shrink_volume)?),
            other @ (Type::CreateDisk | Type::DestroyDisk | Type::Unknown) => {
                Err(ConversionError::Unpredictable(other.as_str_name()))
            }
        }
    }

    /// The resources after a conversion.
    ///
    /// # Errors
    /// If what it consumes is not here, or is shared and copies of it would stay behind.
    pub fn apply(&self, conversion: &Conversion) -> Result<Resources, NotApplicable> {
        let Conversion {
            consumed,
            converted,
        } = conversion;
        let Some(left) = self.checked_sub(consumed) else {
            return Err(NotApplicable::NotContained {
                available: self.clone(),
                consumed: consumed.clone(),
            });
        };
        let has = |all: &Resources, key: &Key<'_>| all.keys().any(|have| have == *key);
        let behind = consumed.filter(|key| key.shared && has(&left, key) && !has(converted, key));
        if !behind.is_empty() {
            return Err(NotApplicable::StillShared {
                available: self.clone(),
                volume: behind,
            });
        }
        Ok(left + converted)
    }

    /// The resources after conversions, one upon the other.
    ///
    /// # Errors
    /// Those of [`Resources::apply`]; then nothing has changed.
    pub fn apply_all<'a>(
        &self,
        conversions: impl IntoIterator<Item = &'a Conversion>,
    ) -> Result<Resources, NotApplicable> {
        let mut conversions = conversions.into_iter();
        conversions.try_fold(self.clone(), |resources, next| resources.apply(next))
    }

    /// Everything, reserved once more: `reservation` becomes the innermost.
    pub fn push_reservation(self, reservation: &super::Reservation) -> Resources {
        self.with_owners(|owner| {
            owner.reservations = owner.reservations.pushed(reservation.clone())
        })
    }

    /// Everything without its innermost reservation; what has none stays as it is.
    pub fn pop_reservation(self) -> Resources {
        self.with_owners(|owner| owner.reservations = owner.reservations.popped())
    }
}

fn part<'a, T>(name: &'static str, part: &'a Option<T>) -> Result<&'a T, ConversionError> {
    part.as_ref().ok_or(ConversionError::Missing(name))
}

fn reserve(reserve: &v1::offer::operation::Reserve) -> Result<Vec<Conversion>, ConversionError> {
    let field = "reserve.resources";
    if reserve.source.is_empty() {
        let each = read_reserved(field, &reserve.resources)?.into_iter();
        return Ok(each
            .map(|reserved| Conversion {
                consumed: reserved.clone().pop_reservation(),
                converted: reserved,
            })
            .collect());
    }
    Ok(vec![Conversion {
        consumed: sum("reserve.source", &reserve.source)?,
        converted: sum(field, &reserve.resources)?,
    }])
}

fn unreserve(
    unreserve: &v1::offer::operation::Unreserve,
) -> Result<Vec<Conversion>, ConversionError> {
    let each = read_reserved("unreserve.resources", &unreserve.resources)?.into_iter();
    Ok(each
        .map(|reserved| Conversion {
            converted: reserved.clone().pop_reservation(),
            consumed: reserved,
        })
        .collect())
}

fn create(create: &v1::offer::operation::Create) -> Result<Vec<Conversion>, ConversionError> {
    let field = "create.volumes";
    let each = create.volumes.iter().map(|volume| {
        Ok(Conversion {
            converted: read_volume(field, volume)?.0,
            consumed: read(field, &disk_below(volume))?,
        })
    });
    each.collect()
}

fn destroy(destroy: &v1::offer::operation::Destroy) -> Result<Vec<Conversion>, ConversionError> {
    let field = "destroy.volumes";
    let each = destroy.volumes.iter().map(|volume| {
        Ok(Conversion {
            consumed: read_volume(field, volume)?.0,
            converted: read(field, &disk_below(volume))?,
        })
    });
    each.collect()
}

fn grow(grow: &v1::offer::operation::GrowVolume) -> Result<Vec<Conversion>, ConversionError> {
    let (volume, size) = read_volume("grow_volume.volume", &grow.volume)?;
    let field = "grow_volume.addition";
    let addition = read(field, &grow.addition)?;
    let more = addition.disk();
    if more <= Quantity::ZERO {
        return Err(ConversionError::NotAnAmount { field });
    }
    Ok(vec![Conversion {
        consumed: volume + addition,
        converted: read("grow_volume.volume", &resized(&grow.volume, size + more))?,
    }])
}

fn shrink(shrink: &v1::offer::operation::ShrinkVolume) -> Result<Vec<Conversion>, ConversionError> {
    let field = "shrink_volume.volume";
    let (volume, size) = read_volume(field, &shrink.volume)?;
    let subtract = Quantity::from_f64(shrink.subtract.value).unwrap_or_default();
    if subtract.is_zero() {
        let field = "shrink_volume.subtract";
        return Err(ConversionError::NotAnAmount { field });
    }
    let left = size - subtract;
    if left <= Quantity::ZERO {
        return Err(ConversionError::ShrinksToNothing { subtract, size });
    }
    let freed = read(field, &disk_below(&resized(&shrink.volume, subtract)))?;
    Ok(vec![Conversion {
        consumed: volume,
        converted: read(field, &resized(&shrink.volume, left))? + freed,
    }])
}

/// The disk that a volume is made of: not persistent, not mounted, not shared.
pub fn disk_below(volume: &v1::Resource) -> v1::Resource {
    let mut bare = volume.clone();
    bare.shared = None;
    if let Some(disk) = &mut bare.disk {
        disk.persistence = None;
        disk.volume = None;
    }
    bare.disk = bare.disk.filter(|disk| disk.source.is_some());
    bare
}

fn resized(volume: &v1::Resource, size: Quantity) -> v1::Resource {
    let value = size.to_f64();
    v1::Resource {
        scalar: Some(value::Scalar { value }),
        ..volume.clone()
    }
}

fn read(field: &'static str, message: &v1::Resource) -> Result<Resources, ConversionError> {
    sum(field, std::slice::from_ref(message))
}

fn sum(field: &'static str, messages: &[v1::Resource]) -> Result<Resources, ConversionError> {
    Resources::from_v1(messages).map_err(|problem| ConversionError::Resource { field, problem })
}

fn read_reserved(
    field: &'static str,
    messages: &[v1::Resource],
) -> Result<Vec<Resources>, ConversionError> {
    let each = messages.iter().map(|message| {
        let resources = read(field, message)?;
        if resources.keys().any(|key| key.is_unreserved()) {
            let resource = resources.to_string();
            return Err(ConversionError::NotReserved { field, resource });
        }
        Ok(resources)
    });
    each.collect()
}

/// A volume and its size.
fn read_volume(
    field: &'static str,
    message: &v1::Resource,
) -> Result<(Resources, Quantity), ConversionError> {
    let volume = read(field, message)?;
    let size = (volume.keys())
        .find(|key| key.is_persistent_volume())
        .and_then(|key| key.size);
    match size {
        Some(size) => Ok((volume, size)),
        None => Err(ConversionError::NotAVolume {
            field,
            resource: volume.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Format;
    use super::*;

    fn operation(json: Value) -> Operation {
        serde_json::from_value(json).unwrap()
    }

    fn resources(messages: Value) -> Resources {
        let messages: Vec<v1::Resource> = serde_json::from_value(messages).unwrap();
        Resources::from_v1(&messages).unwrap()
    }

    fn disk(size: f64) -> Value {
        json!({"name": "disk", "type": "SCALAR", "scalar": {"value": size},
            "reservations": [{"type": "STATIC", "role": "eng"}]})
    }

    fn volume(size: f64) -> Value {
        let mut volume = disk(size);
        volume["disk"] = json!({"persistence": {"id": "v", "principal": "p"},
            "volume": {"mode": "RW", "container_path": "data"}});
        volume
    }

    fn shared(size: f64) -> Value {
        let mut volume = volume(size);
        volume["shared"] = json!({});
        volume
    }

    fn cpus(stack: Value) -> Value {
        json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": 2}, "reservations": stack})
    }

    /// What becomes of `before`.
    #[track_caller]
    fn after(before: Value, operations: &[Value]) -> Result<Resources, String> {
        let mut resources = resources(before);
        for json in operations {
            let conversions =
                Resources::conversions(&operation(json.clone())).map_err(|e| e.to_string())?;
            resources = resources
                .apply_all(&conversions)
                .map_err(|e| e.to_string())?;
        }
        Ok(resources)
    }

    fn dynamic(role: &str) -> Value {
        json!({"type": "DYNAMIC", "role": role, "principal": "p"})
    }

    #[test]
    fn reserving_pushes_and_unreserving_pops() {
        let (free, once) = (cpus(json!([])), cpus(json!([dynamic("a")])));
        let twice = cpus(json!([dynamic("a"), dynamic("a/b")]));
        let to = |target: &Value| json!({"type": "RESERVE", "reserve": {"resources": [target]}});
        let from =
            |target: &Value| json!({"type": "UNRESERVE", "unreserve": {"resources": [target]}});
        let of = |one: &Value| Ok(resources(json!([one])));
        assert_eq!(after(json!([free]), &[to(&once)]), of(&once));
        assert_eq!(after(json!([free]), &[to(&once), to(&twice)]), of(&twice));
        assert_eq!(after(json!([twice]), &[from(&twice)]), of(&once));
        assert_eq!(
            after(json!([twice]), &[from(&twice), from(&once)]),
            of(&free)
        );
        let not_there = after(json!([free]), &[to(&twice)]).unwrap_err();
        assert_eq!(
            not_there,
            "cpus:2 does not contain cpus(reservations: [(DYNAMIC,a,p)]):2"
        );
        let error = after(json!([free]), &[from(&free)]).unwrap_err();
        assert!(
            error.contains("'unreserve.resources': 'cpus:2' is not reserved"),
            "{error}"
        );
    }

    #[test]
    fn a_conversion_that_puts_back_what_it_takes_is_none() {
        let (free, reserved) = (cpus(json!([])), cpus(json!([dynamic("a")])));
        let of = |source: &Value, target: &Value| Conversion {
            consumed: resources(json!([source])),
            converted: resources(json!([target])),
        };
        assert!(of(&free, &free).is_empty());
        assert!(!of(&free, &reserved).is_empty());
    }

    #[test]
    fn reserving_from_a_source_is_one_step() {
        let (a, b) = (cpus(json!([dynamic("a")])), cpus(json!([dynamic("b")])));
        let move_ = json!({"type": "RESERVE", "reserve": {"source": [a], "resources": [b]}});
        assert_eq!(
            after(json!([a]), std::slice::from_ref(&move_)),
            Ok(resources(json!([b])))
        );
        assert!(after(json!([b]), &[move_]).is_err());
    }

    #[test]
    fn labels_and_principals_tell_reservations_apart() {
        let labelled = json!([{"type": "DYNAMIC", "role": "a", "principal": "p",
            "labels": {"labels": [{"key": "k", "value": "v"}]}}]);
        let undo = |of: Value| json!({"type": "UNRESERVE", "unreserve": {"resources": [cpus(of)]}});
        assert!(after(json!([cpus(labelled.clone())]), &[undo(labelled.clone())]).is_ok());
        assert!(after(json!([cpus(labelled)]), &[undo(json!([dynamic("a")]))]).is_err());
    }

    #[test]
    fn a_volume_is_made_of_disk_and_becomes_disk_again() {
        let create = json!({"type": "CREATE", "create": {"volumes": [volume(10.0)]}});
        let destroy = json!({"type": "DESTROY", "destroy": {"volumes": [volume(10.0)]}});
        let before = json!([disk(64.0)]);
        let made = after(before.clone(), std::slice::from_ref(&create)).unwrap();
        assert_eq!(made, resources(json!([disk(54.0), volume(10.0)])));
        let written = made.persistent_volumes().to_v1(Format::PostRefinement);
        let info = written[0].disk.as_ref().unwrap();
        assert_eq!(info.volume.as_ref().unwrap().container_path, "data");
        assert_eq!(
            info.persistence.as_ref().unwrap().principal.as_deref(),
            Some("p")
        );
        assert_eq!(
            after(before.clone(), &[create, destroy]),
            Ok(resources(before))
        );
        let not_a_volume = json!({"type": "CREATE", "create": {"volumes": [disk(1.0)]}});
        let error = after(json!([disk(1.0)]), &[not_a_volume]).unwrap_err();
        assert!(
            error.contains("'create.volumes'") && error.contains("disk.persistence"),
            "{error}"
        );
    }

    #[test]
    fn a_mount_disk_becomes_a_volume_as_a_whole() {
        let mount = |mut of: Value| {
            of["disk"]["source"] = json!({"type": "MOUNT", "mount": {"root": "/mnt"}});
            of
        };
        let create = |size| json!({"type": "CREATE", "create": {"volumes": [mount(volume(size))]}});
        let before = json!([mount(disk(64.0))]);
        assert_eq!(
            after(before.clone(), &[create(64.0)]),
            Ok(resources(json!([mount(volume(64.0))])))
        );
        assert!(after(before, &[create(10.0)]).is_err());
    }

    #[test]
    fn a_shared_volume_goes_with_its_last_copy() {
        let create = json!({"type": "CREATE", "create": {"volumes": [shared(10.0)]}});
        let destroy = json!({"type": "DESTROY", "destroy": {"volumes": [shared(10.0)]}});
        assert_eq!(
            after(json!([disk(10.0)]), &[create, destroy.clone()]),
            Ok(resources(json!([disk(10.0)])))
        );
        let error = after(json!([shared(10.0), shared(10.0)]), &[destroy]).unwrap_err();
        assert!(error.contains("more copies"), "{error}");
    }

    #[test]
    fn tasks_of_one_launch_share_what_was_offered() {
        let (one, other) = (
            resources(json!([shared(10.0)])),
            resources(json!([shared(7.0)])),
        );
        let cpus = resources(json!([cpus(json!([]))]));
        let offered = &one + &cpus;
        let first = Conversion::copies(&offered, &offered, &offered);
        assert!(first.is_empty());
        let left = &offered - &offered;
        let second = Conversion::copies(&offered, &left, &offered);
        assert_eq!(
            second.converted, one,
            "a copy of the volume, no more processors"
        );
        assert!(Conversion::copies(&offered, &left, &other).is_empty());
    }

    #[test]
    fn volumes_grow_and_shrink() {
        let grow = |by: f64| json!({"type": "GROW_VOLUME", "grow_volume": {"volume": volume(10.0), "addition": disk(by)}});
        let shrink = |by: f64| json!({"type": "SHRINK_VOLUME", "shrink_volume": {"volume": volume(10.0), "subtract": {"value": by}}});
        let before = json!([disk(5.0), volume(10.0)]);
        assert_eq!(
            after(before.clone(), &[grow(2.5)]),
            Ok(resources(json!([disk(2.5), volume(12.5)])))
        );
        assert_eq!(
            after(before.clone(), &[shrink(2.5)]),
            Ok(resources(json!([disk(7.5), volume(7.5)])))
        );
        for (case, expected) in [
            (grow(6.0), "does not contain"),
            (grow(0.0), "'grow_volume.addition' must be a positive"),
            (
                shrink(10.0),
                "'shrink_volume.subtract' is 10, but must be less",
            ),
            (
                shrink(-1.0),
                "'shrink_volume.subtract' must be a positive amount",
            ),
        ] {
            let error = after(before.clone(), &[case]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn conversions_know_allocation() {
        let allocated = |mut of: Value| {
            of["allocation_info"] = json!({"role": "eng"});
            of
        };
        let create =
            operation(json!({"type": "CREATE", "create": {"volumes": [allocated(volume(10.0))]}}));
        let [conversion] = Resources::conversions(&create).unwrap().try_into().unwrap();
        assert_eq!(
            conversion.consumed,
            resources(json!([allocated(disk(10.0))]))
        );
        assert_eq!(
            conversion.unallocated().consumed,
            resources(json!([disk(10.0)]))
        );
    }

    #[test]
    fn what_needs_a_provider_or_a_part_is_refused() {
        let error = |json| {
            Resources::conversions(&operation(json))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            error(json!({"type": "RESERVE"})),
            "Expecting 'operation.reserve' to be present"
        );
        assert!(error(json!({"type": "DESTROY_DISK"})).contains("DESTROY_DISK"));
        assert_eq!(
            Resources::conversions(&operation(json!({"type": "LAUNCH"}))),
            Ok(vec![])
        );
    }
}
