//! The public v1 API of Mesos as Rust values, one module per protobuf package.
//!
//! Generated from `proto/` by `build.rs`: names, numbers and defaults are Mesos' public contract.
//! `required` fields are plain, `optional` ones are `Option`s with an accessor that applies the
//! default (`resource.role()` is `"*"`), enums are `i32`s with an accessor, so that values of a
//! newer peer survive.
#![allow(missing_docs, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/mesos.v1.rs"));

/// The agent's operator API (`POST /api/v1` on an agent).
pub mod agent {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.agent.rs"));
}

/// What the allocator tells of inverse offers.
pub mod allocator {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.allocator.rs"));
}

/// The executor API (`POST /api/v1/executor` on an agent).
pub mod executor {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.executor.rs"));
}

/// Maintenance schedules and machine states.
pub mod maintenance {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.maintenance.rs"));
}

/// The master's operator API (`POST /api/v1` on a master).
pub mod master {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.master.rs"));
}

/// Quota: guarantees and limits of roles.
pub mod quota {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.quota.rs"));
}

/// The resource provider API.
pub mod resource_provider {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.resource_provider.rs"));
}

/// The scheduler API (`POST /api/v1/scheduler` on a master).
pub mod scheduler {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.scheduler.rs"));
}
