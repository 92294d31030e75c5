//! How busy the machine is.

use std::fs;
use std::sync::Arc;

/// The processes that ran or wanted to, on average over the last minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Over the last minute.
    pub one: f64,
    /// Over the last five minutes.
    pub five: f64,
    /// Over the last fifteen minutes.
    pub fifteen: f64,
}

/// Where the load comes from: the kernel, or a simulation. `None` where nobody counts it.
pub type LoadSource = Arc<dyn Fn() -> Option<Load> + Send + Sync>;

impl Load {
    /// What the kernel says.
    pub fn of_machine() -> Option<Load> {
        Load::parse(&fs::read_to_string("/proc/loadavg").ok()?)
    }

    /// The same over all times: for simulations.
    pub fn steady(load: f64) -> Load {
        Load {
            one: load,
            five: load,
            fifteen: load,
        }
    }

    /// Reads `0.20 0.18 0.12 1/80 11206`.
    fn parse(text: &str) -> Option<Load> {
        let mut numbers = text.split_whitespace().map(|word| word.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Load {
            one: next()?,
            five: next()?,
            fifteen: next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read() {
        let load = Load {
            one: 0.2,
            five: 0.18,
            fifteen: 12.0,
        };
        assert_eq!(Load::parse("0.20 0.18 12.00 1/80 11206\n"), Some(load));
        for bad in ["", "0.2 0.1", "a b c"] {
            assert_eq!(Load::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn this_machine_has_a_load() {
        assert!(Load::of_machine().is_some_and(|load| load.five >= 0.0));
    }
}
