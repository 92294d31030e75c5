//! The core's behaviour, told by what it says to whom.

mod agents;
mod books;
mod calls;
mod drain;
mod frameworks;
mod history;
mod launch;
mod launch_group;
mod log;
mod loss;
mod maintenance;
mod operations;
mod operator;
mod oversubscription;
mod reconcile;
mod removal;
mod restart;
mod samples;
mod updates;
mod vanishing;
mod walk;
mod world;
