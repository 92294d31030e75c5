//! The agent's system calls that safe libraries do not offer: the only `unsafe` of this crate.
//!
//! Each function states why it is sound; everything above this folder is ordinary Rust.

#![allow(unsafe_code)]

mod child;
mod credentials;
mod pidfd;

pub(crate) use child::prepare_child;
pub(crate) use credentials::{Identity, act_on_files_as};
pub(crate) use pidfd::PidFd;
