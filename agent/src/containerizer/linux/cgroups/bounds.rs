//! The bounds a container gets from its resources.

use mesos::resources::{Quantity, Resources};

/// What the kernel is asked to hold a container to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bounds {
    /// Thousandths of a cpu, the executor's own included.
    pub(crate) milli_cpus: u64,
    /// Those of them that may be taken back at any time.
    pub(crate) revocable_milli_cpus: u64,
    /// Bytes asked for by the tasks; what an overrun is reported against.
    pub(crate) requested_bytes: u64,
    /// Bytes at which the kernel begins to reclaim first here.
    pub(crate) soft_bytes: u64,
    /// Bytes at which the kernel kills.
    pub(crate) hard_bytes: u64,
}

/// What the built-in executor itself needs on top of its task (Mesos' `src/launcher/executor.cpp`).
const EXECUTOR_MILLI_CPUS: u64 = 100;
const EXECUTOR_BYTES: u64 = 32 * MB;

/// Below this not even a shell starts reliably (Mesos' `docs/isolators/cgroups-mem.md`).
const MIN_BYTES: u64 = 32 * MB;

const MB: u64 = 1 << 20;

impl Bounds {
    /// Bounds for a container of these resources; `command_executor` adds the executor's own need.
    pub(crate) fn of(resources: &Resources, command_executor: bool) -> Bounds {
        let milli = |quantity: Quantity| u64::try_from(quantity.milli()).unwrap_or(0);
        let (cpus, borrowed) = (milli(resources.cpus()), milli(resources.revocable().cpus()));
        let bytes = milli(resources.mem()).saturating_mul(MB) / 1000;
        let bounds = Bounds::new(cpus, bytes, command_executor);
        // An executor whose tasks have nothing but borrowed cpus has no better claim itself.
        let all_borrowed = borrowed > 0 && borrowed == cpus;
        Bounds {
            revocable_milli_cpus: if all_borrowed {
                bounds.milli_cpus
            } else {
                borrowed
            },
            ..bounds
        }
    }

    fn new(milli_cpus: u64, requested_bytes: u64, command_executor: bool) -> Bounds {
        let (own_cpus, own_bytes) = if command_executor {
            (EXECUTOR_MILLI_CPUS, EXECUTOR_BYTES)
        } else {
            (0, 0)
        };
        let bytes = requested_bytes.max(MIN_BYTES).saturating_add(own_bytes);
        Bounds {
            milli_cpus: milli_cpus.saturating_add(own_cpus),
            revocable_milli_cpus: 0,
            requested_bytes,
            soft_bytes: bytes,
            hard_bytes: bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos::resources::Format;

    /// Thousandths of cpus in all and borrowed, of a container with these regular and borrowed ones.
    #[track_caller]
    fn cpus(regular: &str, borrowed: &str, command_executor: bool) -> (u64, u64) {
        let parse = |text| Resources::parse(text, "*").expect("resources");
        let mut items = parse(borrowed).to_v1(Format::PostRefinement);
        for item in &mut items {
            item.revocable = Some(Default::default());
        }
        let borrowed = Resources::from_v1(&items).expect("resources");
        let bounds = Bounds::of(&(parse(regular) + borrowed), command_executor);
        (bounds.milli_cpus, bounds.revocable_milli_cpus)
    }

    #[test]
    fn a_built_in_executor_is_worth_what_its_task_is() {
        assert_eq!(cpus("cpus:1;mem:64", "", true), (1100, 0));
        assert_eq!(cpus("mem:64", "cpus:1", true), (1100, 1100));
        assert_eq!(cpus("cpus:2", "cpus:1", false), (3000, 1000));
        assert_eq!(cpus("mem:64", "", false), (0, 0));
    }

    #[test]
    fn memory_is_at_least_32_mb_and_the_built_in_executor_brings_its_own() {
        assert_eq!(Bounds::new(1000, 128 * MB, false).hard_bytes, 128 * MB);
        assert_eq!(Bounds::new(1000, MB, false).hard_bytes, 32 * MB);
        let built_in = Bounds::new(1000, 32 * MB, true);
        assert_eq!(built_in.hard_bytes, 64 * MB);
        assert_eq!(built_in.requested_bytes, 32 * MB);
        assert_eq!(built_in.milli_cpus, 1100);
    }
}
