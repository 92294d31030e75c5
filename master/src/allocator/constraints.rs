//! Offer constraints: which agents a framework wants to see in a role (Mesos'
//! `include/mesos/v1/scheduler/scheduler.proto`, `OfferConstraints`).
//!
//! ```text
//! role ── group OR group OR ..
//!           └ constraint AND constraint AND ..
//!               └ selector (hostname, region, zone, an attribute)  predicate (exists, equals, matches)
//! ```
//!
//! A predicate on text lets every attribute pass that exists and is not text. Expressions match
//! the whole text. They are those of the `regex` crate, which has RE2's syntax and linear run time;
//! as in RE2, classes such as `\w` are ASCII, but `.` is one byte.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos::v1::scheduler::attribute_constraint::predicate::Predicate as PredicateMessage;
use mesos::v1::scheduler::attribute_constraint::selector::{
    PseudoattributeType, Selector as SelectorMessage,
};
use mesos::v1::scheduler::{AttributeConstraint, OfferConstraints, attribute_constraint};
use regex::bytes::{Regex, RegexBuilder};

use super::agent_facts::AgentFacts;

/// `--offer_constraints_re2_max_mem`: bytes.
pub const DEFAULT_REGEX_MAX_MEM: usize = 4096;

/// `--offer_constraints_re2_max_program_size`: instructions.
pub const DEFAULT_REGEX_MAX_PROGRAM_SIZE: usize = 100;

/// What one of RE2's instructions takes in the `regex` crate's compiled form, generously.
const BYTES_PER_INSTRUCTION: usize = 96;

/// How large a compiled expression may become.
///
/// RE2 bounds the memory of a run and the instructions of the program; the `regex` crate bounds
/// the bytes of the compiled program, so both are turned into bytes and summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegexLimits {
    /// Bytes for running it.
    pub max_mem: usize,
    /// Instructions of the program.
    pub max_program_size: usize,
}

impl Default for RegexLimits {
    fn default() -> Self {
        Self {
            max_mem: DEFAULT_REGEX_MAX_MEM,
            max_program_size: DEFAULT_REGEX_MAX_PROGRAM_SIZE,
        }
    }
}

/// The compiled constraints of a framework, by role; a role that is absent has none.
pub type Constraints = BTreeMap<String, Arc<RoleConstraints>>;

/// The compiled constraints of a framework in one role.
#[derive(Debug)]
pub struct RoleConstraints {
    groups: Vec<Vec<Constraint>>,
    by_host: bool,
}

/// Why constraints are refused. Each names the role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintsError {
    /// No groups would exclude all agents; whoever wants that suppresses the role.
    #[error("'offer_constraints.role_constraints' of role '{0}' has no groups")]
    NoGroups(String),
    /// A group without constraints would let all agents pass.
    #[error("'offer_constraints.role_constraints' of role '{0}' has an empty group")]
    EmptyGroup(String),
    /// Neither an attribute nor one of the pseudo-attributes that we know.
    #[error("a constraint of role '{0}' selects nothing that is known")]
    Selector(String),
    /// None of the predicates that we know.
    #[error("a constraint of role '{0}' has no predicate that is known")]
    Predicate(String),
    /// Not an expression, or one that becomes too large.
    #[error("a constraint of role '{role}' has an expression that cannot be used: {problem}")]
    Expression {
        /// The role.
        role: String,
        /// What is wrong.
        problem: String,
    },
}

/// Compiles a framework's constraints.
///
/// # Errors
/// The first thing that is wrong with them.
pub fn compile(
    message: &OfferConstraints,
    limits: RegexLimits,
) -> Result<Constraints, ConstraintsError> {
    let mut compiled = Constraints::new();
    for (role, constraints) in &message.role_constraints {
        if constraints.groups.is_empty() {
            return Err(ConstraintsError::NoGroups(role.clone()));
        }
        let mut groups = Vec::new();
        for group in &constraints.groups {
            if group.attribute_constraints.is_empty() {
                return Err(ConstraintsError::EmptyGroup(role.clone()));
            }
            let constraints = group.attribute_constraints.iter();
            groups.push(
                constraints
                    .map(|constraint| Constraint::compile(role, constraint, limits))
                    .collect::<Result<_, _>>()?,
            );
        }
        compiled.insert(role.clone(), Arc::new(RoleConstraints::new(groups)));
    }
    Ok(compiled)
}

impl RoleConstraints {
    fn new(groups: Vec<Vec<Constraint>>) -> Self {
        let mut all = groups.iter().flatten();
        let by_host = all.any(|constraint| matches!(constraint.selector, Selector::Hostname));
        Self { groups, by_host }
    }

    /// Whether they can tell agents of one kind apart.
    pub(super) fn look_at_hosts(&self) -> bool {
        self.by_host
    }

    /// Whether the framework wants to see this agent.
    pub(crate) fn allow(&self, agent: &AgentFacts) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|group| group.iter().all(|constraint| constraint.allows(agent)))
    }
}

#[derive(Debug)]
struct Constraint {
    selector: Selector,
    predicate: Predicate,
}

#[derive(Debug)]
enum Selector {
    Hostname,
    Region,
    Zone,
    Attribute(String),
}

#[derive(Debug)]
enum Predicate {
    Exists,
    NotExists,
    Equals(String),
    NotEquals(String),
    Matches(Regex),
    NotMatches(Regex),
}

/// What a selector finds on an agent.
enum Found<'a> {
    Nothing,
    Text(&'a str),
    /// An attribute of another type.
    Other,
}

impl Constraint {
    fn compile(
        role: &str,
        message: &AttributeConstraint,
        limits: RegexLimits,
    ) -> Result<Self, ConstraintsError> {
        let selector = Selector::compile(&message.selector)
            .ok_or_else(|| ConstraintsError::Selector(role.to_owned()))?;
        let expression = |regex: &str| {
            compile_expression(regex, limits).map_err(|problem| ConstraintsError::Expression {
                role: role.to_owned(),
                problem,
            })
        };
        let predicate = match &message.predicate.predicate {
            Some(PredicateMessage::Exists(_)) => Predicate::Exists,
            Some(PredicateMessage::NotExists(_)) => Predicate::NotExists,
            Some(PredicateMessage::TextEquals(text)) => Predicate::Equals(text.value.clone()),
            Some(PredicateMessage::TextNotEquals(text)) => Predicate::NotEquals(text.value.clone()),
            Some(PredicateMessage::TextMatches(text)) => {
                Predicate::Matches(expression(&text.regex)?)
            }
            Some(PredicateMessage::TextNotMatches(text)) => {
                Predicate::NotMatches(expression(&text.regex)?)
            }
            None => return Err(ConstraintsError::Predicate(role.to_owned())),
        };
        Ok(Self {
            selector,
            predicate,
        })
    }

    fn allows(&self, agent: &AgentFacts) -> bool {
        let found = self.selector.find(agent);
        match (&self.predicate, found) {
            (Predicate::Exists, found) => !matches!(found, Found::Nothing),
            (Predicate::NotExists, found) => matches!(found, Found::Nothing),
            (Predicate::Equals(_) | Predicate::Matches(_), Found::Nothing) => false,
            (_, Found::Nothing | Found::Other) => true,
            (Predicate::Equals(wanted), Found::Text(text)) => text == wanted,
            (Predicate::NotEquals(unwanted), Found::Text(text)) => text != unwanted,
            (Predicate::Matches(regex), Found::Text(text)) => regex.is_match(text.as_bytes()),
            (Predicate::NotMatches(regex), Found::Text(text)) => !regex.is_match(text.as_bytes()),
        }
    }
}

impl Selector {
    fn compile(message: &attribute_constraint::Selector) -> Option<Self> {
        match message.selector.as_ref()? {
            SelectorMessage::AttributeName(name) => Some(Self::Attribute(name.clone())),
            SelectorMessage::PseudoattributeType(which) => match (*which).try_into().ok()? {
                PseudoattributeType::Hostname => Some(Self::Hostname),
                PseudoattributeType::Region => Some(Self::Region),
                PseudoattributeType::Zone => Some(Self::Zone),
                PseudoattributeType::Unknown => None,
            },
        }
    }

    fn find<'a>(&self, agent: &'a AgentFacts) -> Found<'a> {
        let text = |text: Option<&'a str>| text.map_or(Found::Nothing, Found::Text);
        match self {
            Self::Hostname => Found::Text(&agent.hostname),
            Self::Region => text(agent.traits.region.as_deref()),
            Self::Zone => text(agent.traits.zone.as_deref()),
            // Of several with the same name the first one counts.
            Self::Attribute(name) => {
                let mut attributes = agent.traits.attributes.iter();
                match attributes.find(|attribute| *attribute.name == **name) {
                    None => Found::Nothing,
                    Some(found) => found.text.as_deref().map_or(Found::Other, Found::Text),
                }
            }
        }
    }
}

fn compile_expression(text: &str, limits: RegexLimits) -> Result<Regex, String> {
    let program = limits
        .max_program_size
        .saturating_mul(BYTES_PER_INSTRUCTION);
    let compile = |text: &str| {
        RegexBuilder::new(text)
            .unicode(false)
            .size_limit(limits.max_mem.saturating_add(program))
            .build()
            .map_err(|error| error.to_string())
    };
    // By itself first: `a)|(b` is none, but would become one inside the brackets.
    compile(text)?;
    compile(&format!(r"\A(?:{text})\z"))
}
