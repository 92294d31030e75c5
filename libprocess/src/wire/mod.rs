//! What crosses between nodes: bodies (`codec.rs`) and the frames around them.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod again;
mod codec;
pub(crate) mod frame;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

pub use codec::{Age, Body, DecodeError, EncodeError, decode, decode_exact, encode, encode_into};

/// Largest body of a message or answer, in bytes. Bulk data does not belong into messages; a state
/// dump of a large master does, and fits.
pub const MAX_BODY: usize = 16 * 1024 * 1024;
