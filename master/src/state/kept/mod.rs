//! Forms in which the master keeps what it knows of agents and tasks, of which it has hundreds of thousands.
//!
//! | File | Form |
//! |---|---|
//! | `task` | a task: what decisions need as fields, what is only shown as bytes |
//! | `details`, `statuses` | those bytes |
//! | `told` | a task as an agent tells of it |
//! | `id` | ids that are named in many places |
//! | `agent` | what an agent says of itself, as bytes |
//! | `few` | ordered maps and sets of a handful of entries |
//!
//! Nobody else encodes or decodes.

mod agent;
mod details;
mod few;
mod id;
mod statuses;
mod task;
mod told;

#[cfg(test)]
mod tests;

pub use agent::{AgentSoftware, AgentTraits, AgentWords};
pub use details::Details;
pub use few::{Few, FewSet};
pub use id::Id;
pub use task::Task;
pub(crate) use told::ToldTask;
