//! Resources mean what their protobuf form means, and operations change nothing else.
#![allow(deprecated)] // The old form of a reservation is one of those compared.

mod conservation;
mod meaning;
mod plainly;
mod random;
