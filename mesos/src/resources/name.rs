//! Names of resources, as small numbers where everybody uses them.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Kind;
use super::short::Short;

/// The name of a resource: one that Mesos knows, or one that an operator made up. Compares, hashes
/// and reads as the text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Name {
    /// A number instead of a text.
    Known(Known),
    /// None of [`Known`].
    Other(Short),
}

/// The names that Mesos knows, in the order of their texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// Processors.
    Cpus,
    /// Mebibytes of disk.
    Disk,
    /// Graphics processors.
    Gpus,
    /// Mebibytes of memory.
    Mem,
    /// Network ports.
    Ports,
}

impl Known {
    /// Those that are amounts: all but the ports, which come last.
    pub const SCALARS: [Known; 4] = [Known::Cpus, Known::Disk, Known::Gpus, Known::Mem];

    /// All of them.
    pub const ALL: [Known; 5] = [
        Known::Cpus,
        Known::Disk,
        Known::Gpus,
        Known::Mem,
        Known::Ports,
    ];

    /// The text.
    pub const fn text(self) -> &'static str {
        match self {
            Known::Cpus => "cpus",
            Known::Disk => "disk",
            Known::Gpus => "gpus",
            Known::Mem => "mem",
            Known::Ports => "ports",
        }
    }

    /// How it is counted, unless somebody uses the name for something else.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Known::Ports => Kind::Ranges,
            _ => Kind::Scalar,
        }
    }

    /// The one with this text.
    pub fn of(text: &str) -> Option<Known> {
        match text {
            "cpus" => Some(Known::Cpus),
            "disk" => Some(Known::Disk),
            "gpus" => Some(Known::Gpus),
            "mem" => Some(Known::Mem),
            "ports" => Some(Known::Ports),
            _ => None,
        }
    }
}

impl Name {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Name::Known(known) => known.text().as_bytes(),
            Name::Other(text) => text.as_bytes(),
        }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Name::Known(known) => known.text(),
            Name::Other(text) => text,
        }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        match Known::of(text) {
            Some(known) => Name::Known(known),
            None => Name::Other(text.into()),
        }
    }
}

impl From<String> for Name {
    fn from(text: String) -> Name {
        Name::from(text.as_str())
    }
}

impl From<Arc<str>> for Name {
    fn from(text: Arc<str>) -> Name {
        Name::from(&*text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.to_string()
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        match (self, other) {
            (Name::Known(a), Name::Known(b)) => a.cmp(b),
            (a, b) => a.as_bytes().cmp(b.as_bytes()),
        }
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_as_their_texts() {
        assert_eq!(size_of::<Name>(), 16);
        let texts = [
            "bananas", "cpus", "cpus2", "disk", "gpus", "mem", "ports", "x",
        ];
        let names = texts.map(Name::from);
        assert!(names.is_sorted());
        for (name, text) in names.iter().zip(texts) {
            assert_eq!((&**name, name.to_string()), (text, text.to_string()));
            assert_eq!(Name::from(Arc::<str>::from(text)), *name);
            assert_eq!(Borrow::<str>::borrow(name), text);
            let known = matches!(name, Name::Known(_));
            assert_eq!(known, Known::of(text).is_some(), "one way to say it");
        }
        for known in Known::ALL {
            assert_eq!(Known::of(known.text()), Some(known));
        }
        assert!(Known::ALL.is_sorted_by_key(|known| known.text()));
    }
}
