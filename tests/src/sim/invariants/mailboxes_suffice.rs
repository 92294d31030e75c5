//! No mailbox is so full that a message is dropped: in clusters this small, that would be a flood.

use std::time::Duration;

use libprocess::prelude::Node;
use tokio::time::Instant;

use super::{Invariant, Sight};

/// What was dropped is counted for as long as its actor lives, so it need not be looked at with every event.
const EVERY: Duration = Duration::from_secs(1);

/// When it was looked at last.
#[derive(Default)]
pub struct MailboxesSuffice(Option<Instant>);

impl Invariant for MailboxesSuffice {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        if self.0.is_some_and(|last| sight.now - last < EVERY) {
            return Ok(());
        }
        self.0 = Some(sight.now);
        let masters = sight.cluster.masters.iter();
        let masters = masters.filter_map(|master| Some(&master.life.as_ref()?.node));
        let agents = sight.cluster.agents.iter();
        let agents = agents.filter_map(|agent| agent.node.as_ref());
        let services = sight.cluster.services.iter().map(|service| &service.node);
        let processes = masters.chain(agents).chain(services);
        let mut processes = processes.flat_map(Node::processes);
        match processes.find(|process| process.dropped > 0) {
            None => Ok(()),
            Some(full) => Err(format!(
                "{} dropped {} messages, of {} that there is room for",
                full.pid, full.dropped, full.capacity
            )),
        }
    }
}
