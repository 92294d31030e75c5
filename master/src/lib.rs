//! To be written.
pub mod registrar;
