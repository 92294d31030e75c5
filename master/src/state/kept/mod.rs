//! Forms in which the master keeps what it knows of agents and tasks, of which it has hundreds of thousands.
//!
//! | File | Form |
//! |---|---|
//! | `task` | a task: what decisions need as fields, what is only shown as bytes |
//! | `details`, `statuses` | those bytes |
//! | `id` | ids that are named in many places |
//! | `shapes` | equal amounts of resources |
//! | `few` | ordered maps and sets of a handful of entries |
//!
//! Nobody else encodes or decodes.

mod details;
mod few;
mod id;
mod shapes;
mod statuses;
mod task;

#[cfg(test)]
mod tests;

pub use details::Details;
pub use few::{Few, FewSet};
pub use id::Id;
pub use shapes::Shapes;
pub use task::Task;
