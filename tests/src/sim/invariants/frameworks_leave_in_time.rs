//! A framework that is away is kept for as long as it asked, and no longer; whoever leads meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use master::state::Framework;
use master::view::View;
use mesos::v1::FrameworkId;
use tokio::time::Instant;

use super::{Invariant, Sight};

/// For what is on its way, and for timers that are due once a master runs on.
const SLACK: Duration = Duration::from_secs(60);

/// Frameworks that were seen.
#[derive(Default)]
pub struct FrameworksLeaveInTime {
    known: BTreeMap<FrameworkId, Known>,
    leader: String,
    /// Since when it leads.
    since: Option<Instant>,
}

struct Known {
    /// When it was last seen subscribed.
    there: Option<Instant>,
    /// When it is to be gone; none while it is subscribed.
    due: Option<Instant>,
    /// The last leader that had it, and since when: an agent may have told that leader late.
    met: (String, Instant),
    /// Since when a leader has waited for it that had found it away and stored until when; none once that is not stored
    /// any more.
    awaited: Option<Instant>,
}

impl Invariant for FrameworksLeaveInTime {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let view = sight.view.as_ref();
        let Some(view) = view.filter(|view| view.leads() && !view.is_recovering()) else {
            return Ok(());
        };
        let is_new = self.leader != view.master.id;
        if is_new {
            self.since = Some(sight.now);
        }
        // Before that nobody led, or the leader stood still, and nothing could be done.
        let able = self.since.max(sight.cluster.resumed.get());
        self.leader.clone_from(&view.master.id);
        for framework in view.cluster.completed_frameworks.iter() {
            if let Some(known) = self.known.remove(&framework.id) {
                self.ended(sight, view, framework, &known)?;
            }
        }
        for framework in view.cluster.frameworks.values() {
            let id = framework.id.clone();
            let met = || (self.leader.clone(), sight.now);
            let known = self.known.entry(id).or_insert_with(|| Known {
                there: None,
                due: None,
                met: met(),
                awaited: None,
            });
            if known.met.0 != self.leader {
                known.met = met();
            }
            let stored = sight.registry.frameworks.get(&framework.id);
            if framework.connected() {
                known.there = Some(sight.now);
                known.due = None;
                if stored.is_some_and(|record| record.failover_deadline.is_none()) {
                    known.awaited = None;
                }
                continue;
            }
            let mut due = *known.due.get_or_insert(sight.now + patience(framework));
            if framework.recovered() {
                let grace = view.config.agent_reregister_timeout;
                known.awaited.get_or_insert(known.met.1);
                // By the clock of another master, or because nobody knows since when it is away: no more than this.
                let patience = patience(framework).max(grace);
                due = due.max(known.met.1 + patience);
                known.due = Some(due);
            }
            if sight.now > able.map_or(due, |able| due.max(able)) + SLACK {
                let late = sight.now - due;
                let (id, connection) = (&framework.id, &framework.connection);
                let deadline = stored.map(|record| record.failover_deadline);
                return Err(format!(
                    "{id} ({connection:?}, stored with the deadline {deadline:?}) is to be gone for {late:?}"
                ));
            }
        }
        Ok(())
    }
}

impl FrameworksLeaveInTime {
    fn ended(
        &self,
        sight: &Sight<'_>,
        view: &View,
        framework: &Framework,
        known: &Known,
    ) -> Result<(), String> {
        let Some(there) = known.there else {
            return Ok(());
        };
        // The leader's clock begins when it notices, which is never before the link breaks. A new leader goes by a
        // deadline that may have been stored before the framework was there last; but it waits itself.
        let (since, patience) = match Some(there) > self.since {
            true => (there, patience(framework)),
            // What is left of the time that an earlier leader gave it.
            false if known.awaited.is_some_and(|at| Some(at) < self.since) => {
                (there, Duration::ZERO)
            }
            false => {
                let grace = view.config.agent_reregister_timeout;
                (self.since.unwrap_or(there), patience(framework).min(grace))
            }
        };
        let away = sight.now - since;
        match away < patience && !sight.cluster.orders.ended(&framework.id) {
            true => Err(format!(
                "{} was ended when it had been away for {away:?}",
                framework.id
            )),
            false => Ok(()),
        }
    }
}

fn patience(framework: &Framework) -> Duration {
    Duration::from_secs_f64(framework.info.failover_timeout())
}
