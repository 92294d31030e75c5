//! Random resources of every kind, as messages that are valid.

use mesos::v1::resource::disk_info::{self, Persistence, Source, source};
use mesos::v1::resource::{AllocationInfo, DiskInfo, ReservationInfo, reservation_info};
use mesos::v1::{Label, Labels, Resource, ResourceProviderId, Volume, value, volume};
use proptest::collection::{btree_set, vec};
use proptest::option::{self, weighted};
use proptest::prelude::*;

/// Few names and values, so that items meet often.
pub(crate) fn resource() -> impl Strategy<Value = Resource> {
    dressed(prop_oneof![4 => amount(), 2 => disk()])
}

/// Disk that is no volume: of the root disk or of another source.
pub(crate) fn bare_disk() -> impl Strategy<Value = Resource> {
    dressed(disk().prop_map(|mut disk| {
        disk.shared = None;
        disk.disk = disk.disk.and_then(|info| info.source).map(|source| {
            Box::new(DiskInfo {
                source: Some(source),
                ..Default::default()
            })
        });
        disk
    }))
}

/// With reservations and marks.
fn dressed(bare: impl Strategy<Value = Resource>) -> impl Strategy<Value = Resource> {
    let allocation = option::of("[xy]");
    let provider = weighted(0.2, "[pq]");
    let revocable = prop::bool::weighted(0.2);
    let parts = (bare, reservations(), allocation, provider, revocable);
    parts.prop_map(
        |(mut resource, reservations, allocation, provider, revocable)| {
            resource.reservations = reservations;
            resource.allocation_info = allocation.map(|role| AllocationInfo { role: Some(role) });
            resource.provider_id = provider.map(|value| ResourceProviderId { value });
            resource.revocable = revocable.then(Default::default);
            resource
        },
    )
}

fn scalar(name: String, milli: u32) -> Resource {
    let mut resource = Resource {
        name,
        ..Default::default()
    };
    resource.set_type(value::Type::Scalar);
    resource.scalar = Some(value::Scalar {
        value: f64::from(milli) / 1000.0,
    });
    resource
}

fn amount() -> impl Strategy<Value = Resource> {
    prop_oneof![
        3 => ("cpus|mem|apples|tapes", 0u32..4000).prop_map(|(name, milli)| scalar(name, milli)),
        1 => (0u32..5).prop_map(|count| scalar("gpus".into(), count * 1000)),
        2 => ("ports|tracks", btree_set((0u64..30, 0u64..5), 0..6)).prop_map(|(name, spans)| {
            let mut resource = Resource { name, ..Default::default() };
            resource.set_type(value::Type::Ranges);
            // Spread, so that none overlap.
            let range = spans.into_iter().enumerate().scan(0, |end, (_, (gap, length))| {
                let begin = *end + gap;
                *end = begin + length + 1;
                Some(value::Range { begin, end: begin + length })
            });
            resource.ranges = Some(value::Ranges { range: range.collect() });
            resource
        }),
        2 => ("names|colours", btree_set("[a-e]", 0..5)).prop_map(|(name, words)| {
            let mut resource = Resource { name, ..Default::default() };
            resource.set_type(value::Type::Set);
            resource.set = Some(value::Set { item: words.into_iter().collect() });
            resource
        }),
    ]
}

fn disk() -> impl Strategy<Value = Resource> {
    let persistence = option::of(("[vw]", option::of("[op]"), "data|logs"));
    let parts = (1u32..4, option::of(source()), persistence, any::<bool>());
    parts.prop_map(|(size, source, persistence, shared)| {
        let mut resource = scalar("disk".into(), size * 1000);
        resource.shared = (shared && persistence.is_some()).then(Default::default);
        if source.is_none() && persistence.is_none() {
            return resource;
        }
        let volume = persistence.as_ref().map(|(.., path)| Volume {
            container_path: path.clone(),
            mode: volume::Mode::Rw as i32,
            ..Default::default()
        });
        let persistence = persistence.map(|(id, principal, _)| Persistence { id, principal });
        resource.disk = Some(Box::new(DiskInfo {
            persistence,
            volume,
            source,
        }));
        resource
    })
}

fn source() -> impl Strategy<Value = Source> {
    let root = option::of("/[ab]");
    (0..4usize, root, option::of("[ij]"), option::of("fast")).prop_map(
        |(kind, root, id, profile)| {
            use source::Type;
            let kind = [Type::Path, Type::Mount, Type::Block, Type::Raw][kind];
            let is = |wanted| Some(()).filter(|()| kind == wanted);
            let vendor = id.clone();
            Source {
                r#type: kind as i32,
                path: is(Type::Path).map(|()| disk_info::source::Path { root: root.clone() }),
                mount: is(Type::Mount).map(|()| disk_info::source::Mount { root }),
                id,
                profile,
                vendor,
                metadata: None,
            }
        },
    )
}

/// Stacks of up to three, the first of either kind.
fn reservations() -> impl Strategy<Value = Vec<ReservationInfo>> {
    let one = (
        any::<bool>(),
        option::of("[op]"),
        option::of(vec("[kl]", 0..3)),
    );
    ("[ab]", vec(one, 0..4)).prop_map(|(top, all)| {
        let mut role = String::new();
        let each = all
            .into_iter()
            .enumerate()
            .map(|(depth, (fixed, principal, labels))| {
                role = if depth == 0 {
                    top.clone()
                } else {
                    format!("{role}/{top}")
                };
                let fixed = fixed && depth == 0;
                let kind = match fixed {
                    true => reservation_info::Type::Static,
                    false => reservation_info::Type::Dynamic,
                };
                let label = |key: String| Label { key, value: None };
                let labels = labels.map(|keys| Labels {
                    labels: keys.into_iter().map(label).collect(),
                });
                ReservationInfo {
                    r#type: Some(kind as i32),
                    role: Some(role.clone()),
                    principal: principal.filter(|_| !fixed),
                    labels: labels.filter(|_| !fixed),
                }
            });
        each.collect()
    })
}

pub(crate) fn messages() -> impl Strategy<Value = Vec<Resource>> {
    vec(resource(), 0..8)
}
