//! What a master must not forget, and where it is kept.
//!
//! ```text
//!           Recover, Apply(Operation)
//!  master ──────────────────────────▶ RegistrarProcess ── Registry        the value
//!         ◀──────────────────────────        │            Operation       judges, yields changes
//!           answered once it is stored       ▼
//!                                         Storage (seam): DiskStorage, ZooKeeperStorage, MemoryStorage
//! ```
//!
//! A master first recovers the registry, and from then on answers an agent or a framework only
//! after the operation that concerns it has been stored. Operations that arrive while a store is
//! in flight wait and are stored together. A storage that fails is the end of the master: what is
//! stored may or may not be what it believes.

mod agents;
mod disk;
mod exact;
mod log;
mod machines;
mod memory;
mod operations;
mod process;
mod registry;
mod storage;
#[cfg(test)]
mod tests;
pub mod tool;
mod zookeeper;

pub use disk::DiskStorage;
pub use machines::{MachineKey, MachineRecord};
pub use memory::{Fault, MemoryStorage};
pub use operations::{Operation, Refused};
pub use process::{
    Apply, Recover, RegistrarError, RegistrarProcess, RegistrarProtocol, RegistrarTimeouts,
};
pub use registry::{Change, DrainRecord, FrameworkRecord, Record, RecordKey, Registry};
pub use storage::{Opened, Storage, StorageError, Writer};
pub use zookeeper::ZooKeeperStorage;
