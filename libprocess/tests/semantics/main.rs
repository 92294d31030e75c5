//! The semantics of libprocess, one theme a file: each test explains one guarantee of the README's table.
//! One binary, because every further one costs a link of the whole stack.

mod common;
#[path = "../process/mod.rs"]
mod other;

mod bulk;
mod compile_fail;
mod deadlines;
mod delivery;
mod endings;
mod evolution;
mod examples;
mod faults;
mod groups;
mod identity;
mod lanes;
mod lease;
mod links;
mod liveness;
mod machines;
mod monitors;
mod names;
mod observation;
mod page;
mod partition;
mod places;
mod pressure;
mod processes;
mod reaching;
mod remote;
mod simulation;
mod soak;
mod supervision;
mod tap;
mod traces;
mod turns;
