//! Plays the scenarios in `scenarios/`, one for each rule, against the allocator.
//!
//! A file begins with the rule as comments (`#`). Its lines are commands; a run is followed by a
//! dashed line, and below that, up to an empty line, by all that is expected of it:
//! `F in ROLE on A RESOURCES`, by agent in the order of arrival, then as given; `F leaves A` of
//! `inverse`; the reason of `explain`.
//!
//! | Line | Meaning |
//! |---|---|
//! | `option KEY VALUE` | see `option` below; before anything else but weights |
//! | `weight ROLE W`, `quota ROLE [guarantee Q] [limit Q]` | |
//! | `whitelist A,..` or `whitelist all` | hosts; an agent's hostname is its name |
//! | `agent A RESOURCES [in REGION] [with NAME=VALUE,..] [old] [used by F in ROLE RESOURCES ..]` | an agent registers |
//! | `resize A RESOURCES` | it comes back with other resources |
//! | `framework F in ROLE,.. [suppressed in ROLE,..] [can CAPABILITY,..] [minimum Q] [where NAME=VALUE]` | a framework subscribes |
//! | `update F in ..` | it changes |
//! | `decline F A [SECONDS]` | gives back all it was given on A, refusing it (5 s) |
//! | `close F N` | so many offers of it are answered |
//! | `free F in ROLE on A RESOURCES` | a task of it ended |
//! | `convert F in ROLE on A RESOURCES to RESOURCES` | an operation of an ACCEPT |
//! | `operator A RESOURCES to RESOURCES [fails]` | an operation of an operator |
//! | `suppress F [ROLE]`, `revive F [ROLE]` | |
//! | `activate F`, `deactivate F`, `remove F` | likewise with an agent's name |
//! | `unavailable A`, `available A`, `answer F A [SECONDS]` | maintenance; an inverse offer is answered |
//! | `expect N agents` | a new master waits for agents |
//! | `wait SECONDS` | time passes |
//! | `events`, `interval` | a run of either kind |
//! | `inverse` | inverse offers |
//! | `explain F A` | why F is not offered (more of) A, by role: `ROLE REASON` |

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::{Conversion, Quantities, Resources};
use mesos::v1::{AgentInfo, Attribute, DomainInfo, Unavailability, domain_info, value};

use super::{agent_id, framework_id, resources};
use crate::allocator::{
    AgentCapabilities, AgentSorter, Allocation, Allocator, AllocatorKind, AllocatorOptions,
    Capabilities, FrameworkOptions, Quota, RegexLimits, Scope, SorterKind, compile,
    refuse_duration,
};

#[test]
fn every_scenario() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/allocator/tests/scenarios");
    let files = std::fs::read_dir(folder).expect("scenarios");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let failures: Vec<String> = paths
        .iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(path).expect("a scenario");
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            play(&text)
                .err()
                .map(|problem| format!("{name}: {problem}"))
        })
        .collect();
    assert!(paths.len() > 50, "{} scenarios in {folder}", paths.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn play(scenario: &str) -> Result<(), String> {
    let mut world = World::default();
    let mut lines = scenario.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((_, dashes)) = lines.next_if(|(_, line)| line.starts_with("----")) else {
            world.play(&words);
            continue;
        };
        let mut expected = vec![];
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.trim().is_empty()) {
            expected.push(normal(line));
        }
        let given = world.run(&words);
        if given != expected {
            let (given, expected) = (given.join("\n  "), expected.join("\n  "));
            return Err(format!(
                "line {}\n  {given}\n{dashes} instead of\n  {expected}",
                number + 1
            ));
        }
    }
    Ok(())
}

#[derive(Default)]
struct World {
    options: AllocatorOptions,
    kind: AllocatorKind,
    allocator: Option<Box<dyn Allocator>>,
    /// What is always drawn, as a part of the range; its end if `None`.
    chance: Option<f64>,
    now: Duration,
    given: Vec<Allocation>,
    agents: BTreeSet<String>,
}

impl World {
    fn allocator(&mut self) -> &mut dyn Allocator {
        let (kind, options) = (self.kind, &self.options);
        let new = || kind.build(options.clone());
        &mut **self.allocator.get_or_insert_with(new)
    }

    fn run(&mut self, command: &[&str]) -> Vec<String> {
        let now = self.now;
        let scope = match command {
            ["events"] => Scope::Pending,
            ["interval"] => Scope::Everything,
            ["explain", framework, agent] => {
                let (framework, agent) = (framework_id(framework), agent_id(agent));
                let reasons = self
                    .allocator()
                    .explain(now, &framework, &agent)
                    .into_iter();
                return reasons
                    .map(|why| format!("{} {:?}", why.role, why.reason))
                    .collect();
            }
            ["inverse"] => {
                let asked = self.allocator().inverse_offers(now).into_iter();
                let asked =
                    asked.map(|ask| format!("{} leaves {}", ask.framework.value, ask.agent.value));
                return asked.collect();
            }
            _ => panic!("cannot run {command:?}"),
        };
        let drawn = self.chance;
        // Without: agents in the order of their arrival, instead of in a random one.
        let mut chance = |below: usize| match drawn {
            None => below - 1,
            Some(drawn) => (below as f64 * drawn) as usize,
        };
        let given = self.allocator().allocate(now, scope, &mut chance);
        let printed = given.iter().map(|given| {
            let what = given.resources.clone().unallocate();
            print(
                &given.framework.value,
                &given.role,
                &given.agent.value,
                &what,
            )
        });
        let printed = printed.collect();
        self.given.extend(given);
        printed
    }

    fn option(&mut self, option: &[&str]) {
        let options = &mut self.options;
        let sorter = |name: &str| match name {
            "drf" => SorterKind::Drf,
            "random" => SorterKind::Random,
            _ => panic!("no sorter {name}"),
        };
        match option {
            ["allocator", "OneOfferEach"] => self.kind = AllocatorKind::OneOfferEach,
            ["chance", part] => self.chance = Some(part.parse().expect("a part")),
            ["exclude", name] => {
                options.fair_sharing_excluded.insert((*name).to_owned());
            }
            ["gpus-for-all"] => options.filter_gpu_resources = false,
            ["minimum", minimum] => options.min_allocatable = minimum.parse().expect("a minimum"),
            ["offers", most] => options.max_offers = most.parse().expect("a number"),
            ["region", region] => options.region = Some((*region).to_owned()),
            ["roles", name] => options.role_sorter = sorter(name),
            ["frameworks", name] => options.framework_sorter = sorter(name),
            ["agents", "bin-packing"] => options.agent_sorter = AgentSorter::BinPacking,
            ["agents", "spread"] => options.agent_sorter = AgentSorter::Spread,
            _ => panic!("cannot set {option:?}"),
        }
    }

    fn play(&mut self, command: &[&str]) {
        let now = self.now;
        let some = |role: &[&str]| role.iter().map(|role| (*role).to_owned()).collect();
        let ids = |framework: &str, agent: &str| (framework_id(framework), agent_id(agent));
        match command {
            ["option", option @ ..] => self.option(option),
            ["weight", role, weight] => {
                let weight = weight.parse().expect("a weight");
                self.options.weights.insert((*role).to_owned(), weight);
                if let Some(allocator) = &mut self.allocator {
                    allocator.update_weights(&[((*role).to_owned(), weight)].into());
                }
            }
            ["quota", role, quota @ ..] => {
                self.allocator().update_quota(role, &parse_quota(quota));
            }
            ["whitelist", "all"] => self.allocator().update_whitelist(None),
            ["whitelist", hosts] => {
                let hosts = hosts.split(',').map(str::to_owned).collect();
                self.allocator().update_whitelist(Some(hosts));
            }
            ["agent", name, total, about @ ..] => self.add_agent(name, total, about),
            ["resize", name, total] => {
                let (info, can) = (parse_info(name, &mut &[][..]), AgentCapabilities::default());
                let total = resources(total);
                self.allocator()
                    .update_agent(&agent_id(name), &info, can, total);
            }
            ["framework", name, options @ ..] => {
                let options = parse_options(options);
                let id = framework_id(name);
                self.allocator()
                    .add_framework(&id, options, &BTreeMap::new());
            }
            ["update", name, options @ ..] => {
                let options = parse_options(options);
                self.allocator()
                    .update_framework(&framework_id(name), options);
            }
            ["decline", framework, agent, seconds @ ..] => {
                let refuse = parse_refusal(seconds);
                let (framework, agent) = ids(framework, agent);
                let mine =
                    |given: &mut Allocation| given.framework == framework && given.agent == agent;
                let declined = self.given.extract_if(.., mine);
                let held: Resources = declined.map(|given| given.resources).sum();
                self.allocator()
                    .recover(now, &framework, &agent, &held, Some(refuse));
            }
            ["free", framework, "in", role, "on", agent, freed] => {
                let freed = resources(freed).allocate(role);
                let (framework, agent) = ids(framework, agent);
                self.allocator()
                    .recover(now, &framework, &agent, &freed, None);
            }
            [
                "convert",
                framework,
                "in",
                role,
                "on",
                agent,
                from,
                "to",
                to,
            ] => {
                let conversion = Conversion {
                    consumed: resources(from).allocate(role),
                    converted: resources(to).allocate(role),
                };
                let offered = conversion.consumed.clone();
                let (framework, agent) = ids(framework, agent);
                let allocator = self.allocator();
                allocator.update_allocation(&framework, &agent, &offered, &[conversion]);
            }
            ["operator", agent, from, "to", to, fails @ ..] => {
                let conversion = Conversion {
                    consumed: resources(from),
                    converted: resources(to),
                };
                let done = self
                    .allocator()
                    .update_available(&agent_id(agent), &[conversion]);
                assert_eq!(done.is_err(), fails == ["fails"], "{command:?}: {done:?}");
            }
            ["close", name, count] => {
                let count = count.parse().expect("a number");
                self.allocator().close_offers(&framework_id(name), count);
            }
            ["suppress", name, role @ ..] => {
                self.allocator().suppress(&framework_id(name), &some(role));
            }
            ["revive", name, role @ ..] => {
                self.allocator().revive(&framework_id(name), &some(role));
            }
            ["unavailable", agent] => {
                let planned = Some(Unavailability::default());
                self.allocator()
                    .update_unavailability(&agent_id(agent), planned);
            }
            ["available", agent] => {
                self.allocator()
                    .update_unavailability(&agent_id(agent), None);
            }
            ["answer", framework, agent, seconds @ ..] => {
                let refuse = Some(parse_refusal(seconds));
                let (framework, agent) = ids(framework, agent);
                self.allocator()
                    .answer_inverse_offer(now, &framework, &agent, refuse);
            }
            ["expect", agents, "agents"] => {
                let expected = agents.parse().expect("a number");
                self.allocator().begin_recovery(now, expected);
            }
            ["wait", seconds] => {
                self.now += Duration::from_secs_f64(seconds.parse().expect("seconds"));
            }
            [verb, name] if self.agents.contains(*name) => match *verb {
                "activate" => self.allocator().activate_agent(&agent_id(name)),
                "deactivate" => self.allocator().deactivate_agent(&agent_id(name)),
                "remove" => self.allocator().remove_agent(&agent_id(name)),
                _ => panic!("cannot {verb} an agent"),
            },
            ["activate", name] => self.allocator().activate_framework(&framework_id(name)),
            ["deactivate", name] => self.allocator().deactivate_framework(&framework_id(name)),
            ["remove", name] => self.allocator().remove_framework(&framework_id(name)),
            _ => panic!("cannot play {command:?}"),
        }
    }

    fn add_agent(&mut self, name: &str, total: &str, mut about: &[&str]) {
        self.agents.insert(name.to_owned());
        let info = parse_info(name, &mut about);
        let old = about.first() == Some(&"old");
        let can = AgentCapabilities {
            multi_role: !old,
            hierarchical_role: !old,
        };
        let mut used = BTreeMap::<_, Resources>::new();
        for users in about[usize::from(old)..].chunks(6) {
            let ["used", "by", framework, "in", role, part] = users else {
                panic!("cannot read {users:?}");
            };
            *used.entry(framework_id(framework)).or_default() += resources(part).allocate(role);
        }
        let total = resources(total);
        self.allocator()
            .add_agent(&agent_id(name), &info, can, total, &used);
    }
}

fn print(framework: &str, role: &str, agent: &str, resources: &Resources) -> String {
    format!("{framework} in {role} on {agent} {resources}")
}

/// An expected line as the allocation it expects is printed.
fn normal(line: &str) -> String {
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        [framework, "in", role, "on", agent, what] => {
            print(framework, role, agent, &resources(what))
        }
        _ => line.trim().to_owned(),
    }
}

fn parse_refusal(seconds: &[&str]) -> Duration {
    let filters = seconds.first().map(|seconds| mesos::v1::Filters {
        refuse_seconds: Some(seconds.parse().expect("seconds")),
    });
    refuse_duration(filters.as_ref())
}

fn parse_quota(mut words: &[&str]) -> Quota {
    let mut quota = Quota::default();
    let read = |text: &str| text.parse::<Quantities>().expect("quantities");
    loop {
        words = match words {
            [] => return quota,
            ["guarantee", amounts, rest @ ..] => {
                quota.guarantees = read(amounts);
                rest
            }
            ["limit", amounts, rest @ ..] => {
                // By item, because a limit may be zero.
                for item in amounts.split(';') {
                    let (name, amount) = item.split_once(':').expect("name:amount");
                    quota
                        .limits
                        .insert(name.into(), amount.parse().expect("an amount"));
                }
                rest
            }
            other => panic!("cannot read {other:?}"),
        };
    }
}

/// Reads as much as it is about.
fn parse_info(name: &str, words: &mut &[&str]) -> AgentInfo {
    use domain_info::fault_domain::{RegionInfo, ZoneInfo};
    let mut info = AgentInfo {
        hostname: name.to_owned(),
        ..AgentInfo::default()
    };
    loop {
        *words = match *words {
            ["in", region, rest @ ..] => {
                let fault_domain = domain_info::FaultDomain {
                    region: RegionInfo {
                        name: (*region).to_owned(),
                    },
                    zone: ZoneInfo {
                        name: "zone".to_owned(),
                    },
                };
                info.domain = Some(DomainInfo {
                    fault_domain: Some(fault_domain),
                });
                rest
            }
            ["with", attributes, rest @ ..] => {
                info.attributes = attributes.split(',').map(attribute).collect();
                rest
            }
            _ => return info,
        }
    }
}

fn attribute(text: &str) -> Attribute {
    let (name, value) = text.split_once('=').expect("NAME=VALUE");
    Attribute {
        name: name.to_owned(),
        r#type: value::Type::Text as i32,
        text: Some(value::Text {
            value: value.to_owned(),
        }),
        ..Attribute::default()
    }
}

fn parse_options(words: &[&str]) -> FrameworkOptions {
    let mut options = FrameworkOptions {
        active: true,
        ..FrameworkOptions::default()
    };
    let list = |names: &str| -> BTreeSet<String> { names.split(',').map(str::to_owned).collect() };
    let mut words = words;
    loop {
        words = match words {
            [] => return options,
            ["in", roles, rest @ ..] => {
                options.roles = list(roles);
                rest
            }
            ["suppressed", "in", roles, rest @ ..] => {
                options.suppressed = list(roles);
                rest
            }
            ["can", capabilities, rest @ ..] => {
                let can = list(capabilities);
                options.capabilities = Capabilities {
                    gpu_resources: can.contains("gpu"),
                    revocable_resources: can.contains("revocable"),
                    shared_resources: can.contains("shared"),
                    reservation_refinement: can.contains("refinement"),
                    region_aware: can.contains("regions"),
                    multi_role: can.contains("roles"),
                };
                rest
            }
            ["minimum", minimum, rest @ ..] => {
                let minimum = minimum.trim_matches('\'').parse().expect("a minimum");
                let roles = options.roles.iter().cloned();
                options.min_allocatable = roles.zip(std::iter::repeat(minimum)).collect();
                rest
            }
            ["where", wanted, rest @ ..] => {
                let (name, value) = wanted.split_once('=').expect("NAME=VALUE");
                let text = format!(
                    r#"{{"groups": [{{"attribute_constraints": [{{
                        "selector": {{"attribute_name": "{name}"}},
                        "predicate": {{"text_equals": {{"value": "{value}"}}}}}}]}}]}}"#
                );
                let roles = options
                    .roles
                    .iter()
                    .map(|role| format!("\"{role}\": {text}"));
                let roles: Vec<String> = roles.collect();
                let text = format!(r#"{{"role_constraints": {{{}}}}}"#, roles.join(","));
                let message = serde_json::from_str(&text).expect("constraints");
                options.constraints =
                    compile(&message, RegexLimits::default()).expect("constraints");
                rest
            }
            other => panic!("cannot read {other:?}"),
        };
    }
}
