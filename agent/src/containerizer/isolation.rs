//! By what means containers are held together: control groups, or sessions.

use std::time::Duration;

use mesos::v1;

use super::linux::cgroups::{Bounds, Cgroups, CgroupsError, Group};
use super::{Launched, posix};

/// The launcher in use (`--launcher`).
#[derive(Debug, Clone)]
pub enum Isolation {
    /// Control groups: bounded, measured, and killed as a whole.
    Linux(Cgroups),
    /// Sessions and process trees: nothing is bounded.
    Posix,
}

/// A refused destruction is tried again after this pause, until it succeeds: a container that is not
/// gone must not be reported as gone, or its resources would be offered twice.
const DESTROY_AGAIN: Duration = Duration::from_secs(5);

/// How often a container is looked at for processes killed for want of memory. The death of the
/// executor, and a question for the limitation, look at once; this bounds only how long a container
/// whose executor survived goes on half dead.
const OOM_LOOK: Duration = Duration::from_millis(250);

impl Isolation {
    /// Control groups if they can be used, else sessions; says in the log why.
    #[must_use]
    pub fn detect(cgroups_root: &str, cfs_quota: bool) -> Isolation {
        match Isolation::linux(cgroups_root, cfs_quota) {
            Ok(isolation) => isolation,
            Err(error) => {
                tracing::warn!(
                    %error,
                    "containers are not isolated: cpu and memory limits are not enforced, and \
                     processes that leave their session are not found again"
                );
                Isolation::Posix
            }
        }
    }

    /// Control groups or nothing (`--launcher=linux`).
    pub fn linux(cgroups_root: &str, cfs_quota: bool) -> Result<Isolation, CgroupsError> {
        Ok(Isolation::Linux(
            Cgroups::detect(cgroups_root)?.cfs_quota(cfs_quota),
        ))
    }

    /// Whether borrowed cpus weigh next to nothing; see [`Cgroups::revocable_cpu_low_priority`].
    #[must_use]
    pub fn revocable_cpu_low_priority(self, enabled: bool) -> Isolation {
        match self {
            Isolation::Linux(cgroups) => {
                Isolation::Linux(cgroups.revocable_cpu_low_priority(enabled))
            }
            Isolation::Posix => Isolation::Posix,
        }
    }

    /// What holds the container of this id together, existing or not.
    pub(crate) fn hold(&self, container: &str) -> Hold {
        match self {
            Isolation::Linux(cgroups) => Hold {
                group: Some(cgroups.group(container)),
            },
            Isolation::Posix => Hold { group: None },
        }
    }

    /// Leaves no trace on the machine, as far as no container is left.
    pub(crate) fn clean_up(&self) {
        if let Isolation::Linux(cgroups) = self {
            cgroups.remove_root();
        }
    }

    /// Makes the control group of a container, if there are to be any.
    pub(crate) fn create(&self, container: &str, bounds: &Bounds) -> Result<(), CgroupsError> {
        match self {
            Isolation::Linux(cgroups) => cgroups.create(container)?.limit(bounds),
            Isolation::Posix => Ok(()),
        }
    }
}

/// What holds one container together.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    group: Option<Group>,
}

impl Hold {
    pub(crate) fn group(&self) -> Option<&Group> {
        self.group.as_ref()
    }

    /// Returns when the kernel has killed a process of the container for want of memory; never, if
    /// nobody counts that.
    pub(crate) async fn out_of_memory(&self) {
        let Some(group) = &self.group else {
            return std::future::pending().await;
        };
        while group.oom_kills() == 0 {
            tokio::time::sleep(OOM_LOOK).await;
        }
    }

    /// Kills everything and removes the control group; returns when nothing is left.
    pub(crate) async fn destroy(&self, container: &str, leader: Option<Launched>) {
        loop {
            match self.try_destroy(leader).await {
                Ok(()) => return,
                Err(reason) => tracing::error!(container, reason, "container not destroyed yet"),
            }
            tokio::time::sleep(DESTROY_AGAIN).await;
        }
    }

    pub(crate) fn statistics(
        &self,
        bounds: &Bounds,
        leader: Option<Launched>,
        statistics: &mut v1::ResourceStatistics,
    ) {
        match (&self.group, leader) {
            (Some(group), _) => group.statistics(bounds, statistics),
            (None, Some(leader)) => posix::statistics(leader.pid, leader.start_time, statistics),
            (None, None) => {}
        }
    }

    async fn try_destroy(&self, leader: Option<Launched>) -> Result<(), String> {
        if let Some(group) = self.group.as_ref().filter(|group| group.exists()) {
            return group.destroy().await.map_err(|error| error.to_string());
        }
        // Also where groups are in use now, but were not when this container was launched.
        match leader {
            Some(leader) if !posix::destroy(leader.pid, leader.start_time).await => {
                Err(format!("processes of session {} do not end", leader.pid))
            }
            _ => Ok(()),
        }
    }
}
