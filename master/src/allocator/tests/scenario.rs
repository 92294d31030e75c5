//! Plays scenarios written as text against the allocator.
//!
//! | Line | Meaning |
//! |---|---|
//! | `agent A RESOURCES [used by F in ROLE RESOURCES]` | an agent registers |
//! | `resize A RESOURCES` | it comes back with other resources |
//! | `framework F in ROLE,.. [can CAPABILITY,..] [suppressed in ROLE,..]` | a framework subscribes |
//! | `update F in ..` | it changes |
//! | `decline F A [SECONDS]` | gives back all it holds on A, refusing it (5 s) |
//! | `free F in ROLE on A RESOURCES` | a task of it ended |
//! | `suppress F [ROLE]`, `revive F [ROLE]` | |
//! | `activate F`, `deactivate F`, `remove F` | likewise with an agent's name |
//! | `wait SECONDS` | time passes |
//! | `events:`, `interval:` | a run of either kind; the indented lines that follow are what it gives: `F in ROLE on A RESOURCES`, ordered by agent, then as given |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use mesos::resources::Resources;
use mesos::v1::AgentInfo;

use super::{agent_id, framework_id, resources};
use crate::allocator::{
    Allocation, Allocator, AllocatorOptions, Capabilities, FrameworkOptions, HierarchicalAllocator,
    Scope, refuse_duration,
};

#[track_caller]
pub(super) fn play(scenario: &str) {
    play_with(AllocatorOptions::default(), scenario);
}

#[track_caller]
pub(super) fn play_with(options: AllocatorOptions, scenario: &str) {
    let mut world = World::new(options);
    let mut lines = scenario
        .lines()
        .filter(|line| !line.trim().is_empty())
        .peekable();
    let margin = lines
        .peek()
        .map_or(0, |line| line.len() - line.trim_start().len());
    let mut played = String::new();
    while let Some(line) = lines.next() {
        writeln!(played, "{line}").unwrap();
        let scope = match line.trim() {
            "events:" => Scope::Pending,
            "interval:" => Scope::Everything,
            command => {
                world.play(&command.split_whitespace().collect::<Vec<_>>());
                continue;
            }
        };
        let mut expected = vec![];
        while let Some(line) = lines.next_if(|line| line.len() - line.trim_start().len() > margin) {
            expected.push(normal(line));
        }
        assert_eq!(world.run(scope), expected, "after\n{played}");
    }
}

struct World {
    allocator: HierarchicalAllocator,
    now: Duration,
    given: Vec<Allocation>,
    agents: BTreeSet<String>,
}

impl World {
    fn new(options: AllocatorOptions) -> Self {
        let allocator = HierarchicalAllocator::new(options);
        Self {
            allocator,
            now: Duration::ZERO,
            given: vec![],
            agents: BTreeSet::new(),
        }
    }

    fn run(&mut self, scope: Scope) -> Vec<String> {
        // Agents in the order of their names, instead of in a random one.
        let given = self
            .allocator
            .allocate(self.now, scope, &mut |below| below - 1);
        let printed = given
            .iter()
            .map(|given| {
                let what = given.resources.clone().unallocate();
                print(
                    &given.framework.value,
                    &given.role,
                    &given.agent.value,
                    &what,
                )
            })
            .collect();
        self.given.extend(given);
        printed
    }

    fn play(&mut self, command: &[&str]) {
        let allocator = &mut self.allocator;
        let some = |role: &[&str]| role.iter().map(|role| (*role).to_owned()).collect();
        match command {
            ["agent", name, total, used @ ..] => {
                let used = match used {
                    ["used", "by", framework, "in", role, used] => {
                        BTreeMap::from([(framework_id(framework), resources(used).allocate(role))])
                    }
                    _ => BTreeMap::new(),
                };
                self.agents.insert((*name).to_owned());
                allocator.add_agent(
                    &agent_id(name),
                    &AgentInfo::default(),
                    resources(total),
                    &used,
                );
            }
            ["resize", name, total] => {
                allocator.update_agent(&agent_id(name), &AgentInfo::default(), resources(total));
            }
            ["framework", name, options @ ..] => {
                allocator.add_framework(
                    &framework_id(name),
                    parse_options(options),
                    &BTreeMap::new(),
                );
            }
            ["update", name, options @ ..] => {
                allocator.update_framework(&framework_id(name), parse_options(options));
            }
            ["decline", framework, agent, seconds @ ..] => {
                let filters = seconds.first().map(|seconds| mesos::v1::Filters {
                    refuse_seconds: Some(seconds.parse().expect("seconds")),
                });
                let refuse = refuse_duration(filters.as_ref());
                let (framework, agent) = (framework_id(framework), agent_id(agent));
                let mine =
                    |given: &Allocation| given.framework == framework && given.agent == agent;
                let held: Resources = self
                    .given
                    .extract_if(.., |given| mine(given))
                    .map(|given| given.resources)
                    .sum();
                allocator.recover(self.now, &framework, &agent, &held, Some(refuse));
            }
            ["free", framework, "in", role, "on", agent, freed] => {
                let freed = resources(freed).allocate(role);
                allocator.recover(
                    self.now,
                    &framework_id(framework),
                    &agent_id(agent),
                    &freed,
                    None,
                );
            }
            ["suppress", name, role @ ..] => allocator.suppress(&framework_id(name), &some(role)),
            ["revive", name, role @ ..] => allocator.revive(&framework_id(name), &some(role)),
            ["wait", seconds] => {
                self.now += Duration::from_secs_f64(seconds.parse().expect("seconds"));
            }
            [verb, name] if self.agents.contains(*name) => match *verb {
                "activate" => allocator.activate_agent(&agent_id(name)),
                "deactivate" => allocator.deactivate_agent(&agent_id(name)),
                "remove" => allocator.remove_agent(&agent_id(name)),
                _ => panic!("cannot {verb} an agent"),
            },
            ["activate", name] => allocator.activate_framework(&framework_id(name)),
            ["deactivate", name] => allocator.deactivate_framework(&framework_id(name)),
            ["remove", name] => allocator.remove_framework(&framework_id(name)),
            _ => panic!("cannot play {command:?}"),
        }
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
        _ => panic!("cannot expect {line}"),
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
                };
                rest
            }
            ["minimum", minimum, rest @ ..] => {
                let minimum = minimum.trim_matches('\'').parse().expect("a minimum");
                let roles = options.roles.iter().cloned();
                options.min_allocatable = roles.zip(std::iter::repeat(minimum)).collect();
                rest
            }
            other => panic!("cannot read {other:?}"),
        };
    }
}
