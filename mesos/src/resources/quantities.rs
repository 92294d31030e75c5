//! Amounts of scalar resources by name: what shares, limits and totals are counted in.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::ops::{AddAssign, SubAssign};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ParseError, Quantity, Resources};

/// Amounts by resource name. Names whose amount is zero are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantities(BTreeMap<Arc<str>, Quantity>);

impl Quantities {
    /// Nothing.
    pub fn new() -> Quantities {
        Quantities::default()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The amount of this name.
    pub fn get(&self, name: &str) -> Quantity {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// The amounts, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, Quantity)> {
        self.0.iter().map(|(name, quantity)| (name, *quantity))
    }

    /// Whether there is at least as much of everything as in `other`.
    pub fn contains(&self, other: &Quantities) -> bool {
        other
            .0
            .iter()
            .all(|(name, wanted)| self.get(name) >= *wanted)
    }

    fn change(&mut self, name: &Arc<str>, change: impl FnOnce(Quantity) -> Quantity) {
        match self.0.entry(name.clone()) {
            Entry::Vacant(entry) => {
                let quantity = change(Quantity::ZERO);
                if !quantity.is_zero() {
                    entry.insert(quantity);
                }
            }
            Entry::Occupied(mut entry) => {
                *entry.get_mut() = change(*entry.get());
                if entry.get().is_zero() {
                    entry.remove();
                }
            }
        }
    }
}

impl AddAssign<&Quantities> for Quantities {
    fn add_assign(&mut self, other: &Quantities) {
        for (name, more) in &other.0 {
            self.change(name, |have| have + *more);
        }
    }
}

/// Never goes below zero.
impl SubAssign<&Quantities> for Quantities {
    fn sub_assign(&mut self, other: &Quantities) {
        for (name, less) in &other.0 {
            self.change(name, |have| have.saturating_sub(*less));
        }
    }
}

impl FromIterator<(Arc<str>, Quantity)> for Quantities {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Quantity)>>(amounts: I) -> Quantities {
        let mut all = Quantities::new();
        for (name, quantity) in amounts {
            all.change(&name, |have| have + quantity);
        }
        all
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
        let plain = |key: &super::Key| key.kind == super::Kind::Scalar && key.is_unreserved();
        match resources.iter().find(|(key, _)| !plain(key)) {
            Some((key, _)) => Err(ParseError::NotAQuantity(key.name.to_string())),
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
    fn holds_scalars_only() {
        assert!("ports:[1-2]".parse::<Quantities>().is_err());
        assert!("cpus(a):1".parse::<Quantities>().is_err());
    }
}
