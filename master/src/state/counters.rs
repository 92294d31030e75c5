//! What the master has counted since it started, under Mesos' metric names.

/// Declares the counters with the names they are published under (after `master/`).
macro_rules! counters {
    ($($(#[$doc:meta])* $counter:ident = $name:literal,)*) => {
        /// Something the master counts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Counter { $($(#[$doc])* $counter,)* }

        impl Counter {
            /// All of them.
            pub const ALL: &'static [Counter] = &[$(Counter::$counter,)*];

            /// The name in the metrics, after `master/`.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$counter => $name,)* }
            }
        }
    };
}

counters! {
    /// Messages that made no sense at the time.
    DroppedMessages = "dropped_messages",
    /// SUBSCRIBE of new frameworks.
    RegisterFramework = "messages_register_framework",
    /// SUBSCRIBE of known frameworks.
    ReregisterFramework = "messages_reregister_framework",
    /// TEARDOWN.
    UnregisterFramework = "messages_unregister_framework",
    /// ACCEPT with tasks.
    LaunchTasks = "messages_launch_tasks",
    /// DECLINE, and ACCEPT without tasks.
    DeclineOffers = "messages_decline_offers",
    /// REVIVE.
    ReviveOffers = "messages_revive_offers",
    /// SUPPRESS.
    SuppressOffers = "messages_suppress_offers",
    /// KILL.
    KillTask = "messages_kill_task",
    /// RECONCILE.
    ReconcileTasks = "messages_reconcile_tasks",
    /// REQUEST.
    ResourceRequest = "messages_resource_request",
    /// MESSAGE, scheduler to executor.
    FrameworkToExecutor = "messages_framework_to_executor",
    /// Messages, executor to scheduler.
    ExecutorToFramework = "messages_executor_to_framework",
    /// Status updates of agents.
    StatusUpdate = "messages_status_update",
    /// ACKNOWLEDGE.
    StatusUpdateAcknowledgement = "messages_status_update_acknowledgement",
    /// Ends of operations that agents told.
    OperationStatusUpdate = "messages_operation_status_update",
    /// ACKNOWLEDGE_OPERATION_STATUS.
    OperationStatusUpdateAcknowledgement = "messages_operation_status_update_acknowledgement",
    /// RECONCILE_OPERATIONS.
    ReconcileOperations = "messages_reconcile_operations",
    /// Registrations of agents.
    RegisterAgent = "messages_register_slave",
    /// Re-registrations of agents.
    ReregisterAgent = "messages_reregister_slave",
    /// What agents lend.
    UpdateAgent = "messages_update_slave",
    /// Agents that left.
    UnregisterAgent = "messages_unregister_slave",
    /// Executors that ended.
    ExitedExecutor = "messages_exited_executor",
    /// Messages to executors that could be forwarded.
    ValidFrameworkToExecutor = "valid_framework_to_executor_messages",
    /// Messages to executors that could not.
    InvalidFrameworkToExecutor = "invalid_framework_to_executor_messages",
    /// Messages to schedulers that could be forwarded.
    ValidExecutorToFramework = "valid_executor_to_framework_messages",
    /// Messages to schedulers that could not.
    InvalidExecutorToFramework = "invalid_executor_to_framework_messages",
    /// Status updates that were forwarded or recorded.
    ValidStatusUpdates = "valid_status_updates",
    /// Status updates that were dropped.
    InvalidStatusUpdates = "invalid_status_updates",
    /// Acknowledgements that were forwarded.
    ValidAcknowledgements = "valid_status_update_acknowledgements",
    /// Acknowledgements that were dropped.
    InvalidAcknowledgements = "invalid_status_update_acknowledgements",
    /// Ends of operations that agents told and that were used.
    ValidOperationStatusUpdates = "valid_operation_status_updates",
    /// Those that were dropped.
    InvalidOperationStatusUpdates = "invalid_operation_status_updates",
    /// Acknowledgements of operations that were forwarded.
    ValidOperationStatusUpdateAcknowledgements = "valid_operation_status_update_acknowledgements",
    /// Acknowledgements of operations that were dropped.
    InvalidOperationStatusUpdateAcknowledgements = "invalid_operation_status_update_acknowledgements",
    /// Agents let in.
    AgentRegistrations = "slave_registrations",
    /// Agents let in again.
    AgentReregistrations = "slave_reregistrations",
    /// Agents dropped for whatever reason.
    AgentRemovals = "slave_removals",
    /// Agents replaced by a new one at the same address.
    AgentRemovalsRegistered = "slave_removals/reason_registered",
    /// Agents that missed their pings.
    AgentRemovalsUnhealthy = "slave_removals/reason_unhealthy",
    /// Agents that left.
    AgentRemovalsUnregistered = "slave_removals/reason_unregistered",
    /// Agents that an operator has given up.
    AgentRemovalsGone = "slave_removals/reason_gone",
    /// Agents whose marking as unreachable was begun.
    AgentUnreachableScheduled = "slave_unreachable_scheduled",
    /// Agents that were heard of before they were marked unreachable.
    AgentUnreachableCanceled = "slave_unreachable_canceled",
    /// Agents marked unreachable.
    AgentUnreachableCompleted = "slave_unreachable_completed",
    /// Agents of the registry that did not come back in time.
    RecoveryAgentRemovals = "recovery_slave_removals",
}

/// The values of all counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters([u64; Counter::ALL.len()]);

impl Default for Counters {
    fn default() -> Counters {
        Counters([0; Counter::ALL.len()])
    }
}

impl Counters {
    /// The value of one.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// All, with their names after `master/`.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Counter::ALL
            .iter()
            .map(|counter| (counter.name(), self.get(*counter)))
    }

    pub(crate) fn count(&mut self, counter: Counter) {
        self.0[counter as usize] += 1;
    }
}
