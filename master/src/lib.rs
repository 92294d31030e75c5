//! To be written.
pub mod allocator;
pub mod registrar;
