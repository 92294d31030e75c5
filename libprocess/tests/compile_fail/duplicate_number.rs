//! One number for two messages.
use libprocess::prelude::*;

pub struct One;
pub struct Other;

protocol! { pub local P = "p" { 1 => One -> (), 1 => Other -> () } }
