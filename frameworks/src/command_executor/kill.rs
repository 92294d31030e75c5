//! How long a task is given to end by itself.

use std::time::Duration;

use mesos::v1;

/// Without a policy (Mesos' `docs/scheduler-http-api.md`, KILL).
const DEFAULT_GRACE: Duration = Duration::from_secs(3);

/// What reaping the task and reporting its end may take of the executor's own grace period.
const REPORT_TIME: Duration = Duration::from_secs(2);

/// The grace period of a KILL: its own policy, else the task's, else 3 s.
pub(crate) fn grace(kill: Option<&v1::KillPolicy>, task: Option<&v1::KillPolicy>) -> Duration {
    let period = |policy: &v1::KillPolicy| {
        policy
            .grace_period
            .as_ref()
            .map(|period| period.nanoseconds)
    };
    let nanoseconds = kill.and_then(period).or_else(|| task.and_then(period));
    // Negative ones do not pass the master; here they mean "at once".
    nanoseconds.map_or(DEFAULT_GRACE, |value| {
        Duration::from_nanos(u64::try_from(value).unwrap_or(0))
    })
}

/// The grace period of a SHUTDOWN: ours must be over before the agent's, which ends us as well.
pub(crate) fn shutdown_grace(task: Option<&v1::KillPolicy>, executor: Duration) -> Duration {
    grace(None, task).min(executor.saturating_sub(REPORT_TIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(seconds: i64) -> v1::KillPolicy {
        v1::KillPolicy {
            grace_period: Some(v1::DurationInfo {
                nanoseconds: seconds * 1_000_000_000,
            }),
        }
    }

    #[test]
    fn the_kills_policy_goes_before_the_tasks() {
        let seconds = Duration::from_secs;
        assert_eq!(grace(Some(&policy(1)), Some(&policy(2))), seconds(1));
        assert_eq!(
            grace(Some(&v1::KillPolicy::default()), Some(&policy(2))),
            seconds(2)
        );
        assert_eq!(grace(None, None), seconds(3));
        assert_eq!(grace(Some(&policy(-1)), None), seconds(0));
    }

    #[test]
    fn a_shutdown_is_over_before_the_agent_destroys_the_container() {
        let seconds = Duration::from_secs;
        assert_eq!(shutdown_grace(Some(&policy(60)), seconds(5)), seconds(3));
        assert_eq!(shutdown_grace(Some(&policy(1)), seconds(5)), seconds(1));
        assert_eq!(shutdown_grace(None, seconds(1)), seconds(0));
    }
}
