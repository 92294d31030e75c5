//! Roles: the names under which resources are shared out and reserved.
//!
//! A role is a path such as `eng/backend`; `*` is the default role and stands for "no
//! reservation". Roles spring into existence on first use. Rules: `docs/roles.md` of Mesos.

/// The default role.
pub const DEFAULT_ROLE: &str = "*";

/// The longest role accepted, in bytes. Mesos sets none; without one a single framework could
/// fill every sorter, metric and reply with a name of megabytes.
pub const MAX_ROLE_LENGTH: usize = 1024;

/// Why a text is no role. The role is quoted in the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// The empty text.
    #[error("role names cannot be empty")]
    Empty,
    /// Longer than [`MAX_ROLE_LENGTH`].
    #[error("role '{0}…' is longer than {MAX_ROLE_LENGTH} bytes")]
    TooLong(String),
    /// Begins or ends with a slash, or has two in a row.
    #[error("role '{0}' has an empty component: a slash at an end, or two in a row")]
    EmptyComponent(String),
    /// A component is `.`, `..` or `*`.
    #[error("role '{role}' cannot have '{component}' as a component")]
    ReservedComponent {
        /// The whole role.
        role: String,
        /// The offending part of it.
        component: String,
    },
    /// A component begins with a dash.
    #[error("role '{0}' has a component that starts with a dash")]
    LeadingDash(String),
    /// A component holds white space, a backspace or another control character.
    #[error("role '{}' contains white space or a control character", .0.escape_debug())]
    InvalidCharacter(String),
}

/// Checks the naming rules. `*` is valid.
///
/// # Errors
/// The first rule that `role` breaks.
pub fn validate(role: &str) -> Result<(), RoleError> {
    if role == DEFAULT_ROLE {
        return Ok(());
    }
    if role.is_empty() {
        return Err(RoleError::Empty);
    }
    if role.len() > MAX_ROLE_LENGTH {
        return Err(RoleError::TooLong(role.chars().take(32).collect()));
    }
    if role.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(()); // Most are.
    }
    role.split('/')
        .try_for_each(|component| validate_component(role, component))
}

fn validate_component(role: &str, component: &str) -> Result<(), RoleError> {
    match component {
        "" => Err(RoleError::EmptyComponent(role.to_string())),
        "." | ".." | "*" => Err(RoleError::ReservedComponent {
            role: role.to_string(),
            component: component.to_string(),
        }),
        _ if component.starts_with('-') => Err(RoleError::LeadingDash(role.to_string())),
        _ if component
            .chars()
            .any(|c| c.is_whitespace() || c.is_control()) =>
        {
            Err(RoleError::InvalidCharacter(role.to_string()))
        }
        _ => Ok(()),
    }
}

/// The roles above `role`, nearest first: `a/b/c` has `a/b` and `a`.
pub fn ancestors(role: &str) -> impl Iterator<Item = &str> {
    role.rmatch_indices('/').map(|(slash, _)| &role[..slash])
}

/// Whether `role` lies strictly below `ancestor` in the hierarchy.
pub fn is_strict_subrole(role: &str, ancestor: &str) -> bool {
    role.strip_prefix(ancestor)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The topmost component of `role`, to which quota applies.
pub fn top_level(role: &str) -> &str {
    role.split_once('/').map_or(role, |(top, _)| top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accepts_paths_of_plain_names() {
        for role in [
            "*",
            "a",
            "eng/backend",
            "a/b/c",
            "web-1",
            "…",
            "a*b",
            ".a",
            "a..b",
        ] {
            assert_eq!(validate(role), Ok(()), "{role}");
        }
    }

    #[test]
    fn refuses_names_that_break_a_rule() {
        type Expected = fn(&RoleError) -> bool;
        let table: [(&str, Expected); 13] = [
            ("", |e| matches!(e, RoleError::Empty)),
            ("/a", |e| matches!(e, RoleError::EmptyComponent(_))),
            ("a/", |e| matches!(e, RoleError::EmptyComponent(_))),
            ("a//b", |e| matches!(e, RoleError::EmptyComponent(_))),
            ("/", |e| matches!(e, RoleError::EmptyComponent(_))),
            (".", |e| matches!(e, RoleError::ReservedComponent { .. })),
            ("a/..", |e| matches!(e, RoleError::ReservedComponent { .. })),
            ("a/*", |e| matches!(e, RoleError::ReservedComponent { .. })),
            ("-a", |e| matches!(e, RoleError::LeadingDash(_))),
            ("a/-b", |e| matches!(e, RoleError::LeadingDash(_))),
            ("a b", |e| matches!(e, RoleError::InvalidCharacter(_))),
            ("a\tb", |e| matches!(e, RoleError::InvalidCharacter(_))),
            ("a\u{7f}", |e| matches!(e, RoleError::InvalidCharacter(_))),
        ];
        for (role, expected) in table {
            let error = validate(role).unwrap_err();
            assert!(expected(&error), "{role:?} gave {error}");
        }
        assert!(matches!(
            validate(&"x".repeat(MAX_ROLE_LENGTH + 1)),
            Err(RoleError::TooLong(_))
        ));
    }

    #[test]
    fn knows_the_hierarchy() {
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(ancestors("a").count(), 0);
        assert!(is_strict_subrole("a/b", "a"));
        assert!(is_strict_subrole("a/b/c", "a"));
        assert!(!is_strict_subrole("a", "a"));
        assert!(!is_strict_subrole("ab", "a"));
        assert_eq!((top_level("a/b/c"), top_level("a")), ("a", "a"));
    }

    proptest! {
        #[test]
        fn never_panics_and_ancestors_of_a_role_are_roles(role in "[a-c./*-]{0,12}") {
            if validate(&role).is_ok() {
                for ancestor in ancestors(&role) {
                    prop_assert_eq!(validate(ancestor), Ok(()));
                    prop_assert!(is_strict_subrole(&role, ancestor));
                }
            }
        }
    }
}
