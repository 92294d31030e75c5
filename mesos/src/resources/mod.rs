//! Resources: what agents have, offers hold and tasks use, with exact arithmetic.
//!
//! Semantics: `docs/attributes-resources.md`, `docs/reservation.md` and `src/common/resources.cpp`
//! of Mesos. Where to start: [`Resources`].
//!
//! | Subject | File |
//! |---|---|
//! | an amount in thousandths; a set of integers, of words | `quantity.rs`, `ranges.rs`, `words.rs` |
//! | amounts by name; short texts | `quantities.rs`, `name.rs`, `short.rs` |
//! | what keeps two items apart, how much there is of one | `key.rs`, `stack.rs`, `amount.rs` |
//! | the multiset: contains, add, subtract | `algebra.rs` over `group.rs` and `rest.rs` |
//! | lists in order, and how two of them meet | `sorted.rs`, `groups.rs` |
//! | from what is read to the multiset | `gathering.rs` |
//! | what operations do to resources | `conversion.rs` |
//! | asking a multiset: by name, role, kind | `query.rs` |
//! | what an agent stores | `checkpointed.rs` |
//! | text (`cpus:4;ports:[1-2]`) | `text.rs`, `items.rs` over `scan.rs` |
//! | v1 messages, validation | `proto.rs`, `error.rs` |
//! | the flat JSON of the state endpoints | `json.rs` |

mod algebra;
mod amount;
mod checkpointed;
mod conversion;
mod error;
mod gathering;
mod group;
mod groups;
mod items;
mod json;
mod key;
mod name;
mod proto;
mod quantities;
mod quantity;
mod query;
mod ranges;
mod rest;
mod scan;
mod short;
mod sorted;
mod stack;
mod text;
mod words;

#[cfg(test)]
mod laws;

pub use algebra::Resources;
pub use amount::Amount;
pub use checkpointed::Missing;
pub use conversion::{Conversion, ConversionError, NotApplicable, disk_below};
pub use error::{ParseError, Problem, ResourceError};
pub use json::{Flat, FlatByRole};
pub use key::{Disk, Key, Kind, Special, What};
pub use name::{Known, Name};
pub use proto::Format;
pub use quantities::Quantities;
pub use quantity::{Quantity, QuantityError};
pub use ranges::{Range, Ranges, RangesError};
pub use short::Short;
pub use stack::{Reservation, ReservationKind, Stack};
pub use words::Words;
