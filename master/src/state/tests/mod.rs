//! The core's behaviour, told by what it says to whom.

mod agents;
mod calls;
mod frameworks;
mod launch;
mod log;
mod loss;
mod operations;
mod operator;
mod oversubscription;
mod reconcile;
mod restart;
mod updates;
mod walk;
mod world;
