//! Forms in which the master keeps what it knows of agents and tasks, of which it has hundreds of thousands.
//!
//! | File | Form |
//! |---|---|
//! | `few` | ordered maps and sets of a handful of entries |

mod few;

pub use few::{Few, FewSet};
