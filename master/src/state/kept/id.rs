//! Ids that are named in many places, and kept in one.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// The id of a task, an agent, … (`Id<TaskId>`, `Id<AgentId>`). Clones share the text; it compares and reads as that.
pub struct Id<T> {
    text: Arc<str>,
    of: PhantomData<fn() -> T>,
}

impl<T: AsRef<str>> Id<T> {
    /// Whether it is this one.
    pub fn is(&self, id: &T) -> bool {
        *self.text == *id.as_ref()
    }
}

impl<T> Id<T> {
    /// Of this text.
    pub(super) fn of(text: &str) -> Id<T> {
        Id {
            text: text.into(),
            of: PhantomData,
        }
    }
}

impl<T: for<'a> From<&'a str>> Id<T> {
    /// As messages have it.
    pub fn to_v1(&self) -> T {
        T::from(&self.text)
    }
}

impl<T: AsRef<str>> From<&T> for Id<T> {
    fn from(id: &T) -> Id<T> {
        Id::of(id.as_ref())
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Id<T> {
        Id {
            text: self.text.clone(),
            of: PhantomData,
        }
    }
}

impl<T> Deref for Id<T> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl<T> Borrow<str> for Id<T> {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Id<T>) -> bool {
        Arc::ptr_eq(&self.text, &other.text) || self.text == other.text
    }
}

impl<T> Eq for Id<T> {}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Id<T>) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Id<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}
