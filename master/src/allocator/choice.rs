//! Which allocator a master has.

use super::{Allocator, AllocatorOptions, HierarchicalAllocator, OneOfferEach};

/// `--allocator`. A new one is a line here and in the command line's flag; see `docs/allocators.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllocatorKind {
    /// That of Mesos.
    #[default]
    HierarchicalDrf,
    /// The same, one offer for each framework in a run.
    OneOfferEach,
}

impl AllocatorKind {
    /// What the flag calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::HierarchicalDrf => "HierarchicalDRF",
            Self::OneOfferEach => "OneOfferEach",
        }
    }

    /// A new one without agents and frameworks.
    pub fn build(self, options: AllocatorOptions) -> Box<dyn Allocator> {
        let books = HierarchicalAllocator::new(options);
        match self {
            Self::HierarchicalDrf => Box::new(books),
            Self::OneOfferEach => Box::new(OneOfferEach(books)),
        }
    }
}
