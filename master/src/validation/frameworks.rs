//! What a framework says about itself.

use std::collections::BTreeSet;

use mesos::v1::framework_info::capability::Type as Capability;
use mesos::{ids, v1};

use super::{Check, Invalid, require};
use crate::allocator::{RegexLimits, compile};
use crate::state::{has_capability, roles_of};

/// The longest failover timeout: 64 bits of nanoseconds, about 292 years.
const MAX_FAILOVER_SECS: f64 = 9_223_372_036.0;

/// The most roles one framework may have. Mesos sets none; the bound keeps a single call from
/// filling every sorter.
const MAX_ROLES: usize = 1_000;

/// The longest name, user, host name, principal or web address, in bytes.
const MAX_TEXT_LENGTH: usize = 4_096;

/// Checks the info of a subscribing or updating framework, and the roles named beside it.
///
/// # Errors
/// The first rule broken: roles, id, failover timeout, user, suppressed or constrained roles, offer
/// constraints.
pub fn subscription(
    info: &v1::FrameworkInfo,
    suppressed: &[String],
    constraints: Option<&v1::scheduler::OfferConstraints>,
    root_submissions: bool,
    limits: RegexLimits,
) -> Check {
    framework(info, root_submissions)?;
    let roles = roles_of(info);
    for role in suppressed {
        require(
            roles.contains(role),
            format!("Suppressed role '{role}' is not contained in the set of roles"),
        )?;
    }
    for role in constraints
        .into_iter()
        .flat_map(|c| c.role_constraints.keys())
    {
        require(
            roles.contains(role),
            format!("Offer constraints name a role '{role}' not contained in the set of roles"),
        )?;
    }
    if let Some(constraints) = constraints {
        compile(constraints, limits).map_err(|error| Invalid(error.to_string()))?;
    }
    for role in info.offer_filters.keys() {
        require(
            roles.contains(role),
            format!("Offer filters name a role '{role}' not contained in the set of roles"),
        )?;
    }
    Ok(())
}

fn framework(info: &v1::FrameworkInfo, root_submissions: bool) -> Check {
    roles(info)?;
    if let Some(id) = info.id.as_ref().filter(|id| !id.value.is_empty()) {
        ids::validate(&id.value)
            .map_err(|e| Invalid(format!("Framework has an invalid id: {e}")))?;
    }
    let timeout = info.failover_timeout.unwrap_or(0.0);
    require(
        timeout.is_finite() && timeout.abs() <= MAX_FAILOVER_SECS,
        format!("The framework failover_timeout ({timeout}) is invalid"),
    )?;
    require(
        root_submissions || info.user != "root",
        "User 'root' is not allowed to run frameworks without root submissions enabled \
         (--root_submissions)",
    )?;
    let texts = [
        ("name", Some(&info.name)),
        ("user", Some(&info.user)),
        ("hostname", info.hostname.as_ref()),
        ("principal", info.principal.as_ref()),
        ("webui_url", info.webui_url.as_ref()),
    ];
    for (field, text) in texts {
        require(
            text.is_none_or(|text| text.len() <= MAX_TEXT_LENGTH),
            format!("'FrameworkInfo.{field}' is longer than {MAX_TEXT_LENGTH} bytes"),
        )?;
    }
    Ok(())
}

#[allow(deprecated)] // `role` is, and still what most frameworks set.
fn roles(info: &v1::FrameworkInfo) -> Check {
    if has_capability(info, Capability::MultiRole) {
        require(
            info.role.is_none(),
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
        )?;
    } else {
        require(
            info.roles.is_empty(),
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
        )?;
    }
    require(
        info.roles.len() <= MAX_ROLES,
        format!("'FrameworkInfo.roles' has more than {MAX_ROLES} items"),
    )?;
    let mut seen = BTreeSet::new();
    for role in &info.roles {
        require(
            seen.insert(role),
            format!("'FrameworkInfo.roles' contains duplicate items: {role}"),
        )?;
    }
    for role in roles_of(info) {
        mesos::roles::validate(&role)
            .map_err(|e| Invalid(format!("'FrameworkInfo' has an invalid role: {e}")))?;
    }
    Ok(())
}

/// Checks a new info against the one known of the same framework.
///
/// # Errors
/// If the principal changes.
pub fn resubscription(known: &v1::FrameworkInfo, new: &v1::FrameworkInfo) -> Check {
    require(
        known.principal == new.principal,
        "Changing framework's principal is not allowed.",
    )
}

/// As [`resubscription`], for UPDATE_FRAMEWORK, which may not change the user or checkpointing
/// either (a subscription silently keeps those).
///
/// # Errors
/// If one of the three changes.
pub fn update(known: &v1::FrameworkInfo, new: &v1::FrameworkInfo) -> Check {
    resubscription(known, new)?;
    require(
        known.user == new.user,
        format!(
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '{}' to '{}'",
            known.user, new.user
        ),
    )?;
    require(
        known.checkpoint() == new.checkpoint(),
        format!(
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '{}' \
             to '{}'",
            known.checkpoint(),
            new.checkpoint()
        ),
    )
}

#[cfg(test)]
#[allow(deprecated)]
mod tests {
    use super::*;

    fn info() -> v1::FrameworkInfo {
        v1::FrameworkInfo {
            user: "u".into(),
            name: "n".into(),
            ..Default::default()
        }
    }

    fn multi_role(roles: &[&str]) -> v1::FrameworkInfo {
        v1::FrameworkInfo {
            roles: roles.iter().map(ToString::to_string).collect(),
            capabilities: vec![v1::framework_info::Capability {
                r#type: Some(Capability::MultiRole as i32),
            }],
            ..info()
        }
    }

    #[test]
    fn roles_follow_the_multi_role_capability() {
        let with_role = v1::FrameworkInfo {
            role: Some("a".into()),
            ..info()
        };
        let bad_role = v1::FrameworkInfo {
            role: Some("a b".into()),
            ..info()
        };
        let roles_without = v1::FrameworkInfo {
            roles: vec!["a".into()],
            ..info()
        };
        let role_with = v1::FrameworkInfo {
            role: Some("a".into()),
            ..multi_role(&["a"])
        };
        for (case, info, valid) in [
            ("default role", info(), true),
            ("one role", with_role, true),
            ("many roles", multi_role(&["a", "b/c"]), true),
            ("no roles", multi_role(&[]), true),
            ("invalid role", bad_role, false),
            ("invalid roles", multi_role(&["a", "../b"]), false),
            ("duplicate", multi_role(&["a", "a"]), false),
            ("roles without the capability", roles_without, false),
            ("role with the capability", role_with, false),
        ] {
            assert_eq!(
                subscription(&info, &[], None, true, RegexLimits::default()).is_ok(),
                valid,
                "{case}"
            );
        }
    }

    #[test]
    fn suppressed_roles_must_be_roles() {
        assert!(
            subscription(
                &multi_role(&["a"]),
                &["a".into()],
                None,
                true,
                RegexLimits::default()
            )
            .is_ok()
        );
        assert!(
            subscription(
                &multi_role(&["a"]),
                &["b".into()],
                None,
                true,
                RegexLimits::default()
            )
            .is_err()
        );
    }

    #[test]
    fn the_failover_timeout_must_fit_64_bits_of_nanoseconds() {
        for (timeout, valid) in [
            (0.0, true),
            (604_800.0, true),
            (-1.0, true),
            (9.3e9, false),
            (f64::INFINITY, false),
            (f64::NAN, false),
        ] {
            let info = v1::FrameworkInfo {
                failover_timeout: Some(timeout),
                ..info()
            };
            assert_eq!(
                subscription(&info, &[], None, true, RegexLimits::default()).is_ok(),
                valid,
                "{timeout}"
            );
        }
    }

    #[test]
    fn root_may_be_refused() {
        let root = v1::FrameworkInfo {
            user: "root".into(),
            ..info()
        };
        assert!(subscription(&root, &[], None, true, RegexLimits::default()).is_ok());
        assert!(subscription(&root, &[], None, false, RegexLimits::default()).is_err());
    }

    #[test]
    fn user_checkpoint_and_principal_are_frozen_for_updates() {
        let other_user = v1::FrameworkInfo {
            user: "v".into(),
            ..info()
        };
        let checkpoint = v1::FrameworkInfo {
            checkpoint: Some(true),
            ..info()
        };
        let explicit = v1::FrameworkInfo {
            checkpoint: Some(false),
            ..info()
        };
        let principal = v1::FrameworkInfo {
            principal: Some("p".into()),
            ..info()
        };
        assert!(update(&info(), &explicit).is_ok());
        for changed in [&other_user, &checkpoint] {
            assert!(update(&info(), changed).is_err());
            assert!(resubscription(&info(), changed).is_ok());
        }
        assert!(resubscription(&info(), &principal).is_err());
    }

    #[track_caller]
    fn expect(info: &v1::FrameworkInfo, expected: Option<&str>) {
        match (
            subscription(info, &[], None, true, RegexLimits::default()),
            expected,
        ) {
            (Ok(()), None) => {}
            (Err(error), Some(expected)) => assert!(error.0.contains(expected), "{error}"),
            (said, _) => panic!("{said:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn no_text_is_longer_than_it_may_be() {
        type Set = fn(&mut v1::FrameworkInfo, String);
        let setters: [(&str, Set); 5] = [
            ("name", |info, text| info.name = text),
            ("user", |info, text| info.user = text),
            ("hostname", |info, text| info.hostname = Some(text)),
            ("principal", |info, text| info.principal = Some(text)),
            ("webui_url", |info, text| info.webui_url = Some(text)),
        ];
        for (field, set) in setters {
            let mut info = info();
            set(&mut info, "x".repeat(MAX_TEXT_LENGTH));
            expect(&info, None);
            set(&mut info, "x".repeat(MAX_TEXT_LENGTH + 1));
            expect(
                &info,
                Some(&format!(
                    "'FrameworkInfo.{field}' is longer than 4096 bytes"
                )),
            );
        }
    }

    #[test]
    fn no_more_roles_than_there_may_be() {
        let names: Vec<String> = (0..=MAX_ROLES).map(|number| format!("r{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        expect(&multi_role(&names[..MAX_ROLES]), None);
        expect(&multi_role(&names), Some("more than 1000 items"));
    }

    #[test]
    fn an_id_is_one_or_empty() {
        for (value, expected) in [("", None), ("f-1", None), ("a/b", Some("invalid id"))] {
            let id = Some(v1::FrameworkId {
                value: value.into(),
            });
            expect(&v1::FrameworkInfo { id, ..info() }, expected);
        }
    }

    #[test]
    fn the_bounds_of_the_failover_timeout_are_within() {
        let of = |timeout| v1::FrameworkInfo {
            failover_timeout: Some(timeout),
            ..info()
        };
        expect(&of(MAX_FAILOVER_SECS), None);
        expect(&of(-MAX_FAILOVER_SECS), None);
        expect(&of(-MAX_FAILOVER_SECS - 1.0), Some("failover_timeout"));
    }

    #[test]
    fn filters_and_constraints_are_of_roles_that_the_framework_has() {
        for (role, valid) in [("a", true), ("b", false)] {
            let mut filtering = multi_role(&["a"]);
            filtering.offer_filters = [(role.to_owned(), Default::default())].into();
            expect(
                &filtering,
                (!valid).then_some("Offer filters name a role 'b'"),
            );
            let constraints = v1::scheduler::OfferConstraints {
                role_constraints: [(role.to_owned(), Default::default())].into(),
            };
            let limits = RegexLimits::default();
            let said = subscription(&multi_role(&["a"]), &[], Some(&constraints), true, limits);
            let named = said.is_err_and(|error| error.0.contains("name a role 'b'"));
            assert_eq!(named, !valid, "{role}");
        }
    }

    #[test]
    fn an_update_keeps_the_principal_too() {
        let principal = v1::FrameworkInfo {
            principal: Some("p".into()),
            ..info()
        };
        assert!(update(&info(), &principal).is_err());
        assert_eq!(update(&principal, &principal.clone()), Ok(()));
    }
}
