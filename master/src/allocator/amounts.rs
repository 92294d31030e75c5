//! Amounts of scalars without their names: what the books add up in.
//!
//! A cycle compares and sums amounts millions of times. Names are numbered once, when an agent or
//! a quota brings them, and from then on an amount is a place in a row of integers.

use mesos::resources::{Amount, Key, Name, Quantities, Quantity};

/// The names that nearly every agent has, numbered as [`Known`](mesos::resources::Known) does;
/// their amounts are kept in place, the others' behind a pointer.
const COMMON: [&str; 4] = ["cpus", "disk", "gpus", "mem"];

/// The numbers of scalar names.
///
/// Grows with the names that operators give in agents' resources and quotas, and never shrinks.
/// What frameworks name is only looked up.
#[derive(Debug)]
pub(super) struct Names(Vec<Name>);

impl Default for Names {
    fn default() -> Self {
        Self(COMMON.into_iter().map(Name::from).collect())
    }
}

impl Names {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|known| **known == *name)
    }

    pub(super) fn number(&mut self, name: &Name) -> usize {
        if let Name::Known(known) = name
            && (*known as usize) < COMMON.len()
        {
            return *known as usize;
        }
        self.find(name).unwrap_or_else(|| {
            self.0.push(name.clone());
            self.0.len() - 1
        })
    }

    pub(super) fn name(&self, at: usize) -> &Name {
        &self.0[at]
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn amounts(&mut self, quantities: &Quantities) -> Amounts {
        let mut amounts = Amounts::default();
        for (name, quantity) in quantities.iter() {
            amounts.add_at(self.number(name), quantity.milli());
        }
        amounts
    }

    #[cfg(test)]
    pub(super) fn quantities(&self, amounts: &Amounts) -> Quantities {
        let named = amounts.iter();
        named
            .map(|(at, milli)| (self.0[at].clone(), Quantity::from_milli(milli)))
            .collect()
    }
}

/// Thousandths by the number of the name.
#[derive(Clone, Debug, Default)]
pub(super) struct Amounts {
    common: [i64; COMMON.len()],
    more: Vec<i64>,
}

impl Amounts {
    pub(super) fn get(&self, at: usize) -> i64 {
        match at.checked_sub(COMMON.len()) {
            None => self.common[at],
            Some(at) => self.more.get(at).copied().unwrap_or(0),
        }
    }

    /// Wraps around instead of failing: a sum that does not fit would need thousands of agents
    /// with an exabyte each, and what wrapped around comes back when they leave.
    pub(super) fn add_at(&mut self, at: usize, milli: i64) {
        let place = match at.checked_sub(COMMON.len()) {
            None => &mut self.common[at],
            Some(at) => {
                if self.more.len() <= at {
                    self.more.resize(at + 1, 0);
                }
                &mut self.more[at]
            }
        };
        *place = place.wrapping_add(milli);
    }

    pub(super) fn set(&mut self, at: usize, milli: i64) {
        self.add_at(at, milli.wrapping_sub(self.get(at)));
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, more) in self.common.iter_mut().zip(&other.common) {
            *mine = mine.wrapping_add(*more);
        }
        for (at, more) in other.more.iter().enumerate() {
            self.add_at(COMMON.len() + at, *more);
        }
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        for (mine, less) in self.common.iter_mut().zip(&other.common) {
            *mine = mine.wrapping_sub(*less);
        }
        for (at, less) in other.more.iter().enumerate() {
            self.add_at(COMMON.len() + at, less.wrapping_neg());
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.common == [0; COMMON.len()] && self.more.iter().all(|milli| *milli == 0)
    }

    /// Those that are not zero.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, i64)> {
        let all = self.common.iter().chain(&self.more).copied().enumerate();
        all.filter(|(_, milli)| *milli != 0)
    }

    /// The largest part of any of `total` that this is.
    pub(super) fn dominant_share(&self, total: &Self) -> f64 {
        let mut largest = 0.0;
        for (at, held) in self.iter() {
            let total = total.get(at);
            if total > 0 {
                largest = f64::max(largest, held as f64 / total as f64);
            }
        }
        largest
    }
}

impl PartialEq for Amounts {
    fn eq(&self, other: &Self) -> bool {
        self.common == other.common && self.iter().eq(other.iter())
    }
}

/// The thousandths that an item stands for, if it is a scalar. A shared item counts once, however
/// many use it.
pub(super) fn milli(key: &Key<'_>, amount: &Amount) -> Option<i64> {
    amount.quantity(key.what).map(Quantity::milli)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_once_and_amounts_come_back_as_they_were() {
        let mut names = Names::default();
        for (at, name) in COMMON.into_iter().enumerate() {
            assert_eq!(names.number(&Name::from(name)), at);
            assert_eq!(names.find(name), Some(at));
        }
        let text: Quantities = "cpus:1;bananas:2;apples:0.5".parse().expect("quantities");
        let amounts = names.amounts(&text);
        assert_eq!(names.quantities(&amounts), text);
        assert_eq!(names.find("bananas"), Some(5));
        assert_eq!(names.find("cherries"), None);
        assert_eq!(names.count(), 6);
        // A name that is known elsewhere, but has no place of its own here.
        let ports = names.number(&Name::from("ports"));
        assert_eq!(names.find("ports"), Some(ports));
        assert_eq!(ports, 6);
    }

    #[test]
    fn sums_and_shares() {
        let mut names = Names::default();
        let mut amounts = |text: &str| names.amounts(&text.parse().expect("quantities"));
        let mut sum = amounts("cpus:1;x:1");
        sum.add(&amounts("mem:5;x:1;y:3"));
        assert_eq!(sum, amounts("cpus:1;mem:5;x:2;y:3"));
        assert_eq!(sum.dominant_share(&amounts("cpus:10;x:4")), 0.5);
        sum.subtract(&amounts("cpus:1;mem:5;x:2;y:1"));
        assert!(!sum.is_zero());
        assert_eq!(sum, amounts("y:2"));
        sum.subtract(&amounts("y:2"));
        assert!(sum.is_zero());
        assert_eq!(sum, Amounts::default());
        assert_eq!(sum.dominant_share(&amounts("cpus:10")), 0.0);
    }
}
