//! How `mesos master` decides who is offered what.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use master::allocator::{AllocatorKind, DEFAULT_MAX_OFFERS};
use master::config::{AgentSorter, Config, SorterKind};
use mesos::v1::DomainInfo;

use super::values::{FileOrAll, at_least_one, domain, duration, file_or_all, size, weight};

/// The flags of the allocator, by Mesos' names; `--agent_sorter` and
/// `--max_offers_per_framework` are ours.
#[derive(Debug, Args)]
pub(crate) struct AllocatorFlags {
    /// Who decides what is offered to whom
    #[arg(long, env = "MESOS_ALLOCATOR", value_enum, default_value_t = Kind::HierarchicalDrf)]
    pub(crate) allocator: Kind,

    /// Interval of allocations; offers also follow events at once
    #[arg(long = "allocation_interval", env = "MESOS_ALLOCATION_INTERVAL", value_parser = duration, default_value = "1secs")]
    pub(crate) allocation_interval: Duration,

    /// Time after which an unanswered offer is rescinded, and what is in it goes to others first; 0secs for never
    #[arg(long = "offer_timeout", env = "MESOS_OFFER_TIMEOUT", value_parser = duration, default_value = "30mins")]
    pub(crate) offer_timeout: Duration,

    /// Unanswered offers a framework may hold; at the limit it gets no more until it answers
    #[arg(long = "max_offers_per_framework", env = "MESOS_MAX_OFFERS_PER_FRAMEWORK", value_parser = at_least_one, default_value_t = DEFAULT_MAX_OFFERS)]
    pub(crate) max_offers_per_framework: usize,

    /// File with the hosts whose agents may be offered, one a line, read again every 5 s; all if
    /// unset or '*'
    #[arg(long, env = "MESOS_WHITELIST", value_parser = file_or_all)]
    pub(crate) whitelist: Option<FileOrAll>,

    /// Smallest offers, as alternatives
    #[arg(
        long = "min_allocatable_resources",
        env = "MESOS_MIN_ALLOCATABLE_RESOURCES",
        default_value = "cpus:0.01|mem:32"
    )]
    pub(crate) min_allocatable_resources: String,

    /// Who is next among the roles
    #[arg(long = "role_sorter", env = "MESOS_ROLE_SORTER", value_enum, default_value_t = Sorter::Drf)]
    pub(crate) role_sorter: Sorter,

    /// Who is next among the frameworks of a role
    #[arg(long = "framework_sorter", env = "MESOS_FRAMEWORK_SORTER", value_enum, default_value_t = Sorter::Drf)]
    pub(crate) framework_sorter: Sorter,

    /// Which agents are given away first
    #[arg(long = "agent_sorter", env = "MESOS_AGENT_SORTER", value_enum, default_value_t = Agents::Random)]
    pub(crate) agent_sorter: Agents,

    /// Weights of roles: role=weight,..
    #[arg(long, env = "MESOS_WEIGHTS", value_parser = weight, value_delimiter = ',')]
    pub(crate) weights: Vec<(String, f64)>,

    /// Names of resources that do not count for fairness, for example gpus
    #[arg(
        long = "fair_sharing_excluded_resource_names",
        env = "MESOS_FAIR_SHARING_EXCLUDED_RESOURCE_NAMES",
        value_delimiter = ','
    )]
    pub(crate) fair_sharing_excluded_resource_names: Vec<String>,

    /// Whether agents with GPUs are kept for frameworks with GPU_RESOURCES
    #[arg(long = "filter_gpu_resources", env = "MESOS_FILTER_GPU_RESOURCES", action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", default_value_t = true)]
    pub(crate) filter_gpu_resources: bool,

    /// If there are quotas: the part of its agents for which a new master waits before it makes
    /// offers
    #[arg(
        long = "allocator_agent_recovery_factor",
        env = "MESOS_ALLOCATOR_AGENT_RECOVERY_FACTOR",
        default_value_t = 0.8
    )]
    pub(crate) allocator_agent_recovery_factor: f64,

    /// For how long it waits at most
    #[arg(long = "allocator_recovery_timeout", env = "MESOS_ALLOCATOR_RECOVERY_TIMEOUT", value_parser = duration, default_value = "10mins")]
    pub(crate) allocator_recovery_timeout: Duration,

    /// Memory for running one regular expression of offer constraints
    #[arg(long = "offer_constraints_re2_max_mem", env = "MESOS_OFFER_CONSTRAINTS_RE2_MAX_MEM", value_parser = size, default_value = "4096B")]
    pub(crate) offer_constraints_re2_max_mem: u64,

    /// Instructions of one regular expression of offer constraints
    #[arg(
        long = "offer_constraints_re2_max_program_size",
        env = "MESOS_OFFER_CONSTRAINTS_RE2_MAX_PROGRAM_SIZE",
        default_value_t = 100
    )]
    pub(crate) offer_constraints_re2_max_program_size: usize,

    /// Region and zone of this master, as JSON or a file:// with it
    #[arg(long, env = "MESOS_DOMAIN", value_parser = domain)]
    pub(crate) domain: Option<DomainInfo>,
}

/// The allocators there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Dominant resource fairness over the tree of roles, as Mesos
    #[value(name = "HierarchicalDRF")]
    HierarchicalDrf,
    /// The same; in one run a framework gets the resources of one agent at most
    #[value(name = "OneOfferEach")]
    OneOfferEach,
}

/// How roles or frameworks are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sorter {
    /// By dominant share
    Drf,
    /// By chance and weight
    Random,
}

/// In which order agents are given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Agents {
    /// By chance
    Random,
    /// The fullest first
    #[value(name = "bin_packing")]
    BinPacking,
    /// The emptiest first
    Spread,
}

impl AllocatorFlags {
    /// The configuration with what these flags say.
    pub(crate) fn apply(&self, config: Config) -> Config {
        Config {
            allocator: match self.allocator {
                Kind::HierarchicalDrf => AllocatorKind::HierarchicalDrf,
                Kind::OneOfferEach => AllocatorKind::OneOfferEach,
            },
            allocation_interval: self.allocation_interval,
            offer_timeout: Some(self.offer_timeout).filter(|timeout| !timeout.is_zero()),
            max_offers_per_framework: self.max_offers_per_framework,
            whitelist: self.whitelist.clone().and_then(|listed| listed.0),
            min_allocatable_resources: self.min_allocatable_resources.clone(),
            role_sorter: self.role_sorter.into(),
            framework_sorter: self.framework_sorter.into(),
            agent_sorter: match self.agent_sorter {
                Agents::Random => AgentSorter::Random,
                Agents::BinPacking => AgentSorter::BinPacking,
                Agents::Spread => AgentSorter::Spread,
            },
            weights: self.weights.iter().cloned().collect::<BTreeMap<_, _>>(),
            fair_sharing_excluded_resource_names: self.fair_sharing_excluded_resource_names.clone(),
            filter_gpu_resources: self.filter_gpu_resources,
            allocator_agent_recovery_factor: self.allocator_agent_recovery_factor,
            allocator_recovery_timeout: self.allocator_recovery_timeout,
            offer_constraints_re2_max_mem: self.offer_constraints_re2_max_mem,
            offer_constraints_re2_max_program_size: self.offer_constraints_re2_max_program_size,
            domain: self.domain.clone(),
            ..config
        }
    }
}

impl From<Sorter> for SorterKind {
    fn from(sorter: Sorter) -> Self {
        match sorter {
            Sorter::Drf => SorterKind::Drf,
            Sorter::Random => SorterKind::Random,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: AllocatorFlags,
    }

    fn config(words: &[&str]) -> Result<Config, clap::Error> {
        let line = Line::try_parse_from([&["master"], words].concat())?;
        Ok(line.flags.apply(Config::default()))
    }

    #[test]
    fn every_flag_is_in_the_configuration() {
        let given = config(&[
            "--allocator=OneOfferEach",
            "--allocation_interval=3secs",
            "--offer_timeout=1mins",
            "--max_offers_per_framework=7",
            "--whitelist=/hosts",
            "--min_allocatable_resources=mem:64",
            "--role_sorter=random",
            "--framework_sorter=random",
            "--agent_sorter=bin_packing",
            "--weights=eng=2.5,ops=3",
            "--fair_sharing_excluded_resource_names=gpus,fpgas",
            "--filter_gpu_resources=false",
            "--allocator_agent_recovery_factor=0.5",
            "--allocator_recovery_timeout=2mins",
            "--offer_constraints_re2_max_mem=8KB",
            "--offer_constraints_re2_max_program_size=50",
            r#"--domain={"fault_domain":{"region":{"name":"eu"},"zone":{"name":"1"}}}"#,
        ])
        .expect("flags");
        assert_eq!(given.allocator, AllocatorKind::OneOfferEach);
        assert_eq!(given.allocation_interval, Duration::from_secs(3));
        assert_eq!(given.offer_timeout, Some(Duration::from_secs(60)));
        assert_eq!(given.max_offers_per_framework, 7);
        assert_eq!(given.whitelist, Some("/hosts".into()));
        assert_eq!(given.min_allocatable_resources, "mem:64");
        assert_eq!(given.role_sorter, SorterKind::Random);
        assert_eq!(given.framework_sorter, SorterKind::Random);
        assert_eq!(given.agent_sorter, AgentSorter::BinPacking);
        let weights = [("eng".to_owned(), 2.5), ("ops".to_owned(), 3.0)];
        assert_eq!(given.weights, weights.into());
        let excluded = &given.fair_sharing_excluded_resource_names;
        assert_eq!(*excluded, ["gpus", "fpgas"]);
        assert!(!given.filter_gpu_resources);
        assert_eq!(given.allocator_agent_recovery_factor, 0.5);
        assert_eq!(given.allocator_recovery_timeout, Duration::from_secs(120));
        let limits = given.regex_limits();
        assert_eq!((limits.max_mem, limits.max_program_size), (8192, 50));
        assert!(given.domain.is_some());
    }

    #[test]
    fn the_defaults_are_those_of_the_configuration() {
        let (given, default) = (config(&[]).expect("no flags"), Config::default());
        assert_eq!(given.flags(), default.flags());
        assert_eq!(given.allocator, default.allocator);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "--allocator=best",
            "--max_offers_per_framework=0",
            "--weights=eng=0",
            "--role_sorter=none",
            "--agent_sorter=none",
            "--domain={}",
        ] {
            assert!(config(&[bad]).is_err(), "{bad}");
        }
    }
}
