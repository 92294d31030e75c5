//! Status updates, of tasks and of operations, that reach their framework, whatever fails in between.
//!
//! [`Stream`] and [`Streams`] decide (pure), [`log`] is what is on the disk, and [`manager`] is the
//! actor that keeps the order: first the disk, then the executor's acknowledgement, then the
//! master.

pub mod log;
pub mod manager;
pub mod operation;
pub mod stream;
pub mod streams;
pub mod task;

pub use manager::{Manager, OperationUpdatesProtocol, StatusUpdatesProtocol};
pub use operation::{OperationKey, OperationReport};
pub use stream::{Reported, Stream, Verdict};
pub use streams::{Acknowledged, Streams};
pub use task::{Key, Update};
