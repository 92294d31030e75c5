//! Failures that systems like this one once had, to be switched on again in tests.
//!
//! A simulation that looks for failures is worth what it finds. So each of these can be put back into the code, at the one
//! place where the code takes care of it, and tests show that simulated clusters fail then.
//!
//! Without the feature `historic`, which only the crate of the tests asks for, [`Museum`] is an empty struct and
//! [`Museum::shows`] is `false` for the compiler: nothing of it is in a release, which is built without that crate.

/// What once went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Historic {
    /// What runs is known to the leader's memory only: after a failover it is started again beside itself.
    TasksInMemoryOnly,
    /// A framework that comes back is taken for a new one; the old one stays as a ghost.
    GhostFrameworks,
    /// A master that led before cannot read the registry when it leads again.
    UnreadableRegistry,
    /// A framework that comes back after a failover of the master is not offered anything.
    InactiveAfterFailover,
    /// A new leader kills the tasks that it does not know yet.
    LeaderKillsTasks,
    /// Nobody is told that the tasks of a lost agent are lost.
    LossesNotTold,
    /// Tasks that an agent does not know when it comes back are not asked for.
    GhostTasks,
    /// Killing an unknown task has no answer.
    UnansweredKills,
    /// A read takes the leader's time.
    ReadersBlock,
    /// A leader relies on its group to tell it that it leads no more.
    StaleLeader,
    /// What is to be stored counts as stored before it is.
    AnsweredBeforeStored,
    /// Whoever comes back to a stream of events is told some of them again.
    EventsGoBack,
    /// An agent that came back to its master refuses all tasks, for ever.
    RejectedForEver,
    /// What is used on an agent that comes back is counted twice.
    CountedTwice,
}

/// What is on show: one failure at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Museum {
    #[cfg(feature = "historic")]
    shown: Option<Historic>,
}

impl Museum {
    /// One failure is on show.
    #[cfg(feature = "historic")]
    pub fn showing(historic: Historic) -> Museum {
        Museum {
            shown: Some(historic),
        }
    }

    /// Whether this is to go wrong as it once did.
    #[cfg(feature = "historic")]
    pub fn shows(self, historic: Historic) -> bool {
        self.shown == Some(historic)
    }

    /// Whether this is to go wrong as it once did: never.
    #[cfg(not(feature = "historic"))]
    pub const fn shows(self, _: Historic) -> bool {
        false
    }
}
