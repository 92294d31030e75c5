//! Operations change what resources are, not how much there is; and those that undo each other
//! leave everything as it was.

use mesos::resources::{Conversion, Resources};
use mesos::v1::offer::Operation;
use mesos::v1::offer::operation::{
    Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Type, Unreserve,
};
use mesos::v1::resource::disk_info::Persistence;
use mesos::v1::resource::{DiskInfo, ReservationInfo, reservation_info};
use mesos::v1::{Resource, Volume, value, volume};
use proptest::prelude::*;

use crate::random::{bare_disk, messages};

/// The same, reserved once more, or to another role.
fn reserved(message: &Resource, by: &str) -> Resource {
    let innermost = message.reservations.last().and_then(|it| it.role.clone());
    let role = innermost.map_or_else(|| "deep".to_owned(), |role| format!("{role}/deep"));
    let mut reserved = message.clone();
    reserved.reservations.push(ReservationInfo {
        r#type: Some(reservation_info::Type::Dynamic as i32),
        role: Some(role),
        principal: Some(by.to_owned()),
        labels: None,
    });
    reserved
}

fn is_volume(message: &Resource) -> bool {
    message
        .disk
        .as_ref()
        .is_some_and(|disk| disk.persistence.is_some())
}

fn volume_of(message: &Resource, shared: bool) -> Resource {
    let info = DiskInfo {
        persistence: Some(Persistence {
            id: "made".into(),
            principal: None,
        }),
        volume: Some(Volume {
            container_path: "data".into(),
            mode: volume::Mode::Rw as i32,
            ..Default::default()
        }),
        source: message.disk.as_ref().and_then(|disk| disk.source.clone()),
    };
    Resource {
        disk: Some(Box::new(info)),
        shared: shared.then(Default::default),
        ..message.clone()
    }
}

fn sized(message: &Resource, whole: u32) -> Resource {
    let value = f64::from(whole);
    Resource {
        scalar: Some(value::Scalar { value }),
        ..message.clone()
    }
}

fn reserve(resources: &[Resource], source: &[Resource]) -> Operation {
    Operation {
        r#type: Some(Type::Reserve as i32),
        reserve: Some(Reserve {
            resources: resources.into(),
            source: source.into(),
        }),
        ..Default::default()
    }
}

fn unreserve(resources: &[Resource]) -> Operation {
    Operation {
        r#type: Some(Type::Unreserve as i32),
        unreserve: Some(Unreserve {
            resources: resources.into(),
        }),
        ..Default::default()
    }
}

fn create(volume: &Resource) -> Operation {
    Operation {
        r#type: Some(Type::Create as i32),
        create: Some(Create {
            volumes: vec![volume.clone()],
        }),
        ..Default::default()
    }
}

fn destroy(volume: &Resource) -> Operation {
    Operation {
        r#type: Some(Type::Destroy as i32),
        destroy: Some(Destroy {
            volumes: vec![volume.clone()],
        }),
        ..Default::default()
    }
}

fn grow(volume: &Resource, addition: &Resource) -> Operation {
    Operation {
        r#type: Some(Type::GrowVolume as i32),
        grow_volume: Some(GrowVolume {
            volume: volume.clone(),
            addition: addition.clone(),
        }),
        ..Default::default()
    }
}

fn shrink(volume: &Resource, by: u32) -> Operation {
    let value = f64::from(by);
    Operation {
        r#type: Some(Type::ShrinkVolume as i32),
        shrink_volume: Some(ShrinkVolume {
            volume: volume.clone(),
            subtract: value::Scalar { value },
        }),
        ..Default::default()
    }
}

fn read(messages: &[Resource]) -> Resources {
    Resources::from_v1(messages).unwrap()
}

#[track_caller]
fn conversions(operation: &Operation) -> Vec<Conversion> {
    Resources::conversions(operation).unwrap_or_else(|error| panic!("{error}"))
}

/// After the operations, none of which changes how much there is of anything.
#[track_caller]
fn after(mut all: Resources, operations: &[Operation]) -> Resources {
    let allocated = |all: &Resources| {
        all.keys()
            .map(|key| key.allocated_to.map(str::to_owned))
            .collect()
    };
    let roles: std::collections::BTreeSet<_> = allocated(&all);
    for operation in operations {
        for conversion in conversions(operation) {
            let next = all
                .apply(&conversion)
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(next.scalars(), all.scalars());
            for name in all.names() {
                assert_eq!(next.ranges(name), all.ranges(name));
                assert_eq!(next.set(name), all.set(name));
            }
            all = next;
        }
    }
    assert_eq!(allocated(&all), roles);
    all
}

/// Of several alike, volumes and whole disks are several, ports and words are one.
fn once(messages: Vec<Resource>) -> Vec<Resource> {
    let mut seen = Resources::new();
    let fresh = |message: &Resource| {
        let one = read(std::slice::from_ref(message));
        let new = one.keys().all(|key| seen.keys().all(|have| have != key));
        seen += one;
        new
    };
    messages.into_iter().filter(fresh).collect()
}

proptest! {
    #[test]
    fn reserving_and_unreserving(all in messages().prop_map(once), rest in messages()) {
        let all: Vec<Resource> = all.into_iter().filter(|it| !is_volume(it)).collect();
        let pushed: Vec<Resource> = all.iter().map(|it| reserved(it, "p")).collect();
        let moved: Vec<Resource> = all.iter().map(|it| reserved(it, "q")).collect();
        let before = read(&all);
        let there = after(before.clone(), &[reserve(&pushed, &[])]);
        prop_assert_eq!(&there, &read(&pushed));
        let over = after(there.clone(), &[reserve(&moved, &pushed)]);
        prop_assert_eq!(&over, &read(&moved));
        prop_assert_eq!(&after(over, &[unreserve(&moved)]), &before);
        // What is not there cannot be reserved, whatever else there is.
        let lacking = &read(&rest) - &before;
        for conversion in conversions(&reserve(&pushed, &[])) {
            let enough = lacking.contains(&conversion.consumed);
            prop_assert_eq!(lacking.apply(&conversion).is_ok(), enough);
        }
    }

    #[test]
    fn making_volumes_and_destroying_them(one in bare_disk(), more in messages(), shared in any::<bool>()) {
        let all = &read(&more) + &read(std::slice::from_ref(&one));
        let volume = volume_of(&one, shared);
        let made = after(all.clone(), &[create(&volume)]);
        prop_assert!(made.contains(&read(std::slice::from_ref(&volume))));
        prop_assert_eq!(&after(made, &[destroy(&volume)]), &all);
    }

    #[test]
    fn growing_and_shrinking(one in bare_disk(), more in messages(), size in 2u32..9, by in 1u32..9) {
        let whole = read(std::slice::from_ref(&one)).keys().any(|key| key.is_indivisible());
        prop_assume!(!whole);
        let volume = volume_of(&sized(&one, size), false);
        let (addition, larger) = (sized(&one, by), sized(&volume, size + by));
        let all = &read(&more) + &read(&[volume.clone(), addition.clone()]);
        let grown = after(all.clone(), &[grow(&volume, &addition)]);
        prop_assert!(grown.contains(&read(std::slice::from_ref(&larger))));
        prop_assert_eq!(&after(grown, &[shrink(&larger, by)]), &all);
        let whole = Resources::conversions(&shrink(&volume, size));
        prop_assert!(whole.is_err(), "nothing would be left of it");
    }
}
