//! Asks that wait for their answers: in places that are used again and again, so that neither an ask nor its answer
//! searches.

use super::{ASKS, Done};
use crate::pid::AnyPid;

/// An ask that waits for its answer.
pub(super) struct Asking {
    pub(super) done: Done,
    /// Between whom, so that its cancellation goes the same way.
    pub(super) from: Option<AnyPid>,
    pub(super) to: AnyPid,
}

#[derive(Default)]
pub(super) struct Asks {
    places: Vec<Place>,
    /// Places that nobody has, the last one left first.
    free: Vec<usize>,
}

#[derive(Default)]
struct Place {
    /// How often it was taken. An answer that comes too late is not taken for one to the next ask.
    uses: u64,
    asking: Option<Asking>,
}

/// An id is the use of a place, and the place. The other node relies on it: of two asks in one place somebody waits for
/// the later one only.
pub(super) const PLACES: u64 = ASKS as u64;

/// The id of none: every place is used at least once.
pub(super) const NONE: u64 = 0;

impl Asks {
    /// Gives the id of the ask, or the ask itself if there are too many.
    pub(super) fn insert(&mut self, asking: Asking) -> Result<u64, Asking> {
        let number = match self.free.pop() {
            Some(number) => number,
            None if self.places.len() == ASKS => return Err(asking),
            None => {
                self.places.push(Place::default());
                self.places.len() - 1
            }
        };
        let place = &mut self.places[number];
        place.uses += 1;
        place.asking = Some(asking);
        Ok(place.uses * PLACES + number as u64)
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Asking> {
        let number = (id % PLACES) as usize;
        let place = self.places.get_mut(number)?;
        if place.uses != id / PLACES {
            return None;
        }
        let asking = place.asking.take()?;
        self.free.push(number);
        Some(asking)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// All, by place.
    pub(super) fn into_all(self) -> impl Iterator<Item = Asking> {
        self.places.into_iter().filter_map(|place| place.asking)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::*;

    fn asking() -> Asking {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        Asking {
            done: Box::new(|_| {}),
            from: None,
            to: AnyPid::new(Arc::from("callee"), address, 1),
        }
    }

    fn insert(asks: &mut Asks) -> Option<u64> {
        asks.insert(asking()).ok()
    }

    #[test]
    fn a_late_answer_is_not_taken_for_one_to_the_next_ask() {
        let mut asks = Asks::default();
        let first = insert(&mut asks).expect("a place");
        assert_ne!(first, NONE);
        assert!(asks.remove(first).is_some());
        let second = insert(&mut asks).expect("a place");
        assert_eq!(second % PLACES, first % PLACES);
        assert!(asks.remove(first).is_none());
        assert!(asks.remove(NONE).is_none());
        assert!(asks.remove(u64::MAX).is_none());
        assert_eq!(asks.len(), 1);
        assert!(asks.remove(second).is_some());
        assert!(asks.remove(second).is_none());
        assert_eq!(asks.len(), 0);
    }

    #[test]
    fn there_are_as_many_places_as_asks_are_allowed() {
        let mut asks = Asks::default();
        let ids: Vec<u64> = (0..ASKS).filter_map(|_| insert(&mut asks)).collect();
        assert_eq!(ids.len(), ASKS);
        assert_eq!(insert(&mut asks), None);
        assert!(asks.remove(ids[7]).is_some());
        assert!(insert(&mut asks).is_some());
        assert_eq!(asks.into_all().count(), ASKS);
    }
}
