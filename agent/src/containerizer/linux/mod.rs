//! What only Linux has.

pub(crate) mod cgroups;
