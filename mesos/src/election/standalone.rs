//! One master, known beforehand, which always leads.

use std::net::SocketAddr;

use tokio::sync::watch;

use super::{AddressError, Candidacy, Election, Leader, Leadership, MasterAddress, Term};

/// The election of a cluster with one master.
#[derive(Debug, Default)]
pub struct Standalone {
    leader: watch::Sender<Option<Leader>>,
}

impl Standalone {
    /// For the master itself: nobody leads until it contends.
    pub fn new() -> Standalone {
        Standalone::default()
    }

    /// For everybody else: the master is at `address`.
    pub fn at(address: SocketAddr, hostname: &str) -> Standalone {
        Standalone {
            leader: watch::Sender::new(Some(Leader::at(address, hostname))),
        }
    }

    /// For everybody else, from the value of `--master`. Looks the name up, which may block.
    ///
    /// # Errors
    /// The value is no address, or its name cannot be found.
    pub fn from_flag(master: &str) -> Result<Standalone, AddressError> {
        let master: MasterAddress = master.parse()?;
        Ok(Standalone::at(master.resolve()?, &master.host))
    }
}

impl Election for Standalone {
    fn contend(&self, me: Leader) -> Candidacy {
        self.leader.send_replace(Some(me));
        let leader = self.leader.clone();
        let (always, leadership) = watch::channel(Leadership::Leading(Term::default()));
        Candidacy::new(leadership, move || {
            leader.send_replace(None);
            drop(always); // Open as long as the candidacy: its end would read as a change.
        })
    }

    fn detect(&self) -> watch::Receiver<Option<Leader>> {
        self.leader.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contender_leads_until_it_withdraws() {
        let election = Standalone::new();
        let detected = election.detect();
        assert_eq!(*detected.borrow(), None);
        let me = Leader::at("10.0.0.1:5050".parse().unwrap(), "m1");
        let candidacy = election.contend(me.clone());
        let leading = Leadership::Leading(Term::default());
        assert_eq!(*candidacy.leadership.borrow(), leading);
        assert_eq!(*detected.borrow(), Some(me));
        drop(candidacy);
        assert_eq!(*detected.borrow(), None);
    }

    #[test]
    fn others_know_the_address_beforehand() {
        let election = Standalone::from_flag("127.0.0.1:6060").unwrap();
        let leader = election.detect().borrow().clone().unwrap();
        assert_eq!(leader.address, "127.0.0.1:6060".parse().unwrap());
        assert!(Standalone::from_flag("zk://h/mesos").is_err());
    }
}
