//! Operations on resources: who may do which to what (Mesos' `docs/scheduler-http-api.md`, ACCEPT).
//!
//! [`operation`] checks all rules of one operation and answers what it converts. Every message
//! begins with the field at fault. Whether the resources are really there is not asked here but by
//! [`Resources::apply`](mesos::resources::Resources::apply), nor whether the principal is
//! authorized.
//!
//! | Subject | File |
//! |---|---|
//! | rules for all, one operation as a whole | `mod.rs` |
//! | RESERVE, UNRESERVE | `reservations.rs` |
//! | CREATE, DESTROY | `volumes.rs` |
//! | GROW_VOLUME, SHRINK_VOLUME | `resizes.rs` |

mod reservations;
mod resizes;
#[cfg(test)]
mod tests;
mod volumes;

use std::collections::BTreeSet;

use mesos::resources::{Conversion, Key, Resources};
use mesos::v1;
use mesos::v1::agent_info::capability::Type as AgentCapability;
use mesos::v1::framework_info::capability::Type as FrameworkCapability;
use mesos::v1::offer::Operation;
use mesos::v1::offer::operation::Type;

use super::resources::inject_role as inject;
use super::{Check, Invalid, require};
use crate::state::{has_capability, roles_of};

/// Who asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asker<'a> {
    /// The framework; `None` for an operator.
    pub framework: Option<&'a v1::FrameworkInfo>,
    /// Who it is, if that is known. Then reservations and volumes must carry this name.
    pub principal: Option<&'a str>,
}

/// The agent whose resources they are.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What its version can do.
    pub capabilities: &'a [v1::agent_info::Capability],
    /// All its resources, not allocated to anybody.
    pub total: &'a Resources,
    /// What tasks, executors and pending launches of all frameworks hold. Allocation roles do not
    /// matter.
    pub used: &'a Resources,
}

/// Checks one operation and answers what it converts: nothing for LAUNCH and LAUNCH_GROUP, whose
/// tasks are checked elsewhere. The conversions are allocated as the operation's resources are.
///
/// # Errors
/// The first rule broken, naming the field.
pub fn operation(
    operation: &Operation,
    asker: &Asker<'_>,
    target: &Target<'_>,
) -> Result<Vec<Conversion>, Invalid> {
    // Tells what is malformed in itself, before the rules are looked at.
    let conversions = Resources::conversions(operation).map_err(|e| Invalid(e.to_string()))?;
    match operation.r#type() {
        Type::Reserve => check(&operation.reserve, reservations::reserve, asker, target),
        Type::Unreserve => check(&operation.unreserve, reservations::unreserve, asker, target),
        Type::Create => check(&operation.create, volumes::create, asker, target),
        Type::Destroy => check(&operation.destroy, volumes::destroy, asker, target),
        Type::GrowVolume => check(&operation.grow_volume, resizes::grow, asker, target),
        Type::ShrinkVolume => check(&operation.shrink_volume, resizes::shrink, asker, target),
        Type::Unknown | Type::Launch | Type::LaunchGroup | Type::CreateDisk | Type::DestroyDisk => {
            Ok(())
        }
    }?;
    Ok(conversions)
}

/// Gives the resources of an operation without an allocation role the role of the offers they are
/// taken from. Tasks and executors are not touched.
pub fn inject_role(operation: &mut Operation, role: &str) {
    if let Some(reserve) = &mut operation.reserve {
        inject(&mut reserve.resources, role);
        inject(&mut reserve.source, role);
    }
    if let Some(unreserve) = &mut operation.unreserve {
        inject(&mut unreserve.resources, role);
    }
    if let Some(create) = &mut operation.create {
        inject(&mut create.volumes, role);
    }
    if let Some(destroy) = &mut operation.destroy {
        inject(&mut destroy.volumes, role);
    }
    if let Some(grow) = &mut operation.grow_volume {
        inject(std::slice::from_mut(&mut grow.volume), role);
        inject(std::slice::from_mut(&mut grow.addition), role);
    }
    if let Some(shrink) = &mut operation.shrink_volume {
        inject(std::slice::from_mut(&mut shrink.volume), role);
    }
}

type Rule<T> = fn(&T, &Asker<'_>, &Target<'_>) -> Check;

/// [`Resources::conversions`] has made sure that the part is there.
fn check<T>(part: &Option<T>, rule: Rule<T>, asker: &Asker<'_>, target: &Target<'_>) -> Check {
    part.as_ref()
        .map_or(Ok(()), |part| rule(part, asker, target))
}

/// Reads the resources of one field and checks the rules that all operations share.
fn read(
    field: &str,
    messages: &[v1::Resource],
    asker: &Asker<'_>,
    target: &Target<'_>,
) -> Result<Resources, Invalid> {
    let resources = Resources::from_v1(messages).map_err(|e| Invalid(format!("'{field}': {e}")))?;
    require(
        !resources.is_empty(),
        format!("'{field}' is empty; name at least one resource"),
    )?;
    one_provider(field, &resources)?;
    allocation(field, &resources, asker)?;
    refinement(field, &resources, asker, target)?;
    Ok(resources)
}

/// An operation is carried out by the agent, or by one resource provider, not by several.
fn one_provider(field: &str, resources: &Resources) -> Check {
    let providers: BTreeSet<Option<&str>> = resources
        .keys()
        .map(|key| key.what.provider.as_deref())
        .collect();
    let reason = if providers.contains(&None) {
        "mixes resources of the agent with those of a resource provider"
    } else {
        "has resources of several resource providers"
    };
    require(
        providers.len() <= 1,
        format!("'{field}' {reason}; use one operation for each"),
    )
}

/// Frameworks use what was offered to one of their roles; operators what is allocated to nobody.
fn allocation(field: &str, resources: &Resources, asker: &Asker<'_>) -> Check {
    let roles: BTreeSet<Option<&str>> = resources.keys().map(|key| key.allocated_to).collect();
    let Some(framework) = asker.framework else {
        return require(
            roles.iter().all(Option::is_none),
            format!("'{field}': 'allocation_info' must not be set by operators"),
        );
    };
    require(
        !roles.contains(&None),
        format!("'{field}': 'allocation_info.role' is missing"),
    )?;
    require(
        roles.len() <= 1,
        format!("'{field}': 'allocation_info.role' differs between resources of one operation"),
    )?;
    let subscribed = roles_of(framework);
    let foreign = roles
        .into_iter()
        .flatten()
        .find(|role| !subscribed.contains(*role));
    foreign.map_or(Ok(()), |role| {
        Err(Invalid(format!(
            "'{field}': 'allocation_info.role' is '{role}', but the framework is not subscribed in it"
        )))
    })
}

/// Hierarchical and refined reservations need peers that know of them.
fn refinement(field: &str, resources: &Resources, asker: &Asker<'_>, target: &Target<'_>) -> Check {
    for key in resources.keys() {
        let refined = key.reservations.len() > 1;
        let of_framework = asker.framework.is_none_or(|framework| {
            has_capability(framework, FrameworkCapability::ReservationRefinement)
        });
        require(
            !refined || of_framework,
            format!(
                "'{field}': '{key}' has a refined reservation, but the framework does not have the \
                 RESERVATION_REFINEMENT capability"
            ),
        )?;
        require(
            !refined || target.can(AgentCapability::ReservationRefinement),
            format!(
                "'{field}': '{key}' has a refined reservation, but the agent does not have the \
                 RESERVATION_REFINEMENT capability; upgrade it"
            ),
        )?;
        require(
            !key.reservation_role().contains('/') || target.can(AgentCapability::HierarchicalRole),
            format!(
                "'{field}': '{key}' is reserved to a hierarchical role, but the agent does not have \
                 the HIERARCHICAL_ROLE capability; upgrade it"
            ),
        )?;
    }
    Ok(())
}

/// A field that names who made a thing must name who asks.
fn principal(
    field: &str,
    key: Key<'_>,
    named: Option<&str>,
    part: &str,
    asker: &Asker<'_>,
) -> Check {
    let Some(asking) = asker.principal else {
        return Ok(());
    };
    match named {
        Some(named) if named == asking => Ok(()),
        Some(named) => Err(Invalid(format!(
            "'{field}': '{part}' of '{key}' is '{named}', but must be '{asking}', who asks"
        ))),
        None => Err(Invalid(format!(
            "'{field}': '{part}' of '{key}' is missing; set it to '{asking}', who asks"
        ))),
    }
}

impl Target<'_> {
    fn can(&self, capability: AgentCapability) -> bool {
        let number = Some(capability as i32);
        self.capabilities
            .iter()
            .any(|declared| declared.r#type == number)
    }
}
