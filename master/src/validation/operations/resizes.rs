//! GROW_VOLUME and SHRINK_VOLUME.

use std::slice::from_ref;

use mesos::resources::{Key, Resources, disk_below};
use mesos::v1::Resource;
use mesos::v1::agent_info::capability::Type as AgentCapability;
use mesos::v1::offer::operation::{GrowVolume, ShrinkVolume};
use mesos::v1::resource::disk_info::source;

use super::volumes::volume;
use super::{Asker, Target, read};
use crate::validation::{Check, require};

/// A volume takes in disk of its own kind.
pub(super) fn grow(grow: &GrowVolume, asker: &Asker<'_>, target: &Target<'_>) -> Check {
    resizable("grow_volume.volume", &grow.volume, asker, target)?;
    let field = "grow_volume.addition";
    let addition = read(field, from_ref(&grow.addition), asker, target)?;
    let below = read(field, &[disk_below(&grow.volume)], asker, target)?;
    require(
        kind_of(&addition) == kind_of(&below),
        format!(
            "'{field}' is another kind of disk than the volume; name, role, reservations, disk \
             source and allocation must agree"
        ),
    )
}

/// A volume gives disk back.
pub(super) fn shrink(shrink: &ShrinkVolume, asker: &Asker<'_>, target: &Target<'_>) -> Check {
    resizable("shrink_volume.volume", &shrink.volume, asker, target)
}

fn resizable(field: &str, message: &Resource, asker: &Asker<'_>, target: &Target<'_>) -> Check {
    let resources = read(field, from_ref(message), asker, target)?;
    for key in resources.keys() {
        volume(field, key)?;
        require(
            !key.shared,
            format!("'{field}': '{key}' is shared and cannot be resized"),
        )?;
        require(
            key.provider.is_none(),
            format!("'{field}': '{key}' belongs to a resource provider and cannot be resized"),
        )?;
        require(
            !is_mount(key),
            format!("'{field}': '{key}' is a MOUNT disk, which is used as a whole or not at all"),
        )?;
        require(
            target.can(AgentCapability::ResizeVolume),
            format!("'{field}': the agent does not have the RESIZE_VOLUME capability; upgrade it"),
        )?;
    }
    Ok(())
}

fn is_mount(key: Key<'_>) -> bool {
    let source = key
        .disk
        .as_ref()
        .and_then(|disk| disk.info().source.as_ref());
    source.is_some_and(|source| source.r#type() == source::Type::Mount)
}

fn kind_of(resources: &Resources) -> Vec<Key<'_>> {
    resources.keys().collect()
}
