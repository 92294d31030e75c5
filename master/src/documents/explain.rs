//! `/explain`: why a framework, or all in a role, are offered nothing, or no more.
//!
//! Not in Mesos. The reasons are the allocator's ([`Reason`]), for each role of the framework and each
//! agent; here they are counted, as a large cluster has too many to read.
//!
//! | Parameter | |
//! |---|---|
//! | `framework_id` | the id of a framework |
//! | `framework` | its id, or its name if no other is called so |
//! | `role` | only this role; without a framework, all frameworks in it, as a list |
//! | `agent_id` | only this agent |

use std::collections::BTreeMap;

use mesos::protocols::reader::{Document, ReadError};
use mesos::v1::{AgentId, FrameworkId};
use serde::Serialize;

use super::{Query, plain, shortened, write};
use crate::allocator::{Explain, Explanation, Reason};
use crate::state::Framework;
use crate::view::View;

/// Agents that are asked about at once, over all frameworks: the allocator does nothing else
/// meanwhile, and takes some microseconds for each.
const MAX_AGENTS: usize = 1_000;

/// Frameworks of a role in an answer: more than a person looks through.
const MAX_FRAMEWORKS: usize = 50;

/// Single explanations in an answer: what somebody may look through. The summary counts all.
const MAX_LISTED: usize = 100;

/// Ids that are named if a name is that of several frameworks.
const MAX_NAMED: usize = 5;

/// What is asked, and of whom.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) ask: Explain,
    /// Whether it is about a role, and not about one framework.
    of_role: bool,
    /// How many there are.
    frameworks: usize,
    agents: usize,
}

#[derive(Serialize)]
struct OfRole<'a> {
    role: &'a str,
    frameworks: Vec<Answer<'a>>,
    /// How many more are in the role.
    frameworks_cut: usize,
}

#[derive(Serialize)]
struct Answer<'a> {
    framework: Asked<'a>,
    offers: Offers,
    agents: Agents,
    /// Reasons by role, with the number of agents that they hold for.
    summary: Vec<Group>,
    /// The first of them, one by one.
    explanations: Vec<Single<'a>>,
    /// How many more there are.
    explanations_cut: usize,
}

#[derive(Serialize)]
struct Asked<'a> {
    id: &'a str,
    name: &'a str,
    active: bool,
    roles: Vec<&'a str>,
    suppressed_roles: Vec<&'a str>,
}

/// Unanswered offers.
#[derive(Serialize)]
struct Offers {
    outstanding: usize,
    limit: usize,
}

#[derive(Serialize)]
struct Agents {
    total: usize,
    /// How many were looked at.
    explained: usize,
}

#[derive(Serialize)]
struct Group {
    role: String,
    agents: usize,
    #[serde(flatten)]
    reason: Reason,
    why: String,
}

#[derive(Serialize)]
struct Single<'a> {
    hostname: &'a str,
    #[serde(flatten)]
    explanation: &'a Explanation,
    why: String,
}

/// What the query asks.
pub(crate) fn question(view: &View, query: &Query) -> Result<Question, ReadError> {
    let role = query.get("role").map(str::to_owned);
    let names_framework = ["framework_id", "framework"].map(|key| query.get(key)) != [None, None];
    let of_role = role.as_deref().filter(|_| !names_framework);
    let mut frameworks = match of_role {
        Some(role) => in_role(view, role)?,
        None => vec![find(view, query)?.id.clone()],
    };
    let found = frameworks.len();
    frameworks.truncate(MAX_FRAMEWORKS);
    let known = &view.cluster.agents;
    let agents: Vec<AgentId> = match query.get("agent_id") {
        None => {
            let most = (MAX_AGENTS / frameworks.len()).max(1);
            known.keys().take(most).cloned().collect()
        }
        Some(id) => {
            let id = AgentId {
                value: id.to_owned(),
            };
            if !known.contains_key(&id) {
                let shown = shortened(&id.value);
                let why = format!("agent_id: no agent '{shown}' is registered; /slaves lists them");
                return Err(ReadError::Invalid(why));
            }
            vec![id]
        }
    };
    Ok(Question {
        of_role: of_role.is_some(),
        frameworks: found,
        agents: known.len(),
        ask: Explain {
            frameworks,
            role,
            agents,
        },
    })
}

/// Those that are subscribed to the role.
fn in_role(view: &View, role: &str) -> Result<Vec<FrameworkId>, ReadError> {
    let frameworks = view.cluster.frameworks.values();
    let inside = frameworks.filter(|framework| framework.roles.contains(role));
    let ids: Vec<FrameworkId> = inside.map(|framework| framework.id.clone()).collect();
    if ids.is_empty() {
        let shown = shortened(role);
        let why = format!("role: no framework is subscribed to '{shown}'; /roles lists roles");
        return Err(ReadError::Invalid(why));
    }
    Ok(ids)
}

fn find<'a>(view: &'a View, query: &Query) -> Result<&'a Framework, ReadError> {
    let (by_id, any) = (query.get("framework_id"), query.get("framework"));
    let Some(asked) = by_id.or(any) else {
        let why = "name a framework or a role, such as /explain?framework=NAME, ?framework_id=ID or ?role=ROLE";
        return Err(ReadError::Invalid(why.to_owned()));
    };
    let id = FrameworkId {
        value: asked.to_owned(),
    };
    let frameworks = &view.cluster.frameworks;
    if let Some(framework) = frameworks.get(&id) {
        return Ok(framework);
    }
    let called = |framework: &&_| {
        let framework: &std::sync::Arc<Framework> = framework;
        by_id.is_none() && framework.info.name == asked
    };
    let found: Vec<_> = frameworks.values().filter(called).collect();
    match found.as_slice() {
        [framework] => Ok(framework),
        [] => Err(ReadError::Invalid(format!(
            "no framework '{}' is registered; /frameworks lists them",
            shortened(asked)
        ))),
        many => {
            let ids = many.iter().map(|framework| framework.id.value.as_str());
            Err(ReadError::Invalid(format!(
                "{} frameworks are called '{}'; name one by its framework_id, such as {}",
                many.len(),
                shortened(asked),
                ids.take(MAX_NAMED).collect::<Vec<_>>().join(", ")
            )))
        }
    }
}

/// The document with what the allocator answered, for one framework after the other.
pub(crate) fn answer(
    view: &View,
    question: &Question,
    explanations: &[Vec<Explanation>],
) -> Result<Document, ReadError> {
    let frameworks = question.ask.frameworks.iter().zip(explanations);
    let mut answers = frameworks.filter_map(|(id, explanations)| {
        let framework = view.cluster.frameworks.get(id)?;
        Some(of_framework(view, question, framework, explanations))
    });
    let written = match (&question.ask.role, question.of_role) {
        (Some(role), true) => {
            let listed = question.ask.frameworks.len();
            write(&OfRole {
                role,
                frameworks: answers.collect(),
                frameworks_cut: question.frameworks - listed,
            })?
        }
        _ => {
            let why = || ReadError::Invalid("the framework has left meanwhile".to_owned());
            write(&answers.next().ok_or_else(why)?)?
        }
    };
    Ok(plain("application/json", written))
}

fn of_framework<'a>(
    view: &'a View,
    question: &Question,
    framework: &'a Framework,
    explanations: &'a [Explanation],
) -> Answer<'a> {
    let listed = explanations.iter().take(MAX_LISTED);
    let hostname = |agent: &AgentId| {
        let agent = view.cluster.agents.get(agent);
        agent.map_or("", |agent| agent.info.hostname())
    };
    Answer {
        framework: Asked {
            id: &framework.id.value,
            name: &framework.info.name,
            active: framework.active,
            roles: framework.roles.iter().map(String::as_str).collect(),
            suppressed_roles: (framework.suppressed_roles.iter())
                .map(String::as_str)
                .collect(),
        },
        offers: Offers {
            outstanding: framework.offers.len(),
            limit: view.config.max_offers_per_framework,
        },
        agents: Agents {
            total: question.agents,
            explained: question.ask.agents.len(),
        },
        summary: summary(explanations),
        explanations: listed
            .map(|explanation| Single {
                hostname: hostname(&explanation.agent),
                explanation,
                why: explanation.reason.to_string(),
            })
            .collect(),
        explanations_cut: explanations.len().saturating_sub(MAX_LISTED),
    }
}

/// The most frequent reason of a role first.
fn summary(explanations: &[Explanation]) -> Vec<Group> {
    let mut groups: BTreeMap<(&str, String), (usize, Reason)> = BTreeMap::new();
    for Explanation { role, reason, .. } in explanations {
        // Refusals are one reason, however long they last; the longest is told.
        let (kind, seconds) = match reason {
            Reason::Refused { seconds } => (Reason::Refused { seconds: 0.0 }, *seconds),
            other => (other.clone(), 0.0),
        };
        let group = groups.entry((role, kind.to_string())).or_insert((0, kind));
        group.0 += 1;
        if let Reason::Refused { seconds: longest } = &mut group.1 {
            *longest = longest.max(seconds);
        }
    }
    let groups = groups
        .into_iter()
        .map(|((role, _), (agents, reason))| Group {
            role: role.to_owned(),
            agents,
            why: reason.to_string(),
            reason,
        });
    let mut groups: Vec<Group> = groups.collect();
    groups.sort_by(|a, b| a.role.cmp(&b.role).then(b.agents.cmp(&a.agents)));
    groups
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn ask(query: &str) -> Result<Question, String> {
        question(&samples::view(), &Query::parse(query)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_framework_is_named_by_its_id_or_its_name() {
        let view = samples::view();
        let framework = view
            .cluster
            .frameworks
            .values()
            .next()
            .expect("one")
            .clone();
        let (id, name) = (&framework.id.value, framework.info.name.replace(' ', "+"));
        for query in [
            format!("framework_id={id}"),
            format!("framework={id}"),
            format!("framework={name}"),
            format!("framework={name}&agent_id=m-S0"),
        ] {
            let question = ask(&query).expect(&query);
            assert_eq!(
                question.ask.frameworks,
                std::slice::from_ref(&framework.id),
                "{query}"
            );
            assert_eq!(question.ask.agents.len(), 1, "{query}");
        }
        for (query, error) in [
            ("", "name a framework or a role"),
            (
                "role=nobodys",
                "role: no framework is subscribed to 'nobodys'",
            ),
            ("framework=nobody", "no framework 'nobody' is registered"),
            (&*format!("framework_id={name}"), "no framework"),
            (
                &*format!("framework={id}&agent_id=x"),
                "agent_id: no agent 'x'",
            ),
        ] {
            let refused = ask(query).expect_err(query);
            assert!(refused.starts_with(error), "{query}: {refused}");
        }
        let mut twice = view.clone();
        let twin = FrameworkId {
            value: "twin".to_owned(),
        };
        twice.cluster.frameworks.insert(twin, framework.clone());
        let query = Query::parse(&format!("framework={name}"));
        let refused = question(&twice, &query).expect_err("two").to_string();
        assert!(refused.starts_with("2 frameworks are called"), "{refused}");
    }

    #[test]
    fn reasons_are_counted_and_the_first_are_listed() {
        let view = samples::view();
        let id = view
            .cluster
            .frameworks
            .keys()
            .next()
            .expect("one")
            .value
            .clone();
        let question = ask(&format!("framework={id}")).expect("a question");
        let refused = |seconds: f64| Reason::Refused { seconds };
        let mut explanations = vec![];
        for n in 0..150 {
            explanations.push(Explanation {
                role: "eng".to_owned(),
                agent: AgentId {
                    value: format!("a{n}"),
                },
                reason: match n {
                    0 => Reason::NothingFree,
                    n => refused(f64::from(n) / 10.0),
                },
            });
        }
        let explanations = [explanations];
        let json = |question: &Question| -> serde_json::Value {
            let document = answer(&view, question, &explanations).expect("an answer");
            serde_json::from_slice(&document.body).expect("JSON")
        };
        let answer = json(&question);
        assert_eq!(answer["explanations"].as_array().map(Vec::len), Some(100));
        assert_eq!(answer["explanations_cut"], 50);
        assert_eq!(answer["explanations"][1]["reason"], "refused");
        assert_eq!(answer["offers"]["limit"], 10_000);
        let summary = answer["summary"].as_array().expect("a summary");
        let lines: Vec<String> = summary
            .iter()
            .map(|group| format!("{} {} {}", group["role"], group["agents"], group["why"]))
            .collect();
        assert_eq!(
            lines,
            [
                r#""eng" 149 "the framework refused what is free, for 14.9 s more""#,
                r#""eng" 1 "all of the agent is offered or used""#,
            ]
        );
        // Of a role the same, as a list of its frameworks.
        let role = view
            .cluster
            .frameworks
            .values()
            .next()
            .expect("one")
            .roles
            .iter()
            .next();
        let role = role.expect("a role");
        let of_role = json(&ask(&format!("role={role}")).expect("a question"));
        assert_eq!(of_role["role"], **role);
        assert_eq!(of_role["frameworks_cut"], 0);
        assert_eq!(of_role["frameworks"][0]["summary"], answer["summary"]);
    }
}
