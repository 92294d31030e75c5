//! The version that is none.
use libprocess::prelude::*;

pub struct One;

protocol! { pub local P = "p" version 0 { 1 => One -> () } }
