//! Where in a message the reader is, for errors.

use std::fmt;

/// A path of fields, list indices and map keys: a list on the stack, from the inside out.
pub(super) struct Path<'a> {
    parent: Option<(&'a Path<'a>, Step<'a>)>,
    /// Fields on the way, which is the number of messages around.
    depth: usize,
}

enum Step<'a> {
    Field(&'static str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    pub(super) const TOP: Path<'static> = Path {
        parent: None,
        depth: 0,
    };

    pub(super) fn field(&'a self, name: &'static str) -> Self {
        Self {
            parent: Some((self, Step::Field(name))),
            depth: self.depth + 1,
        }
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        Self {
            parent: Some((self, Step::Index(index))),
            depth: self.depth,
        }
    }

    pub(super) fn key(&'a self, key: &'a str) -> Self {
        Self {
            parent: Some((self, Step::Key(key))),
            depth: self.depth,
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }
}

/// `accept.operations[0].launch.limits["cpus"]`.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((parent, step)) = &self.parent else {
            return Ok(());
        };
        write!(f, "{parent}")?;
        match step {
            Step::Field(name) if parent.parent.is_none() => write!(f, "{name}"),
            Step::Field(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{key:?}]"),
        }
    }
}
