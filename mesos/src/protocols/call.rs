//! What a v1 call is answered with, whichever door it came through.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::v1;

/// The answer to a call that was understood and allowed.
///
/// Most calls are answered before they have any effect; the effect shows as events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallAccepted {
    /// Set for SUBSCRIBE of a scheduler, and only there.
    pub subscription: Option<Subscription>,
}

/// What a scheduler needs to know of its new subscription before the first event arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The framework's id; new if SUBSCRIBE named none.
    pub framework_id: v1::FrameworkId,
    /// To be shown with every later call of this subscription. An older instance of the same
    /// scheduler does not have it, and so cannot act after it was replaced.
    pub stream_id: String,
}

/// The answer to a call that is refused; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct CallRejected {
    /// What sort of refusal, for programs. The HTTP servers map it to a status code.
    pub kind: RejectionKind,
    /// What is wrong and what to do, in one line, for people.
    pub message: String,
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RejectionKind {
    /// The call breaks a rule of its structure: a field is missing, contradictory or absurd.
    Invalid,
    /// The call's type is not known here, or not served.
    Unsupported,
    /// No framework has the id.
    UnknownFramework,
    /// No executor of that framework has the id.
    UnknownExecutor,
    /// The framework or executor is known but has no subscription now.
    Disconnected,
    /// A call other than SUBSCRIBE came without a stream id.
    MissingStreamId,
    /// The stream id is not that of the framework's present subscription.
    WrongStreamId,
    /// SUBSCRIBE came with a stream id.
    UnexpectedStreamId,
    /// The caller is not the principal under which the framework subscribed.
    WrongPrincipal,
    /// The caller is known but may not do this.
    Unauthorized,
    /// A well-formed SUBSCRIBE that cannot be granted: a role that is not allowed, a framework
    /// that was torn down. The scheduler gets one ERROR event with the message and no others.
    SubscriptionRefused,
    /// This master does not lead. The message is the leader's `host:port`, or empty if unknown.
    NotLeader,
    /// This master leads, or this agent runs, but has not read its state back yet.
    Recovering,
    /// The call is right, but what it asks for is not there now.
    Conflict,
}

impl CallRejected {
    /// A refusal of this kind.
    pub fn new(kind: RejectionKind, message: impl fmt::Display) -> CallRejected {
        CallRejected {
            kind,
            message: message.to_string(),
        }
    }

    /// A refusal because the call itself is wrong.
    pub fn invalid(message: impl fmt::Display) -> CallRejected {
        CallRejected::new(RejectionKind::Invalid, message)
    }
}
