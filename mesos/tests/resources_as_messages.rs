//! Resources mean what their protobuf form means: over random resources of every kind, each
//! operation gives what a plain implementation on the messages gives.
#![allow(deprecated)] // The old form of a reservation is one of those compared.

mod plainly;

use mesos::resources::{Format, Kind, Resources};
use mesos::v1::resource::disk_info::{self, Persistence, Source, source};
use mesos::v1::resource::{AllocationInfo, DiskInfo, ReservationInfo, reservation_info};
use mesos::v1::{Label, Labels, Resource, ResourceProviderId, Volume, value, volume};
use plainly::Messages;
use proptest::collection::{btree_set, vec};
use proptest::option::{self, weighted};
use proptest::prelude::*;

/// Few names and values, so that items meet often.
fn resource() -> impl Strategy<Value = Resource> {
    prop_oneof![4 => amount(), 2 => disk()]
        .prop_flat_map(|resource| {
            let reservations = reservations();
            let allocation = option::of("[xy]");
            let provider = weighted(0.2, "[pq]");
            (
                Just(resource),
                reservations,
                allocation,
                provider,
                prop::bool::weighted(0.2),
            )
        })
        .prop_map(
            |(mut resource, reservations, allocation, provider, revocable)| {
                resource.reservations = reservations;
                resource.allocation_info =
                    allocation.map(|role| AllocationInfo { role: Some(role) });
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
        resource.disk = Some(DiskInfo {
            persistence,
            volume,
            source,
        });
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

fn messages() -> impl Strategy<Value = Vec<Resource>> {
    vec(resource(), 0..8)
}

fn ours(messages: &[Resource]) -> Resources {
    Resources::from_v1(messages).unwrap_or_else(|error| panic!("{error}: {messages:?}"))
}

/// What it is on the messages.
fn meaning(resources: &Resources) -> Vec<String> {
    Messages::of(&resources.to_v1(Format::PostRefinement)).normal()
}

/// The JSON form, read by the same reader as an operator's file.
fn through_json(messages: &[Resource]) -> Vec<Resource> {
    let text = serde_json::to_string(messages).unwrap();
    serde_json::from_str(&text).unwrap()
}

proptest! {
    #[test]
    fn reading_means_the_same(a in messages()) {
        prop_assert_eq!(meaning(&ours(&a)), Messages::of(&a).normal());
    }

    #[test]
    fn sums_and_differences_mean_the_same(a in messages(), b in messages()) {
        let (left, right) = (ours(&a), ours(&b));
        let mut sum = Messages::of(&a);
        sum.add(&Messages::of(&b));
        prop_assert_eq!(meaning(&(&left + &right)), sum.normal());
        let mut difference = Messages::of(&a);
        difference.subtract(&Messages::of(&b));
        // What is not there cannot be taken: both leave it alone, but several copies that are too
        // many are taken one by one there, and as far as they go here.
        prop_assert_eq!(meaning(&(&left - &right)), difference.normal());
        sum.subtract(&Messages::of(&b));
        prop_assert_eq!(meaning(&(&(&left + &right) - &right)), sum.normal());
    }

    #[test]
    fn containing_and_equality_mean_the_same(a in messages(), b in messages(), part in any::<u8>()) {
        let (left, right) = (Messages::of(&a), Messages::of(&b));
        prop_assert_eq!(ours(&a).contains(&ours(&b)), left.contains(&right));
        prop_assert_eq!(ours(&a) == ours(&b), left.equals(&right));
        // Random ones seldom contain each other; parts of one do.
        let of = |bit: usize| part & (1 << bit) != 0;
        let some: Vec<Resource> = a.iter().enumerate().filter(|(i, _)| of(*i)).map(|(_, it)| it.clone()).collect();
        prop_assert!(ours(&a).contains(&ours(&some)));
        prop_assert!(left.contains(&Messages::of(&some)));
        prop_assert_eq!(ours(&some).contains(&ours(&a)), Messages::of(&some).contains(&left));
    }

    #[test]
    fn order_and_grouping_do_not_matter(a in messages(), seed in any::<u64>()) {
        let mut shuffled = a.clone();
        shuffled.sort_by_key(|it| {
            let length = serde_json::to_string(it).unwrap().len() as u64;
            length.wrapping_mul(seed | 1).rotate_left(17)
        });
        prop_assert_eq!(ours(&a), ours(&shuffled));
        prop_assert_eq!(ours(&a).to_v1(Format::Endpoint).len(), ours(&shuffled).to_v1(Format::Endpoint).len());
        let one_by_one: Resources = a.iter().map(|one| ours(std::slice::from_ref(one))).sum();
        prop_assert_eq!(ours(&a), one_by_one);
    }

    #[test]
    fn every_form_is_read_back(a in messages()) {
        let all = ours(&a);
        for format in [Format::PreRefinement, Format::PostRefinement, Format::Endpoint] {
            let written = all.to_v1(format);
            prop_assert_eq!(&ours(&written), &all);
            prop_assert_eq!(&ours(&through_json(&written)), &all);
            for message in &written {
                let deep = message.reservations.len() > 1;
                let old = message.role.is_some();
                prop_assert_eq!(old, !deep && format != Format::PostRefinement);
                let new = !message.reservations.is_empty();
                prop_assert!(!new || deep || format != Format::PreRefinement);
            }
        }
    }

    #[test]
    fn marks_and_filters_mean_the_same(a in messages()) {
        let all = ours(&a);
        let marked = |role: Option<&str>| -> Vec<Resource> {
            let info = role.map(|role| AllocationInfo { role: Some(role.into()) });
            a.iter().map(|it| Resource { allocation_info: info.clone(), ..it.clone() }).collect()
        };
        prop_assert_eq!(all.clone().allocate("z"), ours(&marked(Some("z"))));
        prop_assert_eq!(all.clone().unallocate(), ours(&marked(None)));
        let chosen = |wanted: fn(&Resource) -> bool| -> Vec<Resource> {
            a.iter().filter(|it| wanted(it)).cloned().collect()
        };
        prop_assert_eq!(all.unreserved(), ours(&chosen(|it| it.reservations.is_empty())));
        prop_assert_eq!(all.revocable(), ours(&chosen(|it| it.revocable.is_some())));
        prop_assert_eq!(all.shared(), ours(&chosen(|it| it.shared.is_some())));
        let is_volume = |it: &Resource| it.disk.as_ref().is_some_and(|it| it.persistence.is_some());
        prop_assert_eq!(all.persistent_volumes(), ours(&chosen(is_volume)));
        let of_x = chosen(|it| it.allocation_info.as_ref().is_some_and(|it| it.role() == "x"));
        prop_assert_eq!(all.allocations().remove("x").unwrap_or_default(), ours(&of_x));
        let bare: Vec<Resource> = a.iter().map(|it| Resource { reservations: vec![], ..it.clone() }).collect();
        prop_assert_eq!(all.to_unreserved(), ours(&bare));
    }

    #[test]
    fn iterating_gives_each_item_once_and_in_order(a in messages()) {
        let all = ours(&a);
        let items: Vec<_> = all.iter().collect();
        let order = |key: &mesos::resources::Key<'_>| (key.allocated_to.map(str::to_owned), key.what.clone());
        let keys: Vec<_> = items.iter().map(|(key, _)| order(key)).collect();
        prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", keys);
        prop_assert_eq!(items.len(), all.keys().count());
        prop_assert_eq!(&all.map_amounts(|_, amount| Some(amount.clone())), &all);
        let scalars = all.map_amounts(|key, amount| (key.kind == Kind::Scalar).then(|| amount.clone()));
        prop_assert_eq!(scalars, all.filter(|key| key.kind == Kind::Scalar));
    }

    #[test]
    fn amounts_by_name_mean_the_same(a in messages()) {
        let all = ours(&a);
        for name in ["cpus", "mem", "gpus", "apples", "tapes", "disk"] {
            // A shared volume counts once for all its users.
            let mut seen = Vec::new();
            let milli = a.iter().filter(|it| it.name == name).map(|it| {
                if it.shared.is_some() {
                    let same = Messages::of(std::slice::from_ref(it)).normal();
                    if seen.contains(&same) {
                        return 0;
                    }
                    seen.push(same);
                }
                it.scalar.as_ref().map_or(0, |it| (it.value * 1000.0).round() as i64)
            });
            let milli: i64 = milli.sum();
            prop_assert_eq!(all.scalar(name).milli(), milli, "{}", name);
            prop_assert_eq!(all.scalars().get(name).milli(), milli, "{}", name);
        }
    }
}

#[test]
fn text_means_the_same() {
    for text in [
        "cpus:4;mem:1024;ports:[31000-32000]",
        "cpus(a):1.5; cpus(a/b) : 2;cpus:0.001; names:{x, y}",
        "apples:3;apples:4;ports(a):[1-2, 5-6];ports(a):[3-3]",
        "cpus:0;mem:0.0",
        "cpus(a//b):1",
        "names:{x,x}",
        "ports:[3-1]",
        "cpus",
        "cpus:-1",
    ] {
        let plain = Messages::parse(text).map(|it| it.normal());
        let ours = Resources::parse(text, "*").ok();
        assert_eq!(ours.as_ref().map(meaning), plain, "{text}");
    }
}
