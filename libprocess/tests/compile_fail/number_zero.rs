//! The number that is none.
use libprocess::prelude::*;

pub struct One;

protocol! { pub local P = "p" { 0 => One -> () } }
