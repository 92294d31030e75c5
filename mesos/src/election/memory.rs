//! An election among masters of one process, for simulated clusters.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{Candidacy, Election, Leader, Leadership};

/// A group in memory: whoever contended first and has not withdrawn leads. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryGroup {
    members: Arc<Mutex<Members>>,
    leader: watch::Sender<Option<Leader>>,
}

#[derive(Debug, Default)]
struct Members {
    next: u64,
    in_order: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    number: u64,
    leader: Leader,
    leadership: watch::Sender<Leadership>,
}

impl MemoryGroup {
    /// A group without members.
    pub fn new() -> MemoryGroup {
        MemoryGroup::default()
    }

    /// Takes the leadership from whoever has it, as an expired session would: the next one leads.
    pub fn depose(&self) {
        let first = self.members().in_order.first().map(|member| member.number);
        if let Some(number) = first {
            self.remove(number);
        }
    }

    fn remove(&self, number: u64) {
        let mut members = self.members();
        if let Some(at) = members
            .in_order
            .iter()
            .position(|member| member.number == number)
        {
            let member = members.in_order.remove(at);
            member.leadership.send_replace(Leadership::Lost);
        }
        self.announce(&members);
    }

    /// The first one leads, and all know it.
    fn announce(&self, members: &Members) {
        let first = members.in_order.first();
        if let Some(member) = first {
            member.leadership.send_if_modified(|leadership| {
                std::mem::replace(leadership, Leadership::Leading) != Leadership::Leading
            });
        }
        let leader = first.map(|member| member.leader.clone());
        self.leader.send_if_modified(|known| {
            let changed = *known != leader;
            *known = leader;
            changed
        });
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        // Nothing that panics runs under the lock, and the list is whole between any two steps.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Election for MemoryGroup {
    fn contend(&self, me: Leader) -> Candidacy {
        let (leadership, watched) = watch::channel(Leadership::Contending);
        let mut members = self.members();
        let number = members.next;
        members.next += 1;
        members.in_order.push(Member {
            number,
            leader: me,
            leadership,
        });
        self.announce(&members);
        let group = self.clone();
        Candidacy::new(watched, move || group.remove(number))
    }

    fn detect(&self) -> watch::Receiver<Option<Leader>> {
        self.leader.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(port: u16) -> Leader {
        Leader::at(([10, 0, 0, 1], port).into(), "m")
    }

    #[test]
    fn the_first_leads_and_the_next_follows() {
        let group = MemoryGroup::new();
        let detected = group.detect();
        let first = group.contend(master(1));
        let second = group.contend(master(2));
        assert_eq!(*first.leadership.borrow(), Leadership::Leading);
        assert_eq!(*second.leadership.borrow(), Leadership::Contending);
        assert_eq!(*detected.borrow(), Some(master(1)));
        drop(first);
        assert_eq!(*second.leadership.borrow(), Leadership::Leading);
        assert_eq!(*detected.borrow(), Some(master(2)));
        drop(second);
        assert_eq!(*detected.borrow(), None);
    }

    #[test]
    fn the_deposed_have_lost_for_good() {
        let group = MemoryGroup::new();
        let first = group.contend(master(1));
        let second = group.contend(master(2));
        group.depose();
        assert_eq!(*first.leadership.borrow(), Leadership::Lost);
        assert_eq!(*second.leadership.borrow(), Leadership::Leading);
        drop(first);
        assert_eq!(*group.detect().borrow(), Some(master(2)));
    }
}
