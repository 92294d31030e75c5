//! A message without an encoding in a protocol that crosses nodes.
use libprocess::prelude::*;

pub struct Opaque;

protocol! { pub P = "p" { 1 => Opaque -> () } }
