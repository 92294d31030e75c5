//! One table for each operation: what is changed about a valid one, and what is said then.

use serde_json::{Value, json};

use super::*;

/// Everything that a rule looks at, valid to begin with.
struct Case {
    operation: Value,
    framework: Option<v1::FrameworkInfo>,
    principal: Option<&'static str>,
    agent: Vec<AgentCapability>,
    total: Resources,
    used: Resources,
}

impl Case {
    fn outcome(&self) -> Result<Vec<Conversion>, String> {
        let parsed: Operation = serde_json::from_value(self.operation.clone()).unwrap();
        let declare = |c: &AgentCapability| v1::agent_info::Capability {
            r#type: Some(*c as i32),
        };
        let capabilities: Vec<_> = self.agent.iter().map(declare).collect();
        let asker = Asker {
            framework: self.framework.as_ref(),
            principal: self.principal,
        };
        let target = Target {
            capabilities: &capabilities,
            total: &self.total,
            used: &self.used,
        };
        operation(&parsed, &asker, &target).map_err(|e| e.0)
    }

    /// Changes what a JSON pointer names; `null` takes it away.
    fn with(mut self, pointer: &str, value: Value) -> Case {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = self.operation.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
            other => other[name] = value,
        }
        self
    }

    fn without(mut self, capability: FrameworkCapability) -> Case {
        let lost = Some(capability as i32);
        let framework = self.framework.as_mut().unwrap();
        framework.capabilities.retain(|c| c.r#type != lost);
        self
    }

    fn old_agent(mut self, capability: AgentCapability) -> Case {
        self.agent.retain(|c| *c != capability);
        self
    }

    fn by_operator(mut self) -> Case {
        self.framework = None;
        self
    }

    #[track_caller]
    fn accepted(self) {
        if let Err(error) = self.outcome() {
            panic!("refused: {error}");
        }
    }

    #[track_caller]
    fn refused(self, expected: &str) {
        match self.outcome() {
            Ok(_) => panic!("accepted, but expected: {expected}"),
            Err(error) => assert!(error.contains(expected), "{expected:?} is not in {error:?}"),
        }
    }
}

fn framework() -> v1::FrameworkInfo {
    use FrameworkCapability as Can;
    let capabilities = [
        Can::MultiRole,
        Can::ReservationRefinement,
        Can::SharedResources,
    ];
    v1::FrameworkInfo {
        roles: vec!["a".into(), "a/b".into()],
        capabilities: capabilities
            .map(|c| v1::framework_info::Capability {
                r#type: Some(c as i32),
            })
            .into(),
        ..Default::default()
    }
}

fn case(operation: Value) -> Case {
    use AgentCapability as Can;
    Case {
        operation,
        framework: Some(framework()),
        principal: Some("p"),
        agent: vec![
            Can::HierarchicalRole,
            Can::ReservationRefinement,
            Can::ResizeVolume,
        ],
        total: of(&[plain(volume("old"))]),
        used: Resources::new(),
    }
}

fn of(messages: &[Value]) -> Resources {
    let read = |json: &Value| serde_json::from_value(json.clone()).unwrap();
    let messages: Vec<v1::Resource> = messages.iter().map(read).collect();
    Resources::from_v1(&messages).unwrap()
}

fn resource(name: &str, reservations: Value) -> Value {
    json!({"name": name, "type": "SCALAR", "scalar": {"value": 8}, "reservations": reservations,
        "allocation_info": {"role": "a"}})
}

fn plain(mut resource: Value) -> Value {
    resource["allocation_info"] = Value::Null;
    resource
}

fn dynamic(role: &str) -> Value {
    json!({"type": "DYNAMIC", "role": role, "principal": "p"})
}

fn fixed(role: &str) -> Value {
    json!({"type": "STATIC", "role": role})
}

fn volume(id: &str) -> Value {
    let mut volume = resource("disk", json!([dynamic("a")]));
    volume["disk"] = json!({"persistence": {"id": id, "principal": "p"},
        "volume": {"mode": "RW", "container_path": "data"}});
    volume
}

fn reserve() -> Case {
    let resources = [resource("cpus", json!([dynamic("a")]))];
    case(json!({"type": "RESERVE", "reserve": {"resources": resources}}))
}

fn move_() -> Case {
    let from = [resource("cpus", json!([dynamic("x")]))];
    let to = [resource("cpus", json!([dynamic("a")]))];
    case(json!({"type": "RESERVE", "reserve": {"source": from, "resources": to}}))
}

fn unreserve() -> Case {
    let resources = [resource("cpus", json!([dynamic("a")]))];
    case(json!({"type": "UNRESERVE", "unreserve": {"resources": resources}}))
}

fn create() -> Case {
    case(json!({"type": "CREATE", "create": {"volumes": [volume("new")]}}))
}

fn destroy() -> Case {
    case(json!({"type": "DESTROY", "destroy": {"volumes": [volume("old")]}}))
}

fn grow() -> Case {
    let addition = resource("disk", json!([dynamic("a")]));
    let part = json!({"volume": volume("old"), "addition": addition});
    case(json!({"type": "GROW_VOLUME", "grow_volume": part}))
}

fn shrink() -> Case {
    let part = json!({"volume": volume("old"), "subtract": {"value": 1}});
    case(json!({"type": "SHRINK_VOLUME", "shrink_volume": part}))
}

#[test]
fn what_is_right_is_accepted_and_converted() {
    for case in [
        reserve(),
        move_(),
        unreserve(),
        create(),
        destroy(),
        grow(),
        shrink(),
    ] {
        assert_eq!(case.outcome().map(|all| all.len()), Ok(1));
    }
    let launch = case(json!({"type": "LAUNCH"}));
    assert_eq!(launch.outcome(), Ok(vec![]));
}

#[test]
fn operators_act_on_what_is_allocated_to_nobody() {
    reserve()
        .by_operator()
        .refused("'allocation_info' must not be set by operators");
    let at = "/reserve/resources/0/allocation_info";
    reserve().by_operator().with(at, Value::Null).accepted();
    create()
        .by_operator()
        .with("/create/volumes/0/allocation_info", Value::Null)
        .accepted();
}

#[test]
fn frameworks_act_on_what_was_offered_to_one_of_their_roles() {
    let at = "/reserve/resources/0/allocation_info";
    reserve()
        .with(at, Value::Null)
        .refused("'allocation_info.role' is missing");
    reserve()
        .with(at, json!({"role": "z"}))
        .refused("is 'z', but the framework is not subscribed");
    let mut other = resource("mem", json!([dynamic("a/b")]));
    other["allocation_info"]["role"] = json!("a/b");
    let both = json!([resource("cpus", json!([dynamic("a")])), other]);
    reserve()
        .with("/reserve/resources", both)
        .refused("differs between resources");
}

#[test]
fn the_role_of_the_offer_is_filled_in() {
    for case in [
        reserve(),
        move_(),
        unreserve(),
        create(),
        destroy(),
        grow(),
        shrink(),
    ] {
        let given: Operation = serde_json::from_value(case.operation.clone()).unwrap();
        let text = case.operation.to_string();
        let bare = text.replace(r#""allocation_info":{"role":"a"},"#, "");
        assert!(!bare.contains("allocation_info"), "{bare}");
        let mut filled: Operation = serde_json::from_str(&bare).unwrap();
        inject_role(&mut filled, "a");
        assert_eq!(filled, given);
    }
}

#[test]
fn resources_come_from_one_provider() {
    let mut other = resource("mem", json!([dynamic("a")]));
    other["provider_id"] = json!({"value": "one"});
    let cpus = resource("cpus", json!([dynamic("a")]));
    let at = "/reserve/resources";
    reserve()
        .with(at, json!([cpus, other]))
        .refused("mixes resources of the agent with those of a resource provider");
    let mut third = other.clone();
    third["provider_id"]["value"] = json!("two");
    reserve()
        .with(at, json!([other, third]))
        .refused("several resource providers");
    reserve().with(at, json!([other])).accepted();
    reserve()
        .with(at, json!([]))
        .refused("'reserve.resources' is empty");
}

#[test]
fn refinement_needs_peers_that_know_it() {
    use AgentCapability as Agent;
    let refined = || {
        reserve()
            .with(
                "/reserve/resources/0/reservations",
                json!([fixed("a"), dynamic("a/b")]),
            )
            .with("/reserve/resources/0/allocation_info/role", json!("a/b"))
    };
    refined().accepted();
    refined()
        .without(FrameworkCapability::ReservationRefinement)
        .refused("framework does not have the RESERVATION_REFINEMENT capability");
    refined()
        .old_agent(Agent::ReservationRefinement)
        .refused("agent does not have the RESERVATION_REFINEMENT capability");
    refined()
        .old_agent(Agent::HierarchicalRole)
        .refused("HIERARCHICAL_ROLE");
    reserve()
        .without(FrameworkCapability::ReservationRefinement)
        .accepted();
    reserve().old_agent(Agent::ReservationRefinement).accepted();
    reserve().old_agent(Agent::HierarchicalRole).accepted();
}

#[test]
fn reservations_are_dynamic_and_ones_own() {
    let stack = "/reserve/resources/0/reservations";
    reserve()
        .with(stack, json!([]))
        .refused("'reserve.resources': 'cpus(allocated: a):8' is not reserved");
    reserve()
        .with(stack, json!([fixed("a")]))
        .refused("set its type to DYNAMIC");
    let principal = "/reserve/resources/0/reservations/0/principal";
    reserve()
        .with(principal, json!("q"))
        .refused("is 'q', but must be 'p'");
    reserve()
        .with(principal, Value::Null)
        .refused("is missing; set it to 'p'");
    let mut unknown = reserve().with(principal, Value::Null);
    unknown.principal = None;
    unknown.accepted();
    reserve()
        .with(stack, json!([dynamic("z")]))
        .refused("role 'z', but was offered to 'a'");
    reserve()
        .with("/reserve/resources/0/revocable", json!({}))
        .refused("is revocable");
    let volume = volume("new");
    reserve()
        .with("/reserve/resources/0", volume)
        .refused("is already reserved");
}

#[test]
fn moving_a_reservation_changes_nothing_else() {
    let stack = "/reserve/source/0/reservations";
    move_().with(stack, json!([])).accepted();
    move_()
        .with(stack, json!([fixed("x")]))
        .refused("has a static reservation that");
    move_()
        .with(stack, json!([dynamic("a")]))
        .refused("nothing would change");
    move_()
        .with("/reserve/source/0/scalar/value", json!(7))
        .refused("more than their reservations");
    let below = json!([fixed("a"), dynamic("a/b")]);
    move_()
        .with("/reserve/resources/0/reservations", below)
        .with("/reserve/resources/0/allocation_info/role", json!("a/b"))
        .with("/reserve/source/0/allocation_info/role", json!("a/b"))
        .with(stack, json!([fixed("a")]))
        .accepted();
    let mixed = json!([
        resource("cpus", json!([dynamic("x")])),
        resource("cpus", json!([]))
    ]);
    move_()
        .with("/reserve/source", mixed)
        .refused("with different reservations");
}

#[test]
fn static_reservations_and_volumes_cannot_be_unreserved() {
    let stack = "/unreserve/resources/0/reservations";
    unreserve()
        .with(stack, json!([fixed("a")]))
        .refused("change the agent's --resources");
    unreserve()
        .with("/unreserve/resources/0", volume("old"))
        .refused("DESTROY it first");
    // Who may undo the reservation of somebody else is a matter of authorization.
    let principal = "/unreserve/resources/0/reservations/0/principal";
    unreserve().with(principal, json!("q")).accepted();
}

#[test]
fn volumes_are_well_formed() {
    let at = |rest: &str| format!("/create/volumes/0/{rest}");
    create()
        .with(&at("disk"), Value::Null)
        .refused("'create.volumes': 'disk");
    create()
        .with(&at("disk/volume"), Value::Null)
        .refused("'disk.volume' is missing");
    create()
        .with(&at("disk/persistence/id"), json!("a/b"))
        .refused("invalid 'disk.persistence.id'");
    create()
        .with(&at("disk/persistence/principal"), json!("q"))
        .refused("must be 'p', who asks");
    create()
        .with(&at("disk/persistence/principal"), Value::Null)
        .refused("set it to 'p'");
    create()
        .with(&at("disk/volume/host_path"), json!("/x"))
        .refused("host_path");
    create()
        .with(&at("reservations"), json!([]))
        .refused("RESERVE the disk first");
    create()
        .with(&at("revocable"), json!({}))
        .refused("is revocable");
    for (path, expected) in [
        ("/data", "is absolute"),
        ("", "is empty"),
        ("a/../../b", "has '..'"),
    ] {
        create()
            .with(&at("disk/volume/container_path"), json!(path))
            .refused(expected);
    }
    create()
        .with(&at("disk/source"), json!({"type": "RAW"}))
        .refused("without a file system");
    create()
        .with(&at("disk/source"), json!({"type": "BLOCK"}))
        .refused("without a file system");
    create()
        .with(&at("disk/source"), json!({"type": "PATH"}))
        .accepted();
    create()
        .with(&at("scalar/value"), json!(0))
        .refused("'create.volumes'");
}

#[test]
fn shared_volumes_need_a_framework_that_knows_them() {
    let shared = || create().with("/create/volumes/0/shared", json!({}));
    shared().accepted();
    shared()
        .without(FrameworkCapability::SharedResources)
        .refused("SHARED_RESOURCES");
    let at = "/create/volumes/0/allocation_info";
    shared().by_operator().with(at, Value::Null).accepted();
}

#[test]
fn ids_are_unique_for_a_role_on_an_agent() {
    let id = "/create/volumes/0/disk/persistence/id";
    create()
        .with(id, json!("old"))
        .refused("'old' is already taken");
    let twice = json!([volume("new"), volume("new")]);
    create()
        .with("/create/volumes", twice)
        .refused("'new' is already taken");
    let stack = "/create/volumes/0/reservations";
    create()
        .with(id, json!("old"))
        .with(stack, json!([dynamic("z")]))
        .accepted();
}

#[test]
fn volumes_that_are_absent_or_in_use_cannot_be_destroyed() {
    let id = "/destroy/volumes/0/disk/persistence/id";
    destroy()
        .with(id, json!("new"))
        .refused("the agent has no persistent volume");
    let mut used = destroy();
    used.used = of(&[volume("old")]);
    used.refused("is in use");
    let mut other = destroy();
    other.used = of(&[volume("other")]);
    other.accepted();
}

#[test]
fn only_private_divisible_volumes_of_the_agent_are_resized() {
    for (case, part) in [
        (grow as fn() -> Case, "grow_volume"),
        (shrink, "shrink_volume"),
    ] {
        let at = |rest: &str| format!("/{part}/volume/{rest}");
        case()
            .with(&at("shared"), json!({}))
            .refused("is shared and cannot be resized");
        case()
            .with(&at("disk/source"), json!({"type": "MOUNT"}))
            .refused("is a MOUNT disk");
        case()
            .with(&at("provider_id"), json!({"value": "x"}))
            .refused("resource provider");
        case()
            .old_agent(AgentCapability::ResizeVolume)
            .refused("RESIZE_VOLUME");
    }
    let addition = "/grow_volume/addition/reservations";
    grow()
        .with(addition, json!([dynamic("a/b")]))
        .refused("another kind of disk");
    let path = json!({"type": "PATH", "path": {"root": "/d"}});
    grow()
        .with("/grow_volume/volume/disk/source", path.clone())
        .refused("another kind of disk");
    grow()
        .with("/grow_volume/volume/disk/source", path.clone())
        .with("/grow_volume/addition/disk", json!({"source": path}))
        .accepted();
}
