//! What the peer may have in the mailboxes of this node's actors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use super::{Link, TARGETS, WINDOW, WORST_WINDOW};
use crate::wire::frame::Control;

/// What one node has in the mailbox of one actor.
pub(super) struct Account {
    link: Weak<Link>,
    name: Arc<str>,
    /// Bytes in the mailbox.
    held: AtomicU64,
    /// Bytes handled, and not given back to the sender yet.
    owed: AtomicU64,
}

/// The credit that one message uses; dropping it gives it back.
pub(crate) struct Credit {
    account: Arc<Account>,
    bytes: u64,
}

impl Account {
    /// Uses credit for a message. None if the peer has not so much.
    pub(super) fn take(self: &Arc<Self>, bytes: u64) -> Option<Credit> {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        let credit = Credit {
            account: self.clone(),
            bytes,
        };
        (before + bytes <= WORST_WINDOW).then_some(credit)
    }

    fn settle(&self) {
        let bytes = self.owed.swap(0, Ordering::Relaxed);
        if bytes > 0
            && let Some(link) = self.link.upgrade()
        {
            let name = String::from(&*self.name);
            link.control(&Control::Credit { name, bytes });
        }
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.account.held.fetch_sub(self.bytes, Ordering::Relaxed);
        let owed = self.account.owed.fetch_add(self.bytes, Ordering::Relaxed) + self.bytes;
        // Not for every message: four notices per window are enough to keep it open.
        if owed >= WINDOW / 4 {
            self.account.settle();
        }
    }
}

impl Link {
    /// The account of the actor with this name.
    pub(super) fn account(self: &Arc<Self>, name: &Arc<str>) -> Arc<Account> {
        let (account, settled) = {
            let mut tables = self.tables();
            let settled = match tables.accounts.len() >= TARGETS {
                true => split_idle(&mut tables.accounts),
                false => Vec::new(),
            };
            let accounts = &mut tables.accounts;
            let account = match accounts.binary_search_by(|account| account.name.cmp(name)) {
                Ok(place) => &accounts[place],
                Err(place) => {
                    let account = Account {
                        link: Arc::downgrade(self),
                        name: name.clone(),
                        held: AtomicU64::new(0),
                        owed: AtomicU64::new(0),
                    };
                    accounts.insert(place, Arc::new(account));
                    &accounts[place]
                }
            };
            (account.clone(), settled)
        };
        settled.iter().for_each(|account| account.settle());
        account
    }
}

/// Takes the accounts that nobody uses out of the table.
fn split_idle(accounts: &mut Vec<Arc<Account>>) -> Vec<Arc<Account>> {
    let all = std::mem::take(accounts).into_iter();
    let (used, idle) = all.partition(|account| Arc::strong_count(account) > 1);
    *accounts = used;
    idle
}
