//! Amounts of scalar resources by name: what shares, limits and totals are counted in.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{AddAssign, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::key::PLAIN;
use super::name::{Known, Name};
use super::{ParseError, Quantity, Resources};

/// Amounts by resource name. Names whose amount is zero are absent.
///
/// Those that every agent has are a row of integers, so that most are copied without an allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Name, Quantity>", into = "BTreeMap<Name, Quantity>")]
pub struct Quantities {
    known: [Quantity; Known::SCALARS.len()],
    /// All others, ordered by name, none zero.
    others: Vec<(Name, Quantity)>,
}

impl Quantities {
    /// Nothing.
    pub fn new() -> Quantities {
        Quantities::default()
    }

    /// Amounts in the order of [`Known::SCALARS`].
    pub fn of_known(known: [Quantity; Known::SCALARS.len()]) -> Quantities {
        Quantities {
            known,
            others: Vec::new(),
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.others.is_empty() && self.known == Quantities::default().known
    }

    /// The amount of this name.
    pub fn get(&self, name: &str) -> Quantity {
        if let Some(at) = place(name) {
            return self.known[at];
        }
        let found = self.find(name).ok();
        found.map_or(Quantity::ZERO, |at| self.others[at].1)
    }

    /// The amounts, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, Quantity)> {
        let known = PLAIN.iter().zip(&self.known);
        let known = known.filter(|(_, quantity)| !quantity.is_zero());
        let mut known = known
            .map(|(what, quantity)| (&what.name, *quantity))
            .peekable();
        let mut others = self
            .others
            .iter()
            .map(|(name, quantity)| (name, *quantity))
            .peekable();
        std::iter::from_fn(move || match (known.peek(), others.peek()) {
            (Some((first, _)), Some((second, _))) if second < first => others.next(),
            (None, _) => others.next(),
            (Some(_), _) => known.next(),
        })
    }

    /// Whether there is at least as much of everything as in `other`.
    pub fn contains(&self, other: &Quantities) -> bool {
        let enough = self
            .known
            .iter()
            .zip(&other.known)
            .all(|(have, want)| have >= want);
        enough
            && other
                .others
                .iter()
                .all(|(name, want)| self.get(name) >= *want)
    }

    /// Adds to the amount of this name.
    pub fn add(&mut self, name: &Name, more: Quantity) {
        self.change(name, |have| have + more);
    }

    fn change(&mut self, name: &Name, change: impl FnOnce(Quantity) -> Quantity) {
        if let Some(at) = place(name) {
            self.known[at] = change(self.known[at]);
            return;
        }
        let found = self.find(name);
        let have = found.map_or(Quantity::ZERO, |at| self.others[at].1);
        let changed = change(have);
        match found {
            Ok(at) if changed.is_zero() => drop(self.others.remove(at)),
            Ok(at) => self.others[at].1 = changed,
            Err(_) if changed.is_zero() => {}
            Err(at) => self.others.insert(at, (name.clone(), changed)),
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.others
            .binary_search_by(|(other, _)| other.as_bytes().cmp(name.as_bytes()))
    }
}

/// Where the amount of a name is in the row of those that everybody has.
fn place(name: &str) -> Option<usize> {
    let known = Known::of(name).filter(|known| *known != Known::Ports);
    known.map(|known| known as usize)
}

impl AddAssign<&Quantities> for Quantities {
    fn add_assign(&mut self, other: &Quantities) {
        for (have, more) in self.known.iter_mut().zip(&other.known) {
            *have += *more;
        }
        for (name, more) in &other.others {
            self.change(name, |have| have + *more);
        }
    }
}

/// Never goes below zero.
impl SubAssign<&Quantities> for Quantities {
    fn sub_assign(&mut self, other: &Quantities) {
        for (have, less) in self.known.iter_mut().zip(&other.known) {
            *have = have.saturating_sub(*less);
        }
        for (name, less) in &other.others {
            self.change(name, |have| have.saturating_sub(*less));
        }
    }
}

impl<N: Into<Name>> FromIterator<(N, Quantity)> for Quantities {
    fn from_iter<I: IntoIterator<Item = (N, Quantity)>>(amounts: I) -> Quantities {
        let mut all = Quantities::new();
        for (name, quantity) in amounts {
            all.add(&name.into(), quantity);
        }
        all
    }
}

impl From<BTreeMap<Name, Quantity>> for Quantities {
    fn from(amounts: BTreeMap<Name, Quantity>) -> Quantities {
        amounts.into_iter().collect()
    }
}

impl From<Quantities> for BTreeMap<Name, Quantity> {
    fn from(quantities: Quantities) -> BTreeMap<Name, Quantity> {
        let all = quantities.iter();
        all.map(|(name, quantity)| (name.clone(), quantity))
            .collect()
    }
}

/// Prints as it is read: `cpus:1;mem:32`.
impl fmt::Display for Quantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, quantity)) in self.iter().enumerate() {
            let separator = if i > 0 { ";" } else { "" };
            write!(f, "{separator}{name}:{quantity}")?;
        }
        Ok(())
    }
}

/// Reads `cpus:0.01;mem:32`; only scalars without a role.
impl FromStr for Quantities {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Quantities, ParseError> {
        let resources = Resources::parse(text, crate::roles::DEFAULT_ROLE)?;
        let plain = |key: &super::Key<'_>| key.kind == super::Kind::Scalar && key.is_unreserved();
        let other = resources.keys().find(|key| !plain(key));
        match other {
            Some(key) => Err(ParseError::NotAQuantity(key.name.to_string())),
            None => Ok(resources.scalars()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantities(text: &str) -> Quantities {
        text.parse().unwrap()
    }

    #[test]
    fn counts_by_name() {
        let mut all = quantities("cpus:1;mem:32");
        assert!(all.contains(&quantities("cpus:0.5")));
        assert!(!all.contains(&quantities("disk:1")));
        all += &quantities("cpus:1.5;disk:7");
        assert_eq!(all.to_string(), "cpus:2.5;disk:7;mem:32");
        all -= &quantities("cpus:3;mem:1;gpus:1");
        assert_eq!(all.to_string(), "disk:7;mem:31");
    }

    #[test]
    fn counts_made_up_names_like_all_others() {
        let mut all = quantities("cpus:1;apples:2;zebras:3");
        assert_eq!(all.to_string(), "apples:2;cpus:1;zebras:3");
        assert_eq!(all.get("zebras"), Quantity::from_whole(3));
        assert_eq!(all.get("tapes"), Quantity::ZERO);
        assert!(all.contains(&quantities("apples:2;zebras:1")));
        assert!(!all.contains(&quantities("apples:2.001")));
        assert!(!all.contains(&quantities("tapes:1")));
        assert!(!all.is_empty() && !quantities("apples:1").is_empty());
        all -= &quantities("apples:5;tapes:1;zebras:1");
        assert_eq!(all, quantities("cpus:1;zebras:2"));
        all -= &quantities("cpus:1;zebras:2");
        assert!(all.is_empty());
        assert_eq!(all, Quantities::new());
    }

    #[test]
    fn holds_scalars_only() {
        assert!("ports:[1-2]".parse::<Quantities>().is_err());
        assert!("cpus(a):1".parse::<Quantities>().is_err());
    }
}
