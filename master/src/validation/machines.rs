//! Maintenance schedules and lists of machines (Mesos' `docs/maintenance.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use mesos::v1::maintenance::Schedule;
use mesos::v1::{MachineId, Unavailability};

use super::Invalid;
use crate::registrar::MachineKey;

/// The most machines in a schedule: twice the agents of the largest clusters.
const MAX_MACHINES: usize = 100_000;

/// The longest host name, as DNS has it.
const MAX_HOSTNAME: usize = 253;

/// The machines of a schedule, with the place of their window.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn schedule(
    schedule: &Schedule,
) -> Result<BTreeMap<MachineKey, (u32, Unavailability)>, Invalid> {
    let mut machines = BTreeMap::new();
    for (number, window) in (0..).zip(&schedule.windows) {
        let place = format!("windows[{number}]");
        if window.machine_ids.is_empty() {
            let why = "a window of maintenance needs at least one machine";
            return Err(Invalid(format!("{place}.machine_ids is empty: {why}")));
        }
        let duration = window.unavailability.duration.map(|d| d.nanoseconds);
        if duration.is_some_and(|duration| duration < 0) {
            return Err(Invalid(format!(
                "{place}.unavailability.duration is negative; leave it out if it has no end"
            )));
        }
        for id in &window.machine_ids {
            let key = machine(id).map_err(|error| Invalid(format!("{place}: {}", error.0)))?;
            let is_new = (machines.insert(key.clone(), (number, window.unavailability))).is_none();
            if !is_new {
                let why = "appears more than once in the schedule";
                return Err(Invalid(format!("{place}: machine {key} {why}")));
            }
        }
    }
    if machines.len() > MAX_MACHINES {
        let why = format!("a schedule has at most {MAX_MACHINES} machines");
        return Err(Invalid(why));
    }
    Ok(machines)
}

/// The machines of a list.
///
/// # Errors
/// What is wrong with which.
pub(crate) fn list(ids: &[MachineId]) -> Result<BTreeSet<MachineKey>, Invalid> {
    let mut machines = BTreeSet::new();
    if ids.is_empty() {
        return Err(Invalid("the list of machines is empty".to_owned()));
    }
    for id in ids {
        let key = machine(id)?;
        if !machines.insert(key.clone()) {
            return Err(Invalid(format!("machine {key} appears more than once")));
        }
    }
    Ok(machines)
}

fn machine(id: &MachineId) -> Result<MachineKey, Invalid> {
    let mut key = MachineKey::of(id);
    if key == MachineKey::default() {
        let why = "a machine needs a hostname, an ip, or both";
        return Err(Invalid(why.to_owned()));
    }
    if key.hostname.len() > MAX_HOSTNAME {
        let why = format!("a machine's hostname is longer than {MAX_HOSTNAME} bytes");
        return Err(Invalid(why));
    }
    if !key.ip.is_empty() {
        let ip = key.ip.parse::<IpAddr>();
        let ip = ip.map_err(|_| Invalid(format!("'{}' is no ip address", key.ip)))?;
        key.ip = ip.to_string();
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<Vec<String>, String> {
        let parsed: Schedule = serde_json::from_str(json).expect("a schedule");
        match schedule(&parsed) {
            Ok(machines) => Ok(machines.keys().map(MachineKey::to_string).collect()),
            Err(error) => Err(error.0),
        }
    }

    fn window(machines: &str, duration: &str) -> String {
        format!(
            r#"{{"machine_ids":[{machines}],
                "unavailability":{{"start":{{"nanoseconds":1}}{duration}}}}}"#
        )
    }

    #[test]
    fn a_machine_is_named_by_name_ip_or_both() {
        let machines = r#"{"hostname":"Big.Example"},{"ip":"10.0.0.1"},
            {"hostname":"b","ip":"::0001"}"#;
        let schedule = format!(r#"{{"windows":[{}]}}"#, window(machines, ""));
        let names = ["10.0.0.1", "b (::1)", "big.example"].map(String::from);
        assert_eq!(check(&schedule), Ok(names.to_vec()));
        assert_eq!(check("{}"), Ok(vec![]), "which plans nothing");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let twice = r#"{"hostname":"a"},{"hostname":"A"}"#;
        let negative = r#","duration":{"nanoseconds":-1}"#;
        for (machines, duration, expected) in [
            ("", "", "windows[0].machine_ids is empty"),
            ("{}", "", "needs a hostname"),
            (r#"{"ip":"here"}"#, "", "'here' is no ip address"),
            (twice, "", "machine a appears more than once"),
            (r#"{"ip":"::1"}"#, negative, "duration is negative"),
        ] {
            let schedule = format!(r#"{{"windows":[{}]}}"#, window(machines, duration));
            let error = check(&schedule).expect_err(machines);
            assert!(error.contains(expected), "{error}");
        }
        assert!(list(&[]).is_err());
    }

    fn named(hostname: String) -> MachineId {
        MachineId {
            hostname: Some(hostname),
            ip: None,
        }
    }

    #[test]
    fn a_list_names_each_machine_once() {
        let id = |name: &str| named(name.to_owned());
        let machines = list(&[id("a"), id("b")]).expect("two machines");
        assert_eq!(machines.len(), 2);
        let error = list(&[id("a"), id("b"), id("A")]).expect_err("one of them twice");
        assert_eq!(error.0, "machine a appears more than once");
        assert!(list(&[MachineId::default()]).is_err(), "no machine");
    }

    #[test]
    fn a_host_name_is_as_long_as_dns_allows() {
        assert!(list(&[named("x".repeat(MAX_HOSTNAME))]).is_ok());
        let error = list(&[named("x".repeat(MAX_HOSTNAME + 1))]).expect_err("too long");
        assert!(error.0.contains("longer than 253 bytes"), "{error}");
    }

    #[test]
    fn a_window_may_last_no_time_and_is_known_by_its_place() {
        let none = r#","duration":{"nanoseconds":0}"#;
        let first = window(r#"{"hostname":"a"}"#, none);
        let second = window(r#"{"hostname":"b"}"#, "");
        let windows = format!(r#"{{"windows":[{first},{second}]}}"#);
        let parsed: Schedule = serde_json::from_str(&windows).expect("a schedule");
        let machines = schedule(&parsed).expect("a valid one");
        let places: Vec<u32> = machines.values().map(|(place, _)| *place).collect();
        assert_eq!(places, [0, 1]);
        let again = window(r#"{"hostname":"a"}"#, "");
        let error = check(&format!(r#"{{"windows":[{first},{again}]}}"#)).expect_err("twice");
        assert_eq!(
            error,
            "windows[1]: machine a appears more than once in the schedule"
        );
    }

    #[test]
    fn a_schedule_has_no_more_machines_than_it_may() {
        let mut schedule = Schedule::default();
        let ids = (0..MAX_MACHINES).map(|number| named(format!("m{number}")));
        schedule.windows = vec![Default::default()];
        schedule.windows[0].machine_ids = ids.collect();
        assert!(super::schedule(&schedule).is_ok());
        schedule.windows[0]
            .machine_ids
            .push(named("one-more".to_owned()));
        let error = super::schedule(&schedule).expect_err("one too many");
        assert_eq!(error.0, "a schedule has at most 100000 machines");
    }
}
