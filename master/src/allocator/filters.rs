//! What frameworks do not want to be offered again for a while (Mesos' `docs/scheduler-http-api.md`, DECLINE).
//!
//! Refusals are kept by agent, because a cycle looks at one agent after the other. Frameworks that
//! decline the same offer share one copy of it, so that one comparison tells for all of them
//! whether what is free is covered by what they refused.

use std::time::Duration;

use mesos::resources::Resources;
use mesos::v1::Filters;

/// Of offers that were declined, or accepted in part, without saying for how long.
pub const DEFAULT_REFUSE: Duration = Duration::from_secs(5);

/// No refusal lasts longer: 365 days.
pub const MAX_REFUSE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Refusals kept per framework, role and agent. Each needs an offer that none of the others
/// covers, so a well-behaved framework has one or two; beyond this the one that would end first
/// is dropped, which costs the framework an offer too many.
const MAX_REFUSALS: usize = 16;

/// How many of the latest sets are compared with a new one: enough to find what everybody
/// declines, few enough that a declined offer costs little.
const SETS_COMPARED: usize = 4;

/// Counts how often all refusals of a client were forgotten.
type RefusalEpoch = u32;

/// Which refusals hold: by client slot, for all that ever lived there.
#[derive(Debug, Default)]
pub(super) struct Ledger(Vec<Entry>);

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Refusals of earlier epochs are void.
    epoch: RefusalEpoch,
    /// Refusals of this epoch, over all agents.
    holding: u32,
}

impl Ledger {
    /// There are so many slots.
    pub(super) fn cover(&mut self, slots: usize) {
        self.0.resize(slots, Entry::default());
    }

    /// All that the client refused so far does not count any more.
    pub(super) fn forget(&mut self, client: u32) {
        let entry = &mut self.0[client as usize];
        entry.epoch = entry.epoch.wrapping_add(1);
        entry.holding = 0;
    }

    /// How many refusals of the client hold. Those that ended count until they are purged.
    pub(super) fn holding(&self, client: u32) -> u32 {
        self.0[client as usize].holding
    }

    fn epoch(&self, client: u32) -> RefusalEpoch {
        self.0[client as usize].epoch
    }

    fn is_void(&self, refusal: &Refusal) -> bool {
        self.epoch(refusal.client) != refusal.epoch
    }

    fn ended(&mut self, refusal: &Refusal) {
        if !self.is_void(refusal) {
            self.0[refusal.client as usize].holding -= 1;
        }
    }
}

/// For how long a call's filters refuse: 5 s unless they say otherwise or say nonsense; zero
/// means that nothing is refused.
pub fn refuse_duration(filters: Option<&Filters>) -> Duration {
    let seconds = filters.map_or(DEFAULT_REFUSE.as_secs_f64(), Filters::refuse_seconds);
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) => duration.min(MAX_REFUSE),
        Err(_) if seconds > 0.0 => MAX_REFUSE,
        Err(_) => DEFAULT_REFUSE,
    }
}

/// All that is refused on one agent.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    each: Vec<Refusal>,
    sets: Vec<Refused>,
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    client: u32,
    epoch: RefusalEpoch,
    set: u32,
    until: Duration,
}

#[derive(Debug)]
struct Refused {
    /// Without allocation role. All subsets are refused.
    resources: Resources,
    /// By how many refusals; none means that this place is free.
    uses: u32,
    /// Whether what is free now is covered, if that has been asked already.
    covers_free: Option<bool>,
}

/// What a refusal means for all that is free on the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// All of it is refused.
    All,
    /// Some of it may be.
    Part,
}

impl Refusals {
    /// The client refuses all subsets of `resources` (without allocation role).
    pub(super) fn add(
        &mut self,
        client: u32,
        resources: Resources,
        until: Duration,
        ledger: &mut Ledger,
    ) {
        let epoch = ledger.epoch(client);
        self.drop_if(ledger, |old, sets| {
            old.client == client
                && (old.epoch != epoch
                    || old.until <= until && resources.contains(&sets[old.set as usize].resources))
        });
        ledger.0[client as usize].holding += 1;
        let set = self.set_of(resources);
        self.each.push(Refusal {
            client,
            epoch,
            set,
            until,
        });
        let mine = self.each.iter().filter(|refusal| refusal.client == client);
        if mine.clone().count() > MAX_REFUSALS {
            let first = mine.map(|refusal| refusal.until).min();
            let mut dropped = false;
            self.drop_if(ledger, |old, _| {
                let drop = !dropped && old.client == client && Some(old.until) == first;
                dropped |= drop;
                drop
            });
        }
    }

    fn set_of(&mut self, resources: Resources) -> u32 {
        let latest = self.sets.iter_mut().enumerate().rev().take(SETS_COMPARED);
        for (at, set) in latest {
            if set.uses > 0 && set.resources == resources {
                set.uses += 1;
                return at as u32;
            }
        }
        let new = Refused {
            resources,
            uses: 1,
            covers_free: None,
        };
        match self.sets.iter().position(|set| set.uses == 0) {
            Some(free) => {
                self.sets[free] = new;
                free as u32
            }
            None => {
                self.sets.push(new);
                (self.sets.len() - 1) as u32
            }
        }
    }

    fn drop_if(
        &mut self,
        ledger: &mut Ledger,
        mut unwanted: impl FnMut(&Refusal, &[Refused]) -> bool,
    ) {
        let Self { each, sets } = self;
        each.retain(|refusal| {
            let keep = !unwanted(refusal, sets);
            if !keep {
                ledger.ended(refusal);
                let set = &mut sets[refusal.set as usize];
                set.uses -= 1;
                if set.uses == 0 {
                    set.resources = Resources::new();
                }
            }
            keep
        });
    }

    /// What is free on the agent has changed.
    pub(super) fn free_changed(&mut self) {
        self.sets.iter_mut().for_each(|set| set.covers_free = None);
    }

    /// Tells for each refusal that holds at `now` what it means for all that is `free`; answers
    /// when the first of them ends.
    pub(super) fn each_holding(
        &mut self,
        now: Duration,
        ledger: &Ledger,
        free: &Resources,
        mut tell: impl FnMut(u32, Coverage),
    ) -> Option<Duration> {
        let mut first: Option<Duration> = None;
        for refusal in &self.each {
            if refusal.until <= now || ledger.is_void(refusal) {
                continue;
            }
            first = Some(first.map_or(refusal.until, |first| first.min(refusal.until)));
            let set = &mut self.sets[refusal.set as usize];
            let resources = &set.resources;
            let covers = *set
                .covers_free
                .get_or_insert_with(|| resources.contains(free));
            let coverage = if covers {
                Coverage::All
            } else {
                Coverage::Part
            };
            tell(refusal.client, coverage);
        }
        first
    }

    /// Until when the client refuses an offer of `resources` (without allocation role), if it
    /// does at `now`.
    pub(super) fn refused_until(
        &self,
        client: u32,
        resources: &Resources,
        now: Duration,
        ledger: &Ledger,
    ) -> Option<Duration> {
        let holding = self.each.iter().filter(|refusal| {
            refusal.client == client
                && refusal.until > now
                && !ledger.is_void(refusal)
                && self.sets[refusal.set as usize]
                    .resources
                    .contains(resources)
        });
        holding.map(|refusal| refusal.until).max()
    }

    /// Forgets those that ended or are void. Answers whether any that held until now ended, and
    /// when the next of them ends.
    pub(super) fn purge(&mut self, now: Duration, ledger: &mut Ledger) -> (bool, Option<Duration>) {
        let mut ended = false;
        let before = self.each.iter().filter(|refusal| refusal.until <= now);
        for refusal in before {
            ended |= !ledger.is_void(refusal);
        }
        let void: Vec<bool> = self
            .each
            .iter()
            .map(|refusal| ledger.is_void(refusal))
            .collect();
        let mut void = void.into_iter();
        self.drop_if(ledger, |refusal, _| {
            void.next().unwrap_or(false) || refusal.until <= now
        });
        (ended, self.each.iter().map(|refusal| refusal.until).min())
    }

    /// The agent is gone.
    pub(super) fn forget_all(&mut self, ledger: &mut Ledger) {
        self.drop_if(ledger, |_, _| true);
    }

    #[cfg(test)]
    /// Whose refusals these are, without those that are void.
    pub(super) fn clients(&self, ledger: &Ledger) -> impl Iterator<Item = u32> {
        let holding = self.each.iter().filter(|refusal| !ledger.is_void(refusal));
        holding.map(|refusal| refusal.client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: u32 = 1;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.cover(3);
        ledger
    }

    fn resources(text: &str) -> Resources {
        Resources::parse(text, "*").expect("resources")
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn refuses(refusals: &Refusals, client: u32, offer: &str, now: u64) -> bool {
        let offer = resources(offer);
        let until = refusals.refused_until(client, &offer, secs(now), &ledger());
        until.is_some()
    }

    #[test]
    fn refuse_seconds_are_read_as_mesos_does() {
        let day = 24.0 * 60.0 * 60.0;
        let table = [
            (Some(10.5), Duration::from_millis(10_500)),
            (None, secs(5)),
            (Some(0.0), Duration::ZERO),
            (Some(-1.0), secs(5)),
            (Some(f64::NAN), secs(5)),
            (Some(f64::NEG_INFINITY), secs(5)),
            (Some(f64::INFINITY), secs(31_536_000)),
            (Some(1e300), MAX_REFUSE),
            (Some(366.0 * day), MAX_REFUSE),
        ];
        for (refuse_seconds, expected) in table {
            let filters = Filters { refuse_seconds };
            assert_eq!(
                refuse_duration(Some(&filters)),
                expected,
                "{refuse_seconds:?}"
            );
        }
        assert_eq!(refuse_duration(None), secs(5));
    }

    #[test]
    fn subsets_are_refused_until_the_end() {
        let mut refusals = Refusals::default();
        refusals.add(CLIENT, resources("cpus:2;mem:100"), secs(5), &mut ledger());
        let table = [
            ("cpus:2;mem:100", 0, true),
            ("cpus:1", 4, true),
            ("cpus:3;mem:100", 0, false),
            ("cpus:1;disk:1", 0, false),
            ("cpus:1", 5, false),
        ];
        for (offer, now, refused) in table {
            assert_eq!(
                refuses(&refusals, CLIENT, offer, now),
                refused,
                "{offer} at {now}"
            );
        }
        assert!(!refuses(&refusals, 2, "cpus:1", 0));
    }

    #[test]
    fn a_longer_refusal_of_more_replaces_others_and_their_number_is_bounded() {
        let (mut refusals, mut ledger) = (Refusals::default(), ledger());
        refusals.add(CLIENT, resources("cpus:1"), secs(1), &mut ledger);
        refusals.add(CLIENT, resources("cpus:2"), secs(2), &mut ledger);
        assert_eq!(refusals.clients(&ledger).count(), 1);
        assert_eq!(ledger.holding(CLIENT), 1);
        for ends in 0..100 {
            let item = resources(&format!("r{ends}:1"));
            refusals.add(CLIENT, item, secs(ends), &mut ledger);
        }
        assert_eq!(refusals.clients(&ledger).count(), MAX_REFUSALS);
        assert_eq!(ledger.holding(CLIENT) as usize, MAX_REFUSALS);
        assert_eq!(refusals.sets.len(), MAX_REFUSALS + 1);
        // Those that would have ended first are gone.
        assert!(!refuses(&refusals, CLIENT, "r83:1", 0));
        assert!(refuses(&refusals, CLIENT, "r84:1", 0));
        assert!(refuses(&refusals, CLIENT, "r99:1", 0));
        assert_eq!(refusals.purge(secs(99), &mut ledger), (true, None));
        assert_eq!(refusals.clients(&ledger).count(), 0);
        assert_eq!(ledger.holding(CLIENT), 0);
    }

    #[test]
    fn the_one_that_would_end_first_makes_room_for_another() {
        let (mut refusals, mut ledger) = (Refusals::default(), ledger());
        refusals.add(2, resources("cpus:1"), secs(50), &mut ledger);
        for ends in [60, 50].into_iter().chain(61..61 + MAX_REFUSALS as u64 - 1) {
            let item = resources(&format!("r{ends}:1"));
            refusals.add(CLIENT, item, secs(ends), &mut ledger);
        }
        assert!(refuses(&refusals, CLIENT, "r60:1", 0));
        assert!(!refuses(&refusals, CLIENT, "r50:1", 0));
        assert!(refuses(&refusals, 2, "cpus:1", 0));
    }

    #[test]
    fn frameworks_that_refuse_the_same_share_one_comparison() {
        let (mut refusals, mut ledger) = (Refusals::default(), ledger());
        for client in 0..3 {
            let ends = secs(5 + u64::from(client));
            refusals.add(client, resources("cpus:2"), ends, &mut ledger);
        }
        assert_eq!(refusals.sets.len(), 1);
        let mut told = vec![];
        ledger.forget(1);
        assert_eq!(ledger.holding(1), 0);
        let mut holding = |refusals: &mut Refusals, free: &str, now| {
            told.clear();
            let first =
                refusals.each_holding(secs(now), &ledger, &resources(free), |of, covers| {
                    told.push((of, covers));
                });
            (first, told.clone())
        };
        let all = vec![(0, Coverage::All), (2, Coverage::All)];
        assert_eq!(holding(&mut refusals, "cpus:1", 0), (Some(secs(5)), all));
        refusals.free_changed();
        let part = vec![(2, Coverage::Part)];
        assert_eq!(holding(&mut refusals, "cpus:3", 5), (Some(secs(7)), part));
        assert_eq!(refusals.purge(secs(0), &mut ledger), (false, Some(secs(5))));
        assert_eq!(refusals.purge(secs(6), &mut ledger), (true, Some(secs(7))));
        refusals.forget_all(&mut ledger);
        assert_eq!(ledger.holding(2), 0);
    }
}
