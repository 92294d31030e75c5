//! CREATE and DESTROY of persistent volumes.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use mesos::ids;
use mesos::resources::{Key, Resources};
use mesos::v1::framework_info::capability::Type as FrameworkCapability;
use mesos::v1::offer::operation::{Create, Destroy};
use mesos::v1::resource::disk_info::source;

use super::{Asker, Target, principal, read};
use crate::state::has_capability;
use crate::validation::{Check, Invalid, require};

/// Reserved disk becomes volumes with ids of their own.
pub(super) fn create(create: &Create, asker: &Asker<'_>, target: &Target<'_>) -> Check {
    let field = "create.volumes";
    let volumes = read(field, &create.volumes, asker, target)?;
    let may_share = asker
        .framework
        .is_none_or(|framework| has_capability(framework, FrameworkCapability::SharedResources));
    for key in volumes.keys() {
        volume(field, key)?;
        require(
            !key.shared || may_share,
            format!(
                "'{field}': '{key}' is shared, but the framework does not have the \
                 SHARED_RESOURCES capability"
            ),
        )?;
        let by = (key.disk.as_ref())
            .and_then(|disk| disk.info().persistence.as_ref())
            .and_then(|persistence| persistence.principal.as_deref());
        principal(field, key, by, "disk.persistence.principal", asker)?;
    }
    unique_ids(field, &create.volumes, asker, target)
}

/// Volumes become disk again; their data is lost.
pub(super) fn destroy(destroy: &Destroy, asker: &Asker<'_>, target: &Target<'_>) -> Check {
    let field = "destroy.volumes";
    let volumes = read(field, &destroy.volumes, asker, target)?;
    let used = target.used.clone().unallocate();
    for key in volumes.keys() {
        volume(field, key)?;
        let one = volumes.filter(|other| *other == key).unallocate();
        require(
            target.total.contains(&one),
            format!("'{field}': the agent has no persistent volume '{key}'"),
        )?;
        require(
            !used.contains(&one),
            format!(
                "'{field}': the persistent volume '{key}' is in use; wait for its tasks to end, or \
                 kill them"
            ),
        )?;
    }
    Ok(())
}

/// What makes a volume.
pub(super) fn volume(field: &str, key: Key<'_>) -> Check {
    let not = |reason: &str| Invalid(format!("'{field}': '{key}' {reason}"));
    let Some(info) = key.disk.as_ref().map(|disk| disk.info()) else {
        return Err(not("is not a persistent volume; 'disk' is missing"));
    };
    let Some(persistence) = &info.persistence else {
        return Err(not(
            "is not a persistent volume; 'disk.persistence' is missing",
        ));
    };
    ids::validate(&persistence.id)
        .map_err(|e| not(&format!("has an invalid 'disk.persistence.id': {e}")))?;
    if key.is_unreserved() {
        return Err(not("is not reserved; RESERVE the disk first"));
    }
    if key.revocable {
        return Err(not("is revocable; a persistent volume cannot be"));
    }
    if let Some(source) = &info.source
        && matches!(source.r#type(), source::Type::Raw | source::Type::Block)
    {
        return Err(not(
            "has a 'disk.source.type' without a file system; only the root disk, PATH and MOUNT \
             disks can hold a persistent volume",
        ));
    }
    let Some(mount) = &info.volume else {
        return Err(not(
            "does not say where tasks see it; 'disk.volume' is missing",
        ));
    };
    if mount.host_path.is_some() {
        return Err(not("must not have 'disk.volume.host_path' set"));
    }
    container_path(&mount.container_path).map_err(|reason| {
        not(&format!(
            "has the 'disk.volume.container_path' '{}', which {reason}",
            mount.container_path
        ))
    })
}

/// Volumes appear inside the sandbox, so that the path cannot lead out of it.
fn container_path(path: &str) -> Result<(), &'static str> {
    let path = Path::new(path);
    if path.as_os_str().is_empty() {
        return Err("is empty; give a path relative to the sandbox");
    }
    if path.is_absolute() {
        return Err("is absolute; give a path relative to the sandbox");
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err("has '..' in it; give a path inside the sandbox");
    }
    Ok(())
}

/// An id is unique among the volumes of one role on one agent.
fn unique_ids(
    field: &str,
    created: &[mesos::v1::Resource],
    asker: &Asker<'_>,
    target: &Target<'_>,
) -> Check {
    let mut taken: BTreeSet<(String, String)> = ids_of(target.total).collect();
    for message in created {
        let one = read(field, std::slice::from_ref(message), asker, target)?;
        for (role, id) in ids_of(&one) {
            let reason = format!(
                "'{field}': 'disk.persistence.id' '{id}' is already taken by a volume of the role \
                 '{role}' on this agent"
            );
            require(taken.insert((role, id)), reason)?;
        }
    }
    Ok(())
}

fn ids_of(resources: &Resources) -> impl Iterator<Item = (String, String)> {
    resources.keys().filter_map(|key| {
        let id = key.disk.as_ref()?.persistence_id()?;
        Some((key.reservation_role().to_owned(), id.to_owned()))
    })
}
