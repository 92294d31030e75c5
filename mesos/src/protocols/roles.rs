//! Roles in the certificates of QUIC peers: who may say what to whom.
//!
//! These are roles of *processes*; the roles under which resources are shared out are in
//! [`crate::roles`].

/// A master: may speak as the master to agents, schedulers and other masters.
pub const MASTER: &str = "master";

/// An agent: may register itself and report about its own tasks.
pub const AGENT: &str = "agent";

/// A framework's scheduler; the certificate's name is its principal.
pub const FRAMEWORK: &str = "framework";

/// An executor; certified by its agent's own authority, and only towards that agent.
pub const EXECUTOR: &str = "executor";

/// A person or tool: may read everything, browse sandboxes, and kill tasks and frameworks.
pub const OPERATOR: &str = "operator";
