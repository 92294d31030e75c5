//! What this machine has to offer.
//!
//! What `--resources` does not name is detected, less some headroom for the system and for the agent
//! itself (Mesos' `docs/attributes-resources.md`).

mod machine;

use std::collections::BTreeSet;

use mesos::resources::{ParseError, Resources};

pub use machine::Machine;

/// Ports for frameworks to give to their tasks.
const PORTS: &str = "[31000-32000]";

/// What `--resources` says, and of cpus, mem, disk and ports whatever else the machine has. A
/// resource that is named is taken as it is: `cpus:0` means none.
///
/// # Errors
/// If `flag` is malformed.
pub fn agent_resources(
    flag: Option<&str>,
    default_role: &str,
    machine: &Machine,
) -> Result<Resources, ParseError> {
    let flag = flag.unwrap_or_default();
    let named = names(flag);
    let detected: Vec<String> = [
        ("cpus", machine.cpus.to_string()),
        ("mem", machine.offered_mem_mb().to_string()),
        ("disk", machine.offered_disk_mb().to_string()),
        ("ports", PORTS.to_owned()),
    ]
    .into_iter()
    .filter(|(name, _)| !named.contains(*name))
    .map(|(name, value)| format!("{name}:{value}"))
    .collect();
    let given = Resources::parse(flag, default_role)?;
    Ok(given + Resources::parse(&detected.join(";"), default_role)?)
}

/// The names in a resources flag, those with an amount of nothing included.
fn names(flag: &str) -> BTreeSet<String> {
    if flag.trim_start().starts_with('[') {
        let items: Vec<serde_json::Value> = serde_json::from_str(flag).unwrap_or_default();
        let name = |item: &serde_json::Value| Some(item.get("name")?.as_str()?.to_owned());
        return items.iter().filter_map(name).collect();
    }
    flag.split([';', '\n'])
        .filter_map(|item| item.split([':', '(', '[']).next())
        .map(|name| name.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    #[track_caller]
    fn check(flag: &str, expected: &str) {
        let machine = Machine {
            cpus: 4,
            mem_bytes: 16 * GB,
            disk_bytes: 100 * GB,
        };
        let resources = agent_resources(Some(flag), "*", &machine).expect("resources");
        assert_eq!(
            resources,
            Resources::parse(expected, "*").expect("resources"),
            "{flag:?}"
        );
    }

    #[test]
    fn what_is_not_named_is_detected() {
        check("", "cpus:4;mem:15360;disk:97280;ports:[31000-32000]");
        check(
            "cpus:2.5;gpus:1",
            "cpus:2.5;gpus:1;mem:15360;disk:97280;ports:[31000-32000]",
        );
        check(
            "mem(db):64;ports:[1-2]",
            "cpus:4;mem(db):64;disk:97280;ports:[1-2]",
        );
    }

    #[test]
    fn naming_nothing_of_a_resource_is_naming_it() {
        check("cpus:0; disk:0;ports:[]", "mem:15360");
    }

    #[test]
    fn json_names_as_well() {
        let flag = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]"#;
        check(flag, "cpus:1;mem:15360;disk:97280;ports:[31000-32000]");
    }

    #[test]
    fn malformed_flags_are_refused() {
        let machine = Machine {
            cpus: 1,
            mem_bytes: GB,
            disk_bytes: GB,
        };
        for flag in ["cpus", "cpus:-1", "[{", "mem:many"] {
            assert!(
                agent_resources(Some(flag), "*", &machine).is_err(),
                "{flag:?}"
            );
        }
    }

    #[test]
    fn detected_resources_get_the_default_role() {
        let machine = Machine {
            cpus: 1,
            mem_bytes: GB,
            disk_bytes: GB,
        };
        let resources = agent_resources(None, "ops", &machine).expect("resources");
        assert!(!resources.reserved_to("ops").is_empty());
        assert!(resources.unreserved().is_empty());
    }
}
