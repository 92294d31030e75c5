//! What can be wrong with resources that come from outside.

use super::{QuantityError, RangesError};
use crate::roles::RoleError;

/// A resource in a message that breaks a rule: which one, where, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("resource '{name}': {field} {problem}")]
pub struct ResourceError {
    /// The resource's name, possibly empty.
    pub name: String,
    /// The field in the message, such as `scalar.value`.
    pub field: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a field of a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A field that must be there is not.
    #[error("is missing")]
    Missing,
    /// A field that contradicts the others.
    #[error("must not be set {0}")]
    Unexpected(&'static str),
    /// A type that resources cannot have.
    #[error("has an unknown or unsupported value")]
    UnknownType,
    /// No amount.
    #[error("{0}")]
    Quantity(#[from] QuantityError),
    /// Graphics processors come whole.
    #[error("must be a whole number")]
    NotWhole,
    /// No set of ranges.
    #[error("is invalid: {0}")]
    Ranges(#[from] RangesError),
    /// A word twice in a set.
    #[error("holds '{0}' twice")]
    Duplicate(String),
    /// No role.
    #[error("is invalid: {0}")]
    Role(#[from] RoleError),
    /// Reserved to everybody.
    #[error("cannot be '*'")]
    ReservedToDefaultRole,
    /// Two forms of the same fact that disagree.
    #[error("does not agree with 'reservations'")]
    Contradiction,
    /// A refined reservation that does not lie below the one it refines.
    #[error("'{role}' is not below '{above}', the role it refines")]
    NotARefinement {
        /// The refining role.
        role: String,
        /// The refined role.
        above: String,
    },
    /// A refined reservation on its way to somebody who cannot read it; its role.
    #[error(
        "refine another one for '{0}', which peers without the capability RESERVATION_REFINEMENT \
         cannot read; give them the capability or leave the resource out"
    )]
    Refined(String),
    /// A refined reservation that is static.
    #[error("cannot be STATIC on top of another reservation")]
    StaticRefinement,
}

/// A text (a flag, a file) that does not describe resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Neither `name:value` nor `name(role):value`.
    #[error(
        "'{0}' is no resource; write name:value or name(role):value, for example cpus:4 or ports:[31000-32000]"
    )]
    Malformed(String),
    /// The JSON form is no array of resources.
    #[error("the JSON form of resources is an array of resource objects: {0}")]
    Json(String),
    /// One of them breaks a rule.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// A name is a scalar in one place and a set or ranges in another.
    #[error("resource '{0}' appears with two different types")]
    MixedTypes(String),
    /// Something that only calls can make.
    #[error("resource '{name}': {what} cannot be given here; they are made at run time")]
    RunTimeOnly {
        /// The resource.
        name: String,
        /// "persistent volumes", "revocable resources", "dynamic reservations".
        what: &'static str,
    },
    /// Ranges, sets or reserved resources where plain amounts are wanted.
    #[error("resource '{0}': only plain amounts such as cpus:1;mem:32 can be given here")]
    NotAQuantity(String),
}
