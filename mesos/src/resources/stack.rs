//! Who resources are set aside for.

use std::borrow::Cow;
use std::sync::Arc;

use super::short::Short;
use crate::v1;

/// Reservations, the outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stack(Form);

/// One form for each stack: what the ones before can say is never the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    #[default]
    None,
    /// One that an agent's flags make, as nearly all: here, because every sum and difference copies it.
    Fixed(Short),
    /// Many items have the same and share it.
    Levels(Arc<Vec<Reservation>>),
}

/// One level of the stack of reservations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reservation {
    /// By whom it can be undone.
    pub kind: ReservationKind,
    /// For whom it is set aside; never `*`.
    pub role: Short,
    /// Who made it.
    pub principal: Option<String>,
    /// Whatever they noted, sorted.
    pub labels: Option<v1::Labels>,
}

/// How a reservation came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationKind {
    /// In the agent's flags; cannot be undone at run time.
    Static,
    /// By a RESERVE call.
    Dynamic,
}

impl Reservation {
    /// One made in an agent's flags.
    pub fn fixed(role: impl Into<Short>) -> Reservation {
        Reservation {
            kind: ReservationKind::Static,
            role: role.into(),
            principal: None,
            labels: None,
        }
    }

    fn is_fixed(&self) -> bool {
        let noted = self.principal.is_some() || self.labels.is_some();
        self.kind == ReservationKind::Static && !noted
    }
}

impl Stack {
    /// No reservations.
    pub const NONE: Stack = Stack(Form::None);

    /// One made in an agent's flags.
    pub(super) fn fixed(role: &str) -> Stack {
        Stack(Form::Fixed(role.into()))
    }

    /// Whether anybody may have it.
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Form::None)
    }

    /// How many reservations there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::None => 0,
            Form::Fixed(_) => 1,
            Form::Levels(levels) => levels.len(),
        }
    }

    /// The role of the innermost reservation.
    pub fn role(&self) -> Option<&str> {
        match &self.0 {
            Form::None => None,
            Form::Fixed(role) => Some(role),
            Form::Levels(levels) => levels.last().map(|level| &*level.role),
        }
    }

    /// The innermost reservation.
    pub fn last(&self) -> Option<Cow<'_, Reservation>> {
        self.iter().next_back()
    }

    /// The reservations, the outermost first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Cow<'_, Reservation>> {
        let (fixed, levels): (_, &[Reservation]) = match &self.0 {
            Form::None => (None, &[]),
            Form::Fixed(role) => (Some(Reservation::fixed(role.clone())), &[]),
            Form::Levels(levels) => (None, levels),
        };
        let fixed = fixed.into_iter().map(Cow::Owned);
        fixed.chain(levels.iter().map(Cow::Borrowed))
    }

    /// The same below one more.
    pub fn pushed(&self, innermost: Reservation) -> Stack {
        let above = self.iter().map(Cow::into_owned);
        above.chain([innermost]).collect()
    }

    /// The same without the innermost.
    pub fn popped(&self) -> Stack {
        let left = self.len().saturating_sub(1);
        self.iter().take(left).map(Cow::into_owned).collect()
    }
}

impl FromIterator<Reservation> for Stack {
    fn from_iter<I: IntoIterator<Item = Reservation>>(reservations: I) -> Stack {
        let levels: Vec<Reservation> = reservations.into_iter().collect();
        Stack(match &levels[..] {
            [] => Form::None,
            [only] if only.is_fixed() => Form::Fixed(only.role.clone()),
            _ => Form::Levels(Arc::new(levels)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_two_words() {
        assert_eq!(size_of::<Stack>(), 16);
    }

    /// However it came about, and whichever form it has.
    #[test]
    fn is_the_list_of_its_reservations() {
        let fixed = Reservation::fixed("a");
        let noted = Reservation {
            principal: Some("me".to_string()),
            ..fixed.clone()
        };
        let dynamic = |role: &str| Reservation {
            kind: ReservationKind::Dynamic,
            ..Reservation::fixed(role)
        };
        let lists = [
            vec![],
            vec![fixed.clone()],
            vec![noted],
            vec![dynamic("a")],
            vec![fixed, dynamic("a/b"), dynamic("a/b/c")],
        ];
        for list in &lists {
            let stack: Stack = list.iter().cloned().collect();
            let innermost = list.last();
            assert_eq!(stack.is_empty(), list.is_empty());
            assert_eq!(stack.len(), list.len());
            assert_eq!(stack.last().as_deref(), innermost);
            assert_eq!(stack.role(), innermost.map(|last| &*last.role));
            assert!(stack.iter().map(Cow::into_owned).eq(list.iter().cloned()));
            let deeper = stack.pushed(dynamic("a/x"));
            assert_eq!(deeper.last().as_deref(), Some(&dynamic("a/x")));
            assert_eq!(deeper.popped(), stack);
            assert_eq!(stack.popped().len(), list.len().saturating_sub(1));
            for other in &lists {
                let same = other.iter().cloned().collect::<Stack>() == stack;
                assert_eq!(same, other == list);
            }
        }
        assert_eq!(
            Stack::fixed("a"),
            [Reservation::fixed("a")].into_iter().collect()
        );
    }
}
