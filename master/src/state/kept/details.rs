//! What nobody decides by, but everybody may want to see.

use std::collections::BTreeMap;

use mesos::v1::value::Scalar;
use mesos::v1::{ContainerInfo, DiscoveryInfo, HealthCheck, KillPolicy, Labels};

/// Of a task: the fields of the public record that are only shown, with the numbers that they have there, so that agents' words can
/// be kept as they are.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Details {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The user it runs as.
    #[prost(string, optional, tag = "14")]
    pub user: Option<String>,
    /// Its labels.
    #[prost(message, optional, tag = "11")]
    pub labels: Option<Labels>,
    /// How it is found.
    #[prost(message, optional, tag = "12")]
    pub discovery: Option<DiscoveryInfo>,
    /// Its container.
    #[prost(message, optional, boxed, tag = "13")]
    pub container: Option<Box<ContainerInfo>>,
    /// How its health is checked.
    #[prost(message, optional, boxed, tag = "15")]
    pub health_check: Option<Box<HealthCheck>>,
    /// How it is killed.
    #[prost(message, optional, tag = "16")]
    pub kill_policy: Option<KillPolicy>,
    /// What it may use at most, by name of the resource.
    #[prost(btree_map = "string, message", tag = "17")]
    pub limits: BTreeMap<String, Scalar>,
}

/// The numbers of the fields, to read them one by one.
impl Details {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const USER: u32 = 14;
    pub(crate) const LABELS: u32 = 11;
    pub(crate) const DISCOVERY: u32 = 12;
    pub(crate) const CONTAINER: u32 = 13;
    pub(crate) const HEALTH_CHECK: u32 = 15;
    pub(crate) const LIMITS: u32 = 17;
}
