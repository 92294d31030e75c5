//! An answer without an encoding in a protocol that crosses nodes.
use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Question;
pub struct Opaque;

protocol! { pub P = "p" { 1 => Question -> Opaque } }
