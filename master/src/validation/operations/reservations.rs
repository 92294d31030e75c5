//! RESERVE and UNRESERVE.

use mesos::resources::{Key, ReservationKind, Resources, Stack};
use mesos::v1;
use mesos::v1::offer::operation::{Reserve, Unreserve};

use super::{Asker, Target, principal, read};
use crate::validation::{Check, Invalid, require};

/// Resources become reserved once more; with `source`, differently reserved.
pub(super) fn reserve(reserve: &Reserve, asker: &Asker<'_>, target: &Target<'_>) -> Check {
    let field = "reserve.resources";
    let resources = read(field, &reserve.resources, asker, target)?;
    for key in resources.keys() {
        dynamic(
            field,
            key,
            "and cannot be made by an operation; set its type to DYNAMIC",
        )?;
        require(
            !key.is_persistent_volume(),
            format!("'{field}': the persistent volume '{key}' is already reserved"),
        )?;
        require(
            !key.revocable,
            format!("'{field}': '{key}' is revocable and cannot be reserved"),
        )?;
        let innermost = key.reservations.last();
        let by = innermost.as_ref().and_then(|it| it.principal.as_deref());
        principal(field, key, by, "reservations.principal", asker)?;
        role(field, key, asker)?;
    }
    if reserve.source.is_empty() {
        return Ok(());
    }
    source(&resources, &reserve.source, asker, target)
}

/// Resources lose their innermost reservation. Whose it is decides authorization, not validity.
pub(super) fn unreserve(unreserve: &Unreserve, asker: &Asker<'_>, target: &Target<'_>) -> Check {
    let field = "unreserve.resources";
    let resources = read(field, &unreserve.resources, asker, target)?;
    for key in resources.keys() {
        dynamic(
            field,
            key,
            "and cannot be undone; change the agent's --resources",
        )?;
        require(
            !key.is_persistent_volume(),
            format!(
                "'{field}': the persistent volume '{key}' cannot be unreserved; DESTROY it first"
            ),
        )?;
    }
    Ok(())
}

fn dynamic(field: &str, key: Key<'_>, remedy: &str) -> Check {
    match key.reservations.last() {
        Some(innermost) if innermost.kind == ReservationKind::Dynamic => Ok(()),
        Some(_) => Err(Invalid(format!(
            "'{field}': the reservation of '{key}' is static {remedy}"
        ))),
        None => Err(Invalid(format!("'{field}': '{key}' is not reserved"))),
    }
}

/// A framework reserves for the role it was offered the resources in.
fn role(field: &str, key: Key<'_>, asker: &Asker<'_>) -> Check {
    let Some(allocated) = key.allocated_to.filter(|_| asker.framework.is_some()) else {
        return Ok(());
    };
    let reserved = key.reservation_role();
    require(
        reserved == allocated,
        format!(
            "'{field}': '{key}' is to be reserved to the role '{reserved}', but was offered to \
             '{allocated}'"
        ),
    )
}

/// In one step from one reservation to another: the same resources, each side reserved alike.
fn source(
    resources: &Resources,
    source: &[v1::Resource],
    asker: &Asker<'_>,
    target: &Target<'_>,
) -> Check {
    let field = "reserve.source";
    let source = read(field, source, asker, target)?;
    let from = one_stack(field, &source)?;
    let to = one_stack("reserve.resources", resources)?;
    require(
        source.persistent_volumes().is_empty(),
        format!("'{field}' has persistent volumes; DESTROY them first"),
    )?;
    require(
        source.clone().to_unreserved() == resources.clone().to_unreserved(),
        format!("'{field}' and 'reserve.resources' differ in more than their reservations"),
    )?;
    require(
        from != to,
        format!("'{field}' and 'reserve.resources' are reserved alike; nothing would change"),
    )?;
    let common = (from.iter().zip(to.iter()))
        .take_while(|(from, to)| from == to)
        .count();
    let mut undone = from.iter().skip(common);
    require(
        undone.all(|reservation| reservation.kind == ReservationKind::Dynamic),
        format!("'{field}' has a static reservation that 'reserve.resources' does not have"),
    )
}

fn one_stack<'a>(field: &str, resources: &'a Resources) -> Result<&'a Stack, Invalid> {
    let mut stacks = resources.keys().map(|key| key.reservations);
    let first = stacks.next().unwrap_or(&Stack::NONE);
    require(
        stacks.all(|other| other == first),
        format!("'{field}' has resources with different reservations; use one operation for each"),
    )?;
    Ok(first)
}
