//! Names under which the processes of a node are found without asking.

/// The master ([`super::MasterProtocol`]) on a master's node.
pub const MASTER: &str = "master";

/// The read-only documents of a master ([`super::ReaderProtocol`]) on a master's node.
pub const READER: &str = "reader";

/// The agent ([`super::AgentProtocol`]) on an agent's node.
pub const AGENT: &str = "agent";

/// The sandboxes ([`super::FilesProtocol`]) on an agent's node.
pub const FILES: &str = "files";
