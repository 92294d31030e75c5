//! What nobody decides by, but everybody may want to see.

use std::collections::BTreeMap;

use mesos::v1::value::Scalar;
use mesos::v1::{ContainerInfo, DiscoveryInfo, HealthCheck, KillPolicy, Labels};

/// Of a task: the fields of the public record that are only shown.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Details {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The user it runs as.
    #[prost(string, optional, tag = "2")]
    pub user: Option<String>,
    /// Its labels.
    #[prost(message, optional, tag = "3")]
    pub labels: Option<Labels>,
    /// How it is found.
    #[prost(message, optional, tag = "4")]
    pub discovery: Option<DiscoveryInfo>,
    /// Its container.
    #[prost(message, optional, boxed, tag = "5")]
    pub container: Option<Box<ContainerInfo>>,
    /// How its health is checked.
    #[prost(message, optional, boxed, tag = "6")]
    pub health_check: Option<Box<HealthCheck>>,
    /// How it is killed.
    #[prost(message, optional, tag = "7")]
    pub kill_policy: Option<KillPolicy>,
    /// What it may use at most, by name of the resource.
    #[prost(btree_map = "string, message", tag = "8")]
    pub limits: BTreeMap<String, Scalar>,
}

/// The numbers of the fields, to read them one by one.
impl Details {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const USER: u32 = 2;
    pub(crate) const LABELS: u32 = 3;
    pub(crate) const DISCOVERY: u32 = 4;
    pub(crate) const CONTAINER: u32 = 5;
    pub(crate) const HEALTH_CHECK: u32 = 6;
    pub(crate) const LIMITS: u32 = 8;
}
