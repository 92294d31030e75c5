//! What operators change: resources of agents, weights, quota (Mesos' `docs/operator-http-api.md` and `docs/quota.md`).

use std::collections::BTreeMap;

use mesos::resources::{NotApplicable, Resources};
use mesos::v1::framework_info::Capability;
use mesos::v1::framework_info::capability::Type as CapabilityType;
use mesos::v1::master::Call;
use mesos::v1::master::call::{
    self, CreateVolumes, GrowVolume, ReserveResources, SetQuota, ShrinkVolume, Type, UpdateQuota,
    UpdateWeights,
};
use mesos::v1::quota::{QuotaConfig, QuotaRequest};
use mesos::v1::value::Scalar;
use mesos::v1::{AgentId, FrameworkInfo, Resource, WeightInfo};

use super::samples::plain;
use super::world::{World, info, task};
use crate::registrar::Registry;
use crate::state::{Awaited, Effect};

fn operator(world: &mut World, kind: Type, call: Call) -> Vec<Awaited> {
    let effects = world.operator_effects(kind, call);
    let awaited = effects.iter().filter_map(|effect| match effect {
        Effect::Available(_, awaited) => Some((**awaited).clone()),
        _ => None,
    });
    let awaited = awaited.collect();
    world.perform(effects);
    awaited
}

fn reserved(name: &str, value: u32, more: &str) -> Resource {
    let text = format!(
        r#"{{"name":"{name}","type":"SCALAR","scalar":{{"value":{value}}},
            "reservations":[{{"type":"DYNAMIC","role":"eng","principal":"op"}}]{more}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn reserve(agent: &AgentId, resources: Vec<Resource>) -> Call {
    Call {
        reserve_resources: Some(ReserveResources {
            agent_id: agent.clone(),
            resources,
            source: Vec::new(),
        }),
        ..Default::default()
    }
}

#[test]
fn offers_in_the_way_of_an_operator_are_taken_back_and_no_others() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let mem = world.offer(&id, &agent, "mem:1000");
    world.offer(&id, &agent, "cpus:3");
    world.log();
    let call = reserve(&agent, vec![reserved("cpus", 2, "")]);
    let awaited = operator(&mut world, Type::ReserveResources, call);
    assert_eq!(
        world.log(),
        ["allocator <- cpus:3 of m-0000 on m-S0", "a <- RESCIND"]
    );
    assert!(world.state.cluster().offers.contains_key(&mem));
    let effects = world.state.available(awaited[0].clone(), Ok(()));
    world.perform(effects);
    assert_eq!(
        world.log(),
        ["10.0.0.1 <- apply RESERVE", "operator <- done"]
    );
    world.check();
    let agent = &world.state.cluster().agents[&agent];
    assert_eq!(agent.total.reserved_to("eng").cpus().to_string(), "2");
}

#[test]
fn what_is_in_use_cannot_be_had_and_what_is_wrong_is_not_asked_for() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    let offer = world.offer(&id, &agent, "cpus:4");
    world.accept(&id, &[&offer], vec![task("t", &agent, "cpus:4")]);
    world.log();
    let call = reserve(&agent, vec![reserved("cpus", 2, "")]);
    let awaited = operator(&mut world, Type::ReserveResources, call);
    let why = NotApplicable::NotContained {
        available: Resources::new(),
        consumed: Resources::parse("cpus:2", "*").unwrap(),
    };
    let effects = world.state.available(awaited[0].clone(), Err(why));
    world.perform(effects);
    let log = world.log();
    assert!(
        log[0].starts_with("operator <- Conflict: not enough"),
        "{log:?}"
    );

    let volume = reserved("disk", 2, r#","disk":{"persistence":{"id":"v"}}"#);
    let bad = [
        (Type::ReserveResources, reserve(&"m-S9".into(), Vec::new())),
        (Type::ReserveResources, reserve(&agent, Vec::new())),
        (Type::ReserveResources, Call::default()),
        (
            Type::CreateVolumes,
            Call {
                create_volumes: Some(CreateVolumes {
                    agent_id: agent.clone(),
                    volumes: vec![volume],
                }),
                ..Default::default()
            },
        ),
    ];
    for (kind, call) in bad {
        assert!(operator(&mut world, kind, call).is_empty());
        let log = world.log();
        assert!(log[0].starts_with("operator <- Invalid"), "{log:?}");
    }
    operator(&mut world, Type::GetFlags, Call::default());
    assert!(world.log()[0].starts_with("operator <- Unsupported"));
}

/// With what nobody is in the way of.
fn done(world: &mut World, kind: Type, call: Call) -> Vec<String> {
    let awaited = operator(world, kind, call);
    let effects = world.state.available(awaited[0].clone(), Ok(()));
    world.perform(effects);
    world.log()
}

#[test]
fn volumes_of_operators_grow_and_shrink() {
    let volume = |value| {
        let more = r#","disk":{"persistence":{"id":"v","principal":"op"},"volume":{"container_path":"p","mode":"RW"}}"#;
        reserved("disk", value, more)
    };
    let grow = |agent: Option<AgentId>| Call {
        grow_volume: Some(GrowVolume {
            agent_id: agent,
            volume: volume(100),
            addition: reserved("disk", 50, ""),
        }),
        ..Default::default()
    };
    let shrink = |agent: Option<AgentId>, value| Call {
        shrink_volume: Some(ShrinkVolume {
            agent_id: agent,
            volume: volume(150),
            subtract: Scalar { value },
        }),
        ..Default::default()
    };
    let mut world = World::new();
    let agent = world.agent(1);
    let call = reserve(&agent, vec![reserved("disk", 300, "")]);
    done(&mut world, Type::ReserveResources, call);
    let volumes = vec![volume(100)];
    let create = Call {
        create_volumes: Some(CreateVolumes {
            agent_id: agent.clone(),
            volumes,
        }),
        ..Default::default()
    };
    done(&mut world, Type::CreateVolumes, create);
    let disk = |world: &World| {
        let total = &world.state.cluster().agents[&agent].total;
        assert_eq!(total.reserved_to("eng").disk().to_string(), "300");
        total.persistent_volumes().disk().to_string()
    };

    let log = done(&mut world, Type::GrowVolume, grow(Some(agent.clone())));
    assert_eq!(log, ["10.0.0.1 <- apply GROW_VOLUME", "operator <- done"]);
    assert_eq!(disk(&world), "150");
    let less = shrink(Some(agent.clone()), 30.0);
    let log = done(&mut world, Type::ShrinkVolume, less);
    assert_eq!(log, ["10.0.0.1 <- apply SHRINK_VOLUME", "operator <- done"]);
    assert_eq!(disk(&world), "120");

    for (kind, call, why) in [
        (Type::GrowVolume, grow(None), "grow_volume.agent_id"),
        (
            Type::ShrinkVolume,
            shrink(None, 30.0),
            "shrink_volume.agent_id",
        ),
        (
            Type::ShrinkVolume,
            shrink(Some(agent.clone()), 150.0),
            "less than the size",
        ),
    ] {
        assert!(operator(&mut world, kind, call).is_empty());
        let log = world.log();
        assert!(log[0].starts_with("operator <- Invalid"), "{log:?}");
        assert!(log[0].contains(why), "{log:?}");
    }
    world.check();
}

#[test]
fn an_agent_that_is_gone_by_then_is_a_conflict() {
    let mut world = World::new();
    let agent = world.agent(1);
    let call = reserve(&agent, vec![reserved("cpus", 2, "")]);
    let awaited = operator(&mut world, Type::ReserveResources, call);
    world.agent_exits(&agent);
    world.wait(std::time::Duration::from_secs(601));
    world.log();
    let effects = world.state.available(awaited[0].clone(), Ok(()));
    world.perform(effects);
    let log = world.log();
    assert_eq!(
        log,
        ["operator <- Conflict: the agent was removed meanwhile"]
    );
}

fn weight(role: &str, weight: f64) -> Call {
    Call {
        update_weights: Some(UpdateWeights {
            weight_infos: vec![WeightInfo {
                weight,
                role: Some(role.into()),
            }],
        }),
        ..Default::default()
    }
}

#[test]
fn weights_are_stored_and_offers_made_anew_if_they_matter() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.offer(&id, &agent, "cpus:1");
    world.log();
    operator(&mut world, Type::UpdateWeights, weight("nobody", 3.0));
    assert_eq!(
        world.log(),
        [
            "registry <- weights {\"nobody\": 3.0}",
            "allocator <- weights {\"nobody\": 3.0}",
            "operator <- done"
        ]
    );
    operator(&mut world, Type::UpdateWeights, weight("*", 2.0));
    assert_eq!(world.log_of("a <-"), ["a <- RESCIND"]);
    assert_eq!(world.state.cluster().weights.get("*"), Some(&2.0));
    for (role, value) in [("*", 0.0), ("*", -1.0), ("*", f64::NAN), ("a//b", 1.0)] {
        operator(&mut world, Type::UpdateWeights, weight(role, value));
        let log = world.log();
        assert!(log[0].starts_with("operator <- Invalid"), "{log:?}");
    }
}

#[test]
fn weights_of_the_flag_count_until_an_operator_sets_any() {
    let config = || crate::config::Config {
        weights: [("flag".to_owned(), 3.0)].into(),
        ..Default::default()
    };
    let mut world = World::with(config());
    assert_eq!(world.state.cluster().weights.get("flag"), Some(&3.0));
    world.log();
    operator(&mut world, Type::UpdateWeights, weight("r", 2.0));
    assert_eq!(
        world.log()[..2],
        [
            "registry <- weights {\"flag\": 3.0, \"r\": 2.0}",
            "allocator <- weights {\"r\": 2.0}"
        ]
    );
    let mut registry = Registry::default();
    registry.weights.insert("r".into(), 2.0);
    let mut world = World::recovering(config());
    world.recover(registry);
    let told = "allocator <- weights {\"flag\": 1.0, \"r\": 2.0}";
    assert!(world.log().contains(&told.to_owned()));
}

fn amounts(list: &[(&str, f64)]) -> BTreeMap<String, Scalar> {
    let scalar = |(name, value): &(&str, f64)| ((*name).to_owned(), Scalar { value: *value });
    list.iter().map(scalar).collect()
}

fn quota(role: &str, guarantees: &[(&str, f64)], limits: &[(&str, f64)]) -> QuotaConfig {
    QuotaConfig {
        role: role.into(),
        guarantees: amounts(guarantees),
        limits: amounts(limits),
    }
}

fn update(configs: Vec<QuotaConfig>, force: bool) -> Call {
    Call {
        update_quota: Some(UpdateQuota {
            force: Some(force),
            quota_configs: configs,
        }),
        ..Default::default()
    }
}

#[test]
fn a_batch_of_quotas_is_taken_as_a_whole_or_not_at_all() {
    let mut world = World::new();
    world.agent(1);
    world.log();
    let good = || quota("good", &[("cpus", 1.0)], &[("cpus", 2.0)]);
    let bad = [
        ("is there twice", good()),
        (
            "more than its limit",
            quota("r", &[("cpus", 2.0)], &[("cpus", 1.0)]),
        ),
        ("not between", quota("r", &[("mem", -1.0)], &[])),
        ("not between", quota("r", &[], &[("disk", 2e12)])),
        ("only top-level", quota("r/s", &[("cpus", 1.0)], &[])),
        ("exceed cluster capacity", quota("r", &[("cpus", 4.0)], &[])),
        ("role is invalid", quota("..", &[], &[])),
    ];
    for (why, config) in bad {
        let call = update(vec![good(), config], false);
        operator(&mut world, Type::UpdateQuota, call);
        let log = world.log();
        assert_eq!(log.len(), 1, "{log:?}");
        assert!(log[0].contains(why), "{why}: {log:?}");
        assert!(world.state.cluster().quotas.is_empty());
    }
    let much = quota("r", &[("cpus", 400.0)], &[]);
    operator(
        &mut world,
        Type::UpdateQuota,
        update(vec![good(), much], true),
    );
    assert_eq!(world.state.cluster().quotas.len(), 2);
    // Lowering is not held up by what others were promised.
    let less = quota("good", &[], &[("cpus", 1.0)]);
    operator(&mut world, Type::UpdateQuota, update(vec![less], false));
    let none = quota("r", &[], &[]);
    operator(&mut world, Type::UpdateQuota, update(vec![none], false));
    let left: Vec<&String> = world.state.cluster().quotas.keys().collect();
    assert_eq!(left, ["good"]);
}

#[test]
fn roles_at_every_level_may_have_limits() {
    let mut world = World::new();
    world.agent(1);
    for limits in [&[("cpus", 2.0)][..], &[("cpus", 1.0), ("mem", 9.0)], &[]] {
        let config = quota("r/s", &[], limits);
        let call = update(vec![config.clone()], false);
        operator(&mut world, Type::UpdateQuota, call);
        assert_eq!(world.log().last().unwrap(), "operator <- done");
        let stored = world.state.cluster().quotas.get("r/s");
        let expected = (!limits.is_empty()).then_some(&config);
        assert_eq!(stored.map(|stored| &**stored), expected);
    }
}

#[test]
fn a_limit_below_what_a_role_has_needs_force() {
    let mut world = World::new();
    let agent = world.agent(1);
    let id = world.framework(info("a"));
    world.running(&id, &agent, "t");
    let call = update(vec![quota("*", &[], &[("cpus", 0.5)])], false);
    operator(&mut world, Type::UpdateQuota, call.clone());
    let log = world.log();
    assert!(log[0].contains("already consuming"), "{log:?}");
    let forced = update(vec![quota("*", &[], &[("cpus", 0.5)])], true);
    operator(&mut world, Type::UpdateQuota, forced);
    assert_eq!(world.log().last().unwrap(), "operator <- done");
}

#[test]
fn a_raised_guarantee_takes_offers_back_until_it_is_met() {
    let mut world = World::new();
    let id = world.framework(info("a"));
    for n in 1..=3 {
        let agent = world.agent(n);
        world.offer(&id, &agent, "cpus:4");
    }
    world.log();
    let call = update(vec![quota("prod", &[("cpus", 6.0)], &[])], false);
    operator(&mut world, Type::UpdateQuota, call);
    assert_eq!(world.log_of("a <-"), ["a <- RESCIND", "a <- RESCIND"]);
    world.check();
}

#[test]
fn a_lowered_limit_takes_back_what_the_role_is_offered_beyond_it() {
    let mut world = World::new();
    let id = world.framework(FrameworkInfo {
        roles: vec!["ops/night".to_owned(), "web".to_owned()],
        capabilities: vec![Capability {
            r#type: Some(CapabilityType::MultiRole as i32),
        }],
        ..info("a")
    });
    for n in 1..=3 {
        let agent = world.agent(n);
        world.allocate_to(&id, &agent, "ops/night", plain("cpus:2;mem:64"));
        world.allocate_to(&id, &agent, "web", plain("cpus:1"));
    }
    world.log();
    // What is offered is no obstacle, and goes until the rest fits; that of which there is no limit is not looked at.
    let call = update(
        vec![quota("ops", &[], &[("cpus", 4.0), ("disk", 0.0)])],
        false,
    );
    operator(&mut world, Type::UpdateQuota, call);
    assert_eq!(world.log_of("a <-"), ["a <- RESCIND"]);
    let call = update(vec![quota("ops/night", &[], &[("cpus", 0.0)])], false);
    operator(&mut world, Type::UpdateQuota, call);
    assert_eq!(world.log_of("a <-"), ["a <- RESCIND", "a <- RESCIND"]);
    let call = update(vec![quota("web", &[], &[("cpus", 3.0)])], false);
    operator(&mut world, Type::UpdateQuota, call);
    assert!(world.log_of("a <-").is_empty());
    world.check();
}

#[test]
#[allow(deprecated)]
fn the_old_form_sets_and_removes() {
    let mut world = World::new();
    world.agent(1);
    world.log();
    let set = |cpus: &str| Call {
        set_quota: Some(SetQuota {
            quota_request: QuotaRequest {
                role: Some("r".into()),
                guarantee: super::world::resources(cpus),
                force: None,
            },
        }),
        ..Default::default()
    };
    let remove = || Call {
        remove_quota: Some(call::RemoveQuota { role: "r".into() }),
        ..Default::default()
    };
    operator(&mut world, Type::RemoveQuota, remove());
    assert!(world.log()[0].contains("no quota set"));
    operator(&mut world, Type::SetQuota, set("cpus:400"));
    assert!(world.log()[0].starts_with("operator <- Conflict"));
    operator(&mut world, Type::SetQuota, set("cpus:2"));
    let stored = &world.state.cluster().quotas["r"];
    assert_eq!(stored.limits, stored.guarantees);
    world.log();
    operator(&mut world, Type::SetQuota, set("cpus:1"));
    assert!(world.log()[0].contains("already set"));
    operator(&mut world, Type::RemoveQuota, remove());
    assert!(world.state.cluster().quotas.is_empty());
}

#[test]
fn weights_and_quotas_outlive_the_master() {
    let mut registry = Registry::default();
    registry.weights.insert("r".into(), 2.0);
    let config = quota("r", &[("cpus", 1.0)], &[]);
    registry.quotas.insert("r".into(), mesos::wire::Pb(config));
    let mut world = World::recovering(Default::default());
    world.recover(registry);
    assert!(
        world
            .log()
            .contains(&"allocator <- weights {\"r\": 2.0}".to_owned())
    );
    let cluster = world.state.cluster();
    assert_eq!(cluster.weights.get("r"), Some(&2.0));
    assert!(cluster.quotas.contains_key("r"));
}
