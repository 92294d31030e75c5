//! Over random resources of every kind, each operation gives what the plain implementation on
//! messages gives.

use mesos::resources::{Format, Kind, Resources};
use mesos::v1::Resource;
use mesos::v1::resource::AllocationInfo;
use proptest::prelude::*;

use crate::plainly::Messages;
use crate::random::messages;

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
    fn iterating_gives_each_item_once_and_in_one_order(a in messages()) {
        let all = ours(&a);
        let items: Vec<_> = all.iter().collect();
        let keys: Vec<_> = all.keys().collect();
        prop_assert!(keys.iter().eq(items.iter().map(|(key, _)| key)));
        for (at, key) in keys.iter().enumerate() {
            prop_assert!(!keys[..at].contains(key), "{key} twice");
        }
        let turned: Vec<Resource> = a.iter().rev().cloned().collect();
        prop_assert!(ours(&turned).iter().eq(items));
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
        "cpus:1;cpus:{a}",
        "cpus(a):{a};cpus:1",
        "apples:1;apples:[1-2]",
        "apples(a):{x};tapes:{x};apples(b):1",
        "cpus:0;cpus:{a}",
        "apples:1;tapes:{a}",
    ] {
        let plain = Messages::parse(text).map(|it| it.normal());
        let ours = Resources::parse(text, "*").ok();
        assert_eq!(ours.as_ref().map(meaning), plain, "{text}");
    }
}
