//! A runtime for distributed actors. To be written.

pub mod tls;
pub mod transport;
