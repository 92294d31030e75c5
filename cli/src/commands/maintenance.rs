//! `mesos maintenance`.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mesos::flags::format_duration;
use mesos::protocols::roles;
use mesos::v1::maintenance::Schedule;
use serde_json::{Value, json};

use super::{elements, operator, print_json, text};
use crate::Outcome;
use crate::arguments::{MachinesFlags, MaintenanceCommand, ScheduleFlags, StateFlags};
use crate::connection::{Connection, ConnectionError};
use crate::table;

/// What a schedule looks like, for those who got it wrong.
const EXAMPLE: &str = r#"{"windows": [{"machine_ids": [{"hostname": "h1"}], "unavailability": {"start": {"nanoseconds": 1800000000000000000}, "duration": {"nanoseconds": 3600000000000}}}]}"#;

pub(super) async fn run(command: MaintenanceCommand) -> Outcome {
    match command {
        MaintenanceCommand::Status(flags) => status(flags).await,
        MaintenanceCommand::Schedule(flags) => schedule(flags).await,
        MaintenanceCommand::Down(flags) => change(flags, Direction::Down).await,
        MaintenanceCommand::Up(flags) => change(flags, Direction::Up).await,
    }
}

async fn status(flags: StateFlags) -> Outcome {
    let connection = Connection::open(&flags.cluster, roles::OPERATOR).await?;
    let status = connection.read_json("/maintenance/status", "").await?;
    if flags.output.json {
        return print_json(&status);
    }
    let draining = elements(&status, "draining_machines").iter();
    let draining = draining.map(|machine| {
        let answers = elements(machine, "statuses");
        let accepted = answers.iter().filter(|a| a["status"] == "ACCEPT").count();
        let answers = format!("{accepted} of {}", answers.len());
        [name(&machine["id"]), "draining".to_owned(), answers]
    });
    let down = elements(&status, "down_machines").iter();
    let down = down.map(|id| [name(id), "down".to_owned(), String::new()]);
    let rows: Vec<[String; 3]> = draining.chain(down).collect();
    print!("{}", table::render(["MACHINE", "MODE", "ACCEPTED"], &rows));
    Ok(ExitCode::SUCCESS)
}

async fn schedule(flags: ScheduleFlags) -> Outcome {
    let connection = Connection::open(&flags.state.cluster, roles::OPERATOR).await?;
    if let Some(file) = &flags.file {
        let schedule = read(file)?;
        let update = json!({
            "type": "UPDATE_MAINTENANCE_SCHEDULE",
            "update_maintenance_schedule": {"schedule": schedule},
        });
        operator::call(&connection, update).await?;
    }
    let planned = planned(&connection).await?;
    if flags.state.output.json {
        return print_json(&planned);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let windows = elements(&planned, "windows").iter();
    let rows: Vec<[String; 3]> = windows.flat_map(|window| rows(window, now)).collect();
    print!("{}", table::render(["MACHINE", "STARTS", "LASTS"], &rows));
    Ok(ExitCode::SUCCESS)
}

/// Checked here, so that the answer names the file.
fn read(file: &Path) -> Result<Schedule, String> {
    let bytes =
        std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        format!(
            "{} is no maintenance schedule: {error}; write for example {EXAMPLE}",
            file.display()
        )
    })
}

/// One row for each machine of a window.
fn rows(window: &Value, now: Duration) -> Vec<[String; 3]> {
    let unavailability = &window["unavailability"];
    let start = nanoseconds(&unavailability["start"]).unwrap_or_default();
    let lasts = nanoseconds(&unavailability["duration"]).map(Duration::from_nanos);
    let lasts = lasts.map_or_else(|| "for ever".to_owned(), format_duration);
    let machines = elements(window, "machine_ids").iter();
    machines
        .map(|id| [name(id), moment(start, now), lasts.clone()])
        .collect()
}

fn nanoseconds(time: &Value) -> Option<u64> {
    let nanoseconds = time["nanoseconds"].as_i64()?;
    Some(u64::try_from(nanoseconds).unwrap_or_default())
}

/// How far away a moment is, to the second.
fn moment(nanoseconds: u64, now: Duration) -> String {
    let (at, now) = (nanoseconds / 1_000_000_000, now.as_secs());
    let distance = format_duration(Duration::from_secs(at.abs_diff(now)));
    match at > now {
        true => format!("in {distance}"),
        false => format!("{distance} ago"),
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Down,
    Up,
}

async fn change(flags: MachinesFlags, direction: Direction) -> Outcome {
    let connection = Connection::open(&flags.cluster, roles::OPERATOR).await?;
    let planned = planned(&connection).await?;
    let known = elements(&planned, "windows").iter();
    let known: Vec<&Value> = known.flat_map(|w| elements(w, "machine_ids")).collect();
    let machines = flags.machines.iter().map(|called| find(&known, called));
    let machines = machines.collect::<Result<Vec<Value>, String>>()?;
    let (what, part, kind) = match direction {
        Direction::Down => ("down", "start_maintenance", "START_MAINTENANCE"),
        Direction::Up => ("up", "stop_maintenance", "STOP_MAINTENANCE"),
    };
    let call = json!({"type": kind, part: {"machines": machines}});
    operator::call(&connection, call).await?;
    for machine in &machines {
        println!("{} is {what}", name(machine));
    }
    Ok(ExitCode::SUCCESS)
}

/// The schedule, with machines that are down.
async fn planned(connection: &Connection) -> Result<Value, ConnectionError> {
    connection.read_json("/maintenance/schedule", "").await
}

/// The machine of the schedule that is called so.
fn find(known: &[&Value], called: &str) -> Result<Value, String> {
    let is_it = |id: &&&Value| {
        text(id, "hostname").eq_ignore_ascii_case(called)
            || text(id, "ip") == called
            || name(id) == called
    };
    let found: Vec<&&Value> = known.iter().filter(is_it).collect();
    match found.as_slice() {
        [one] => Ok(Value::clone(one)),
        [] => Err(format!(
            "machine '{called}' is not in the maintenance schedule; `mesos maintenance schedule` shows it, and \
             with a file plans anew"
        )),
        several => Err(format!(
            "{} machines of the schedule are called '{called}'; write hostname and ip, as '{}'",
            several.len(),
            name(several[0])
        )),
    }
}

/// As masters write it: `hostname`, `ip` or `hostname (ip)`.
fn name(id: &Value) -> String {
    match (text(id, "hostname"), text(id, "ip")) {
        (hostname, ip) if ip.is_empty() => hostname,
        (hostname, ip) if hostname.is_empty() => ip,
        (hostname, ip) => format!("{hostname} ({ip})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_found_by_any_of_its_names() {
        let both = json!({"hostname": "h1", "ip": "10.0.0.1"});
        let named = json!({"hostname": "h2"});
        let other = json!({"hostname": "h2", "ip": "10.0.0.2"});
        let known = [&both, &named, &other];
        for called in ["h1", "H1", "10.0.0.1", "h1 (10.0.0.1)"] {
            assert_eq!(find(&known, called).as_ref(), Ok(&both), "{called}");
        }
        assert_eq!(find(&known, "10.0.0.2"), Ok(other.clone()));
        let unclear = find(&known, "h2").expect_err("two machines");
        assert!(unclear.contains("write hostname and ip"), "{unclear}");
        let unknown = find(&known, "h3").expect_err("no machine");
        assert!(unknown.contains("mesos maintenance schedule"), "{unknown}");
    }

    #[test]
    fn a_window_is_shown_as_far_as_it_is_away() {
        let window: Value = serde_json::from_str(EXAMPLE).expect("JSON");
        let window = &window["windows"][0];
        let start = Duration::from_secs(1_800_000_000);
        let minute = Duration::from_secs(60);
        let row = |now| rows(window, now).concat().join(" | ");
        assert_eq!(row(start - minute), "h1 | in 1mins | 1hrs");
        assert_eq!(row(start + minute), "h1 | 1mins ago | 1hrs");
    }

    #[test]
    fn the_example_is_a_schedule() {
        let schedule: Schedule = serde_json::from_str(EXAMPLE).expect("a schedule");
        assert_eq!(schedule.windows.len(), 1);
    }
}
