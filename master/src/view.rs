//! What the master publishes for everybody who only wants to look.
//!
//! After every turn in which something changed the master publishes a new `Arc<View>`; a turn is a few dozen messages in
//! a busy time, and one otherwise. What somebody asked for can be seen when he is answered, except for ACCEPT, DECLINE
//! and ACKNOWLEDGE, whose effect shows as events. A view shares its structure with the state it was taken of, so
//! publishing costs a few reference counts, and a reader sees one consistent moment for as long as it holds it. But
//! what is shared is copied where it changes next, which is why it is not done for every message. No read ever enters
//! the master's mailbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos::v1;
use tokio::sync::watch;

use crate::config::Config;
use crate::events::History;
use crate::state::{Cluster, Counters, Timestamp};

/// The master at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// Agents, frameworks, tasks and offers.
    pub cluster: Cluster,
    /// What has been counted since the start.
    pub counters: Counters,
    /// Who the master is.
    pub master: Arc<v1::MasterInfo>,
    /// Who leads: this master, another one, or nobody that is known.
    pub leader: Option<Arc<v1::MasterInfo>>,
    /// Its configuration.
    pub config: Arc<Config>,
    /// Its flags as text.
    pub flags: Arc<BTreeMap<String, String>>,
    /// When it started.
    pub started: Timestamp,
    /// When it began to lead; absent while it stands by, and until its registry has been read.
    pub elected: Option<Timestamp>,
    /// When this view was published.
    pub published: Timestamp,
    /// What operators are told of its changes.
    pub events: Arc<History>,
}

impl View {
    /// Of a master that knows nothing: it stands by, or has just begun to lead.
    pub(crate) fn vacant(
        config: &Arc<Config>,
        master: v1::MasterInfo,
        leader: Option<Arc<v1::MasterInfo>>,
        started: Timestamp,
    ) -> View {
        // Of each leadership another one, named as the leadership is.
        let epoch = master.id.replace('-', "");
        View {
            cluster: Cluster::default(),
            counters: Counters::default(),
            master: Arc::new(master),
            leader,
            config: config.clone(),
            flags: Arc::new(config.flags()),
            started,
            elected: None,
            published: started,
            events: Arc::new(History::new(epoch)),
        }
    }

    /// Whether this master leads. If not, it serves nobody.
    pub fn leads(&self) -> bool {
        let leader = self.leader.as_ref();
        leader.is_some_and(|leader| leader.id == self.master.id)
    }

    /// Whether the master leads, but is still reading its registry and serves nobody.
    pub fn is_recovering(&self) -> bool {
        self.leads() && self.elected.is_none()
    }
}

/// Where views are published; `borrow()` gives the newest, `changed()` waits for the next.
pub type ViewReceiver = watch::Receiver<Arc<View>>;
