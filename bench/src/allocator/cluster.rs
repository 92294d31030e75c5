//! A cluster of agents on which tasks run, with frameworks that decline what they are offered: the setting of Mesos' own
//! benchmarks of its allocator.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use master::allocator::{
    AgentCapabilities, Allocation, Allocator, AllocatorOptions, FrameworkOptions,
    HierarchicalAllocator, Quota, RegexLimits, Scope, compile,
};
use mesos::resources::Resources;
use mesos::v1::scheduler::OfferConstraints;
use mesos::v1::{AgentInfo, Attribute, value};

use crate::samples::{TOTAL, agent, framework, role};

/// Frameworks of one role.
const PER_ROLE: u32 = 10;

/// The attribute that says where an agent stands.
const RACK: &str = "rack";

/// Few, so that each of their numbers is a digit.
const RACKS: u32 = 10;

/// Longer than any benchmark takes.
const FOREVER: Duration = Duration::from_secs(3600);

/// The largest of all.
pub(super) const HUGE: Size = Size::new(50_000, 6_000);

/// How large it is.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) agents: u32,
    pub(super) frameworks: u32,
    pub(super) roles: u32,
}

impl Size {
    /// With ten frameworks a role.
    pub(super) const fn new(agents: u32, frameworks: u32) -> Self {
        let roles = frameworks.div_ceil(PER_ROLE);
        Self {
            agents,
            frameworks,
            roles,
        }
    }
}

pub(super) struct Cluster {
    allocator: HierarchicalAllocator,
    size: Size,
    now: Duration,
    seed: u64,
}

impl Cluster {
    /// All agents and frameworks are there; nothing has been offered yet.
    pub(super) fn new(size: Size) -> Self {
        let mut cluster = Self::without_agents(size);
        cluster.add_agents();
        cluster
    }

    pub(super) fn without_agents(size: Size) -> Self {
        let mut allocator = HierarchicalAllocator::new(AllocatorOptions::default());
        for number in 0..size.frameworks {
            let options = options(&role(number % size.roles));
            allocator.add_framework(&framework(number), options, &BTreeMap::new());
        }
        Self {
            allocator,
            size,
            now: Duration::ZERO,
            seed: 1,
        }
    }

    pub(super) fn add_agents(&mut self) {
        let total = Resources::parse(TOTAL, "*").expect("resources");
        for number in 0..self.size.agents {
            let owner = number % self.size.frameworks;
            let used = used(number).allocate(&role(owner % self.size.roles));
            let info = AgentInfo {
                hostname: format!("host-{number}"),
                attributes: vec![rack(number)],
                ..AgentInfo::default()
            };
            self.allocator.add_agent(
                &agent(number),
                &info,
                AgentCapabilities::default(),
                total.clone(),
                &BTreeMap::from([(framework(owner), used)]),
            );
        }
    }

    /// Guarantees every role its part of the cluster, and limits it to ten times that.
    pub(super) fn set_quotas(&mut self) {
        let each = self.size.agents / self.size.roles;
        for number in 0..self.size.roles {
            let guarantees: mesos::resources::Quantities =
                format!("cpus:{};mem:{}", 20 * each, 4000 * each)
                    .parse()
                    .expect("quantities");
            let limits = guarantees.iter().map(|(name, amount)| {
                let tenfold = mesos::resources::Quantity::from_milli(10 * amount.milli());
                (name.clone(), tenfold)
            });
            let quota = Quota {
                limits: limits.collect(),
                guarantees,
            };
            self.allocator.update_quota(&role(number), &quota);
        }
    }

    /// Every framework wants to see every other rack only, and says so by an expression.
    pub(super) fn constrain(&mut self) {
        for number in 0..self.size.frameworks {
            let role = role(number % self.size.roles);
            let wanted = ["rack-[02468]", "rack-[13579]"][number as usize % 2];
            let message = serde_json::json!({ "role_constraints": { &role: { "groups": [{
                "attribute_constraints": [{
                    "selector": { "attribute_name": RACK },
                    "predicate": { "text_matches": { "regex": wanted } },
                }],
            }] } } });
            let message: OfferConstraints = serde_json::from_value(message).expect("constraints");
            let constrained = FrameworkOptions {
                constraints: compile(&message, RegexLimits::default()).expect("constraints"),
                ..options(&role)
            };
            self.allocator
                .update_framework(&framework(number), constrained);
        }
    }

    /// One run over everything.
    pub(super) fn cycle(&mut self) -> (Duration, Vec<Allocation>) {
        self.run(Scope::Everything)
    }

    /// One run over what changed.
    pub(super) fn incremental(&mut self) -> (Duration, Vec<Allocation>) {
        self.run(Scope::Pending)
    }

    fn run(&mut self, scope: Scope) -> (Duration, Vec<Allocation>) {
        self.now += Duration::from_secs(1);
        let seed = &mut self.seed;
        let mut chance = |below: usize| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((*seed >> 33) as usize) % below
        };
        let start = Instant::now();
        let given = self.allocator.allocate(self.now, scope, &mut chance);
        (start.elapsed(), given)
    }

    pub(super) fn decline(&mut self, given: Vec<Allocation>) {
        for given in given {
            let (framework, agent) = (&given.framework, &given.agent);
            let refuse = Some(FOREVER);
            self.allocator
                .recover(self.now, framework, agent, &given.resources, refuse);
            self.allocator.close_offers(framework, 1);
        }
    }

    /// Tasks ended.
    pub(super) fn free<'a>(&mut self, given: impl IntoIterator<Item = &'a Allocation>) {
        for given in given {
            let (framework, agent) = (&given.framework, &given.agent);
            self.allocator
                .recover(self.now, framework, agent, &given.resources, None);
        }
    }

    /// Something after which everybody has to be asked again about every agent.
    pub(super) fn disturb(&mut self) {
        self.allocator.activate_framework(&framework(0));
    }
}

fn options(role: &str) -> FrameworkOptions {
    FrameworkOptions {
        roles: [role.to_owned()].into(),
        active: true,
        ..FrameworkOptions::default()
    }
}

/// Where an agent stands.
fn rack(number: u32) -> Attribute {
    Attribute {
        name: RACK.to_owned(),
        r#type: value::Type::Text as i32,
        text: Some(value::Text {
            value: format!("rack-{}", number % RACKS),
        }),
        ..Attribute::default()
    }
}

/// Ports in two places, so that what is free is in three.
fn used(number: u32) -> Resources {
    let (first, second) = (31_000 + number % 400, 31_500 + number % 400);
    let ports = format!("[{first}-{},{second}-{}]", first + 20, second + 20);
    let text = format!("cpus:16;mem:2014;disk:1024;ports:{ports}");
    Resources::parse(&text, "*").expect("resources")
}
