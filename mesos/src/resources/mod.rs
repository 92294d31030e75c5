//! Resources: quantities, ranges and sets that add up exactly.

mod quantity;
mod ranges;

pub use quantity::{Quantity, QuantityError};
pub use ranges::{Range, Ranges, RangesError};
