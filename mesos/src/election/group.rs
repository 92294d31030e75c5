//! What an election needs of a place where masters meet: members that are there for as long as their
//! sessions, in the order in which they came.
//!
//! ```text
//!   Contender ── join, confirm, leave ──▶ ┌─────────┐        ┌────────────────────────────────┐
//!                                         │ Session │ ─────▶ │ Group: ZooKeeper, or in memory │
//!   Detector  ── look ──────────────────▶ └─────────┘        └────────────────────────────────┘
//! ```
//!
//! The member with the smallest sequence leads. A session ends when its group has not heard of it for the
//! session's timeout, and its member goes with it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

/// A place where members meet. Cheap to share: `Arc<dyn Group>`.
pub trait Group: Send + Sync + 'static {
    /// Opens a session. Answers within the session's timeout.
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Session>, GroupError>>;

    /// Its name for people, without secrets.
    fn name(&self) -> String;
}

/// A session with a group. Dropping it ends it, and with it the member that joined by it.
///
/// While the way to the group is broken, calls wait until it is back or the session has ended: whoever
/// cannot wait sets a limit.
pub trait Session: Send + Sync {
    /// How long the group waits for a sign of life before it ends the session.
    fn timeout(&self) -> Duration;

    /// Becomes a member that others see with `data`. After an error the session must be dropped: the member
    /// may be there.
    fn join(&self, data: Vec<u8>) -> BoxFuture<'_, Result<Membership, GroupError>>;

    /// Makes sure that the member is there, with the agreement of the whole group: what one part of it that
    /// is cut off from the rest believes is not enough.
    fn confirm<'a>(&'a self, member: &'a Membership) -> BoxFuture<'a, Result<(), GroupError>>;

    /// Ends the membership at once.
    fn leave<'a>(&'a self, member: &'a Membership) -> BoxFuture<'a, Result<(), GroupError>>;

    /// Looks who is there.
    fn look(&self) -> BoxFuture<'_, Result<Look, GroupError>>;

    /// Resolves when the session is over.
    fn ended(&self) -> BoxFuture<'static, ()>;
}

/// A place among the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its number; later members have larger ones.
    pub sequence: i64,
    /// How the group names it: a node that exists exactly as long as the membership.
    pub node: Arc<str>,
}

/// Who was there at some moment.
pub struct Look {
    /// The first member and its data.
    pub first: Option<(i64, Vec<u8>)>,
    /// Resolves when the members may be others, or the session is over.
    pub changed: BoxFuture<'static, ()>,
}

/// Why a group did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// It cannot be reached; later perhaps.
    #[error("{group} cannot be reached: {reason}")]
    Unreachable {
        /// Its name.
        group: String,
        /// What the client says.
        reason: String,
    },
    /// It does not let us.
    #[error(
        "{group} refuses: {reason}; check user and password in zk://USER:PASSWORD@HOSTS/PATH, and who may use that path"
    )]
    Refused {
        /// Its name.
        group: String,
        /// What the client says.
        reason: String,
    },
    /// The member, or the session, is no more.
    #[error("the session with {0} is over")]
    Over(String),
}

/// A second attempt comes after this, a later one after twice as much, up to [`LONGEST_WAIT`].
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// Ten thousand agents that wait for a group to come back ask it two thousand times a second at most.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Growing waits between attempts.
#[derive(Debug)]
pub(super) struct Waits(Duration);

impl Waits {
    pub(super) fn new() -> Waits {
        Waits(SHORTEST_WAIT)
    }

    /// The next wait; `fraction` (0 to 1, by chance) keeps many from coming back at once.
    pub(super) fn next(&mut self, fraction: f64) -> Duration {
        let longest = self.0;
        self.0 = (longest * 2).min(LONGEST_WAIT);
        longest.div_f64(2.0) + longest.mul_f64(fraction / 2.0)
    }
}
