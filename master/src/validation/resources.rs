//! Resources that tasks and executors ask for.

use std::collections::BTreeSet;

use mesos::resources::Resources;
use mesos::v1;

use super::{Check, Invalid, require};

/// Gives resources without an allocation role the role of the offers they are taken from, as
/// clients that know of one role only leave it out.
pub fn inject_role(resources: &mut [v1::Resource], role: &str) {
    for resource in resources {
        let info = resource.allocation_info.get_or_insert_default();
        if info.role.is_none() {
            info.role = Some(role.to_owned());
        }
    }
}

/// Reads resources allocated to `role`.
///
/// # Errors
/// If one is malformed, negative or absurd, allocated to another role, or if revocable and
/// non-revocable amounts of one name are mixed.
pub fn allocated(resources: &[v1::Resource], role: &str) -> Result<Resources, Invalid> {
    let parsed = Resources::from_v1(resources).map_err(|e| Invalid(e.to_string()))?;
    for key in parsed.keys() {
        require(
            key.allocated_to == Some(role),
            format!(
                "'{}' is not allocated to the role '{role}' of the offers",
                key.name
            ),
        )?;
    }
    not_mixed(&parsed)?;
    Ok(parsed)
}

/// Checks that no name is used both revocably and not.
///
/// # Errors
/// The first such name.
pub fn not_mixed(resources: &Resources) -> Check {
    let names = |revocable: bool| -> BTreeSet<&str> {
        let of_kind = resources
            .keys()
            .filter(move |key| key.revocable == revocable);
        of_kind.map(|key| &*key.what.name).collect()
    };
    match names(true).intersection(&names(false)).next() {
        None => Ok(()),
        Some(name) => Err(Invalid(format!(
            "Cannot use both revocable and non-revocable '{name}' at the same time"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(name: &str, value: f64) -> v1::Resource {
        v1::Resource {
            name: name.to_owned(),
            r#type: v1::value::Type::Scalar as i32,
            scalar: Some(v1::value::Scalar { value }),
            ..Default::default()
        }
    }

    #[test]
    fn amounts_must_make_sense() {
        for (value, valid) in [
            (1.0, true),
            (0.001, true),
            (-1.0, false),
            (f64::NAN, false),
            (1e300, false),
        ] {
            let mut resources = [scalar("cpus", value)];
            inject_role(&mut resources, "r");
            assert_eq!(allocated(&resources, "r").is_ok(), valid, "{value}");
        }
    }

    #[test]
    fn the_allocation_role_is_that_of_the_offers() {
        let mut resources = [scalar("cpus", 1.0)];
        assert!(allocated(&resources, "r").is_err());
        inject_role(&mut resources, "r");
        assert!(allocated(&resources, "r").is_ok());
        inject_role(&mut resources, "other");
        assert!(allocated(&resources, "other").is_err());
    }

    #[test]
    fn revocable_and_not_do_not_mix() {
        let revocable = v1::Resource {
            revocable: Some(v1::resource::RevocableInfo {}),
            ..scalar("cpus", 1.0)
        };
        let mut mixed = [scalar("cpus", 1.0), revocable.clone()];
        inject_role(&mut mixed, "r");
        assert!(allocated(&mixed, "r").is_err());
        let mut apart = [scalar("mem", 1.0), revocable];
        inject_role(&mut apart, "r");
        assert!(allocated(&apart, "r").is_ok());
    }
}
