//! Status updates that reach their framework, whatever fails in between.
//!
//! [`Stream`] and [`Streams`] decide (pure), [`log`] is what is on the disk, and [`manager`] is the
//! actor that keeps the order: first the disk, then the executor's acknowledgement, then the
//! master.

pub mod log;
pub mod manager;
pub mod stream;
pub mod streams;

pub use manager::{Manager, StatusUpdatesProtocol};
pub use stream::{Key, Stream, Update, Verdict};
pub use streams::{Acknowledged, Streams};
