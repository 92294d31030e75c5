//! The laws that the arithmetic of resources obeys, over arbitrary resources.

use proptest::prelude::*;

use super::{Format, Quantity, Resources};
use crate::v1;
use crate::v1::resource::{AllocationInfo, ReservationInfo, RevocableInfo, reservation_info};
use crate::v1::value;

/// Few names, roles and values, so that keys meet often.
fn resource() -> impl Strategy<Value = v1::Resource> {
    let amount = prop_oneof![
        (0i64..5000).prop_map(scalar),
        proptest::collection::btree_set(0u64..12, 0..8).prop_map(ranges),
        proptest::collection::btree_set("[a-d]", 0..4).prop_map(set),
    ];
    let role = proptest::option::of("[ab](/[cd])?");
    let allocation = proptest::option::of("[xy]");
    (
        amount,
        role,
        any::<bool>(),
        allocation,
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(mut resource, role, dynamic, allocation, revocable)| {
            resource
                .reservations
                .extend(role.map(|role| reservation(role, dynamic)));
            resource.allocation_info = allocation.map(|role| AllocationInfo { role: Some(role) });
            resource.revocable = revocable.then(RevocableInfo::default);
            resource
        })
}

fn scalar(milli: i64) -> v1::Resource {
    let name = if milli % 2 == 0 { "cpus" } else { "mem" };
    let mut resource = v1::Resource {
        name: name.to_string(),
        ..Default::default()
    };
    resource.set_type(value::Type::Scalar);
    resource.scalar = Some(value::Scalar {
        value: Quantity::from_milli(milli).to_f64(),
    });
    resource
}

fn ranges(ports: std::collections::BTreeSet<u64>) -> v1::Resource {
    let mut resource = v1::Resource {
        name: "ports".to_string(),
        ..Default::default()
    };
    resource.set_type(value::Type::Ranges);
    let range = ports
        .into_iter()
        .map(|port| value::Range {
            begin: port,
            end: port,
        })
        .collect();
    resource.ranges = Some(value::Ranges { range });
    resource
}

fn set(words: std::collections::BTreeSet<String>) -> v1::Resource {
    let mut resource = v1::Resource {
        name: "names".to_string(),
        ..Default::default()
    };
    resource.set_type(value::Type::Set);
    resource.set = Some(value::Set {
        item: words.into_iter().collect(),
    });
    resource
}

fn reservation(role: String, dynamic: bool) -> ReservationInfo {
    let kind = if dynamic {
        reservation_info::Type::Dynamic
    } else {
        reservation_info::Type::Static
    };
    ReservationInfo {
        role: Some(role),
        r#type: Some(kind as i32),
        ..Default::default()
    }
}

fn resources() -> impl Strategy<Value = Resources> {
    proptest::collection::vec(resource(), 0..6)
        .prop_map(|messages| Resources::from_v1(&messages).unwrap())
}

/// Those for which text has words.
fn plain() -> impl Strategy<Value = Resources> {
    resources().prop_map(|r| r.non_revocable().unallocate().to_unreserved())
}

proptest! {
    #[test]
    fn addition_is_commutative_and_associative(a in resources(), b in resources(), c in resources()) {
        prop_assert_eq!(&a + &b, &b + &a);
        let sum = &a + &(&b + &c);
        prop_assert_eq!(&(&a + &b) + &c, sum.clone());
        prop_assert_eq!([&a, &b, &c].into_iter().sum::<Resources>(), sum);
        prop_assert_eq!(&a + &Resources::new(), a);
    }

    #[test]
    fn a_sum_contains_its_parts(a in resources(), b in resources()) {
        let sum = &a + &b;
        prop_assert!(sum.contains(&a) && sum.contains(&b) && sum.contains(&sum));
        prop_assert!(a.contains(&Resources::new()));
    }

    #[test]
    fn what_is_contained_can_be_taken_and_put_back(a in resources(), b in resources()) {
        let sum = &a + &b;
        let rest = sum.checked_sub(&a);
        prop_assert!(rest.is_some());
        prop_assert_eq!(&rest.unwrap() + &a, sum);
        prop_assert_eq!(a.checked_sub(&b).is_some(), a.contains(&b));
    }

    /// Sets and ranges do not add up (a port is there once), scalars do.
    #[test]
    fn subtraction_undoes_addition_of_scalars(a in resources(), b in resources()) {
        let scalar = |r: &Resources| r.filter(|key| key.kind == super::Kind::Scalar);
        let (a, b) = (scalar(&a), scalar(&b));
        prop_assert_eq!(&(&a + &b) - &b, a);
    }

    #[test]
    fn nothing_is_left_of_itself_and_nothing_is_empty(a in resources(), b in resources()) {
        prop_assert!((&a - &a).is_empty());
        let difference = &a - &b;
        prop_assert!(a.contains(&difference));
        let again: Resources = difference.keys().map(|key| difference.filter(|k| *k == key)).sum();
        prop_assert_eq!(again, difference);
    }

    #[test]
    fn containing_is_a_partial_order(a in resources(), b in resources(), c in resources()) {
        let (ab, abc) = (&a + &b, &(&a + &b) + &c);
        prop_assert!(abc.contains(&ab) && abc.contains(&a));
        prop_assert_eq!(a.contains(&b) && b.contains(&a), a == b);
    }

    #[test]
    fn survives_every_wire_form(a in resources()) {
        for format in [Format::PreRefinement, Format::PostRefinement, Format::Endpoint] {
            let messages = a.to_v1(format);
            prop_assert_eq!(Resources::from_v1(&messages), Ok(a.clone()));
        }
    }

    #[test]
    fn survives_text(a in plain()) {
        let text = if a.is_empty() { String::new() } else { a.to_string() };
        prop_assert_eq!(Resources::parse(&text, "*"), Ok(a));
    }

    #[test]
    fn allocation_changes_no_amount(a in plain()) {
        let allocated = a.clone().allocate("x");
        prop_assert_eq!(allocated.scalars(), a.scalars());
        prop_assert_eq!(allocated.unallocate(), a);
    }

    #[test]
    fn parsing_never_panics(text in "[a-c:;(){}\\[\\]0-9.,-]{0,24}") {
        let _ = Resources::parse(&text, "*");
    }
}
