//! Offer constraints: what they let pass, and what is no constraint.

use mesos::v1::AgentInfo;
use mesos::v1::scheduler::OfferConstraints;

use crate::allocator::agent_facts::AgentFacts;
use crate::allocator::kinds::Kinds;
use crate::allocator::verdicts::Verdicts;
use crate::allocator::{Constraints, ConstraintsError, RegexLimits, compile};

fn parse(groups: &str) -> Result<Constraints, ConstraintsError> {
    let text = format!(r#"{{"role_constraints": {{"eng": {{"groups": {groups}}}}}}}"#);
    let message: OfferConstraints = serde_json::from_str(&text).expect("constraints");
    compile(&message, RegexLimits::default())
}

fn agent() -> AgentFacts {
    let info: AgentInfo = serde_json::from_str(
        r#"{"hostname": "node-17.example.org",
            "domain": {"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "eu-1"}}},
            "attributes": [
                {"name": "rack", "type": "TEXT", "text": {"value": "r1"}},
                {"name": "rack", "type": "TEXT", "text": {"value": "r2"}},
                {"name": "speed", "type": "SCALAR", "scalar": {"value": 3}}]}"#,
    )
    .expect("an agent");
    Kinds::default().enter(&info)
}

/// One constraint by itself.
fn allows(selector: &str, predicate: &str) -> bool {
    let one = format!(
        r#"[{{"attribute_constraints": [{{"selector": {{{selector}}}, "predicate": {{{predicate}}}}}]}}]"#
    );
    parse(&one).expect("a constraint")["eng"].allow(&agent())
}

#[test]
fn predicates_on_what_is_there_is_not_there_and_is_no_text() {
    let rack = r#""attribute_name": "rack""#;
    let gone = r#""attribute_name": "gone""#;
    let speed = r#""attribute_name": "speed""#;
    let host = r#""pseudoattribute_type": "HOSTNAME""#;
    let region = r#""pseudoattribute_type": "REGION""#;
    let zone = r#""pseudoattribute_type": "ZONE""#;
    let table = [
        (rack, r#""exists": {}"#, true),
        (gone, r#""exists": {}"#, false),
        (rack, r#""not_exists": {}"#, false),
        (gone, r#""not_exists": {}"#, true),
        (rack, r#""text_equals": {"value": "r1"}"#, true),
        (rack, r#""text_equals": {"value": "r2"}"#, false),
        (gone, r#""text_equals": {"value": "r1"}"#, false),
        (speed, r#""text_equals": {"value": "r1"}"#, true),
        (rack, r#""text_not_equals": {"value": "r1"}"#, false),
        (gone, r#""text_not_equals": {"value": "r1"}"#, true),
        (speed, r#""text_not_equals": {"value": "3"}"#, true),
        (
            host,
            r#""text_matches": {"regex": "node-\\d+\\.example\\.org"}"#,
            true,
        ),
        (host, r#""text_matches": {"regex": "node"}"#, false),
        (gone, r#""text_matches": {"regex": ".*"}"#, false),
        (host, r#""text_not_matches": {"regex": "node.*"}"#, false),
        (gone, r#""text_not_matches": {"regex": ".*"}"#, true),
        (speed, r#""text_not_matches": {"regex": ".*"}"#, true),
        (region, r#""text_equals": {"value": "eu"}"#, true),
        (zone, r#""text_matches": {"regex": "us-1|eu-1"}"#, true),
    ];
    for (selector, predicate, expected) in table {
        assert_eq!(
            allows(selector, predicate),
            expected,
            "{selector} {predicate}"
        );
    }
}

#[test]
fn any_group_is_enough_and_needs_all_of_its_constraints() {
    let equals = |value: &str| {
        format!(
            r#"{{"selector": {{"attribute_name": "rack"}}, "predicate": {{"text_equals": {{"value": "{value}"}}}}}}"#
        )
    };
    let group = |constraints: &[String]| {
        format!(
            r#"{{"attribute_constraints": [{}]}}"#,
            constraints.join(",")
        )
    };
    let allows = |groups: &[String]| {
        let groups = format!("[{}]", groups.join(","));
        parse(&groups).expect("constraints")["eng"].allow(&agent())
    };
    assert!(allows(&[group(&[equals("r9")]), group(&[equals("r1")])]));
    assert!(!allows(&[group(&[equals("r1"), equals("r9")])]));
    assert!(allows(&[group(&[equals("r1"), equals("r1")])]));
}

#[test]
fn what_is_no_constraint_is_refused() {
    let matches = |regex: &str| {
        let groups = format!(
            r#"[{{"attribute_constraints": [{{"selector": {{"attribute_name": "rack"}}, "predicate": {{"text_matches": {{"regex": "{regex}"}}}}}}]}}]"#
        );
        parse(&groups).map(|_| ())
    };
    assert_eq!(
        parse("[]").map(|_| ()),
        Err(ConstraintsError::NoGroups("eng".to_owned()))
    );
    let empty = r#"[{"attribute_constraints": []}]"#;
    assert_eq!(
        parse(empty).map(|_| ()),
        Err(ConstraintsError::EmptyGroup("eng".to_owned()))
    );
    assert_eq!(
        matches("rack-[a-z0-9]{1,20}(\\\\.(eu|us)-(east|west)-[0-9]+)?"),
        Ok(())
    );
    for wrong in ["(", "a)|(b", "(a{1,100}){1,100}", "[a-z]{4000}"] {
        assert!(
            matches!(matches(wrong), Err(ConstraintsError::Expression { .. })),
            "{wrong}"
        );
    }
}

#[test]
fn a_verdict_is_remembered_until_the_agent_or_the_client_changes() {
    let host = |predicate: &str| {
        let selector = r#""selector": {"pseudoattribute_type": "HOSTNAME"}"#;
        let one = format!(
            r#"[{{"attribute_constraints": [{{{selector}, "predicate": {{{predicate}}}}}]}}]"#
        );
        parse(&one).expect("a constraint")["eng"].clone()
    };
    let (yes, no) = (host(r#""exists": {}"#), host(r#""not_exists": {}"#));
    let facts = agent();
    let mut verdicts = Verdicts::default();
    // Two of one word, and one of another.
    let clients = [0, 31, 32];
    for client in clients {
        assert!(verdicts.allow(client, &yes, 0, &facts), "{client}");
        assert!(!verdicts.known(1, &facts).bars(client), "{client}");
        assert!(!verdicts.allow(client, &no, 1, &facts), "{client}");
        assert!(verdicts.known(1, &facts).bars(client), "{client}");
    }
    // Nobody asks again.
    for client in clients {
        assert!(verdicts.allow(client, &no, 0, &facts), "{client}");
        assert!(!verdicts.known(0, &facts).bars(client), "{client}");
        assert!(!verdicts.allow(client, &yes, 1, &facts), "{client}");
    }
    verdicts.forget_client(31);
    assert!(!verdicts.known(1, &facts).bars(31));
    assert!(!verdicts.allow(31, &no, 0, &facts));
    assert!(verdicts.allow(31, &yes, 1, &facts));
    assert!(verdicts.allow(0, &no, 0, &facts));
    assert!(!verdicts.allow(32, &yes, 1, &facts));
    verdicts.forget_agent(1);
    assert!(!verdicts.known(1, &facts).bars(0));
    assert!(verdicts.allow(32, &yes, 1, &facts));
    assert!(verdicts.allow(32, &no, 0, &facts));
}

#[test]
fn agents_of_one_kind_are_judged_once_unless_hosts_are_looked_at() {
    let rack = r#"[{"attribute_constraints": [{"selector": {"attribute_name": "rack"}, "predicate": {"PREDICATE": {}}}]}]"#;
    let on_racks = |predicate| {
        let groups = rack.replace("PREDICATE", predicate);
        parse(&groups).expect("a constraint")["eng"].clone()
    };
    let (yes, no) = (on_racks("exists"), on_racks("not_exists"));
    let (mut kinds, mut verdicts) = (Kinds::default(), Verdicts::default());
    let standing_in = |rack: &str, hostname: &str| -> AgentInfo {
        serde_json::from_value(serde_json::json!({
            "hostname": hostname,
            "attributes": [{ "name": "rack", "type": "TEXT", "text": { "value": rack } }],
        }))
        .expect("an agent")
    };
    let one = kinds.enter(&standing_in("r1", "one"));
    let twin = kinds.enter(&standing_in("r1", "twin"));
    let other = kinds.enter(&standing_in("r2", "other"));
    assert_eq!(one.kind, twin.kind);
    assert_ne!(one.kind, other.kind);
    assert!(verdicts.allow(0, &yes, 0, &one));
    // What would be said now is not asked for.
    assert!(verdicts.allow(0, &no, 1, &twin));
    assert!(!verdicts.allow(0, &no, 2, &other));
    verdicts.forget_agent(0);
    assert!(verdicts.allow(0, &no, 0, &one));

    assert!(!kinds.leave(&one), "there is one more");
    assert!(kinds.leave(&twin));
    verdicts.forget_kind(twin.kind);
    let newcomer = kinds.enter(&standing_in("r3", "newcomer"));
    assert_eq!(newcomer.kind, twin.kind, "the number is used again");
    assert!(!verdicts.allow(0, &no, 0, &newcomer));
}
