//! Records are compared by identity: what did not change between two moments of a cluster is the
//! same record in memory, and whoever compares moments wants to know no more, at no more cost.

use super::{Agent, Framework, Task};

macro_rules! identical {
    ($($record:ty),*) => {
        $(impl PartialEq for $record {
            fn eq(&self, other: &Self) -> bool {
                std::ptr::eq(self, other)
            }
        }

        impl Eq for $record {})*
    };
}

identical!(Agent, Framework, Task);
