//! What /proc says about processes.

use std::collections::BTreeSet;
use std::fs;

/// The parts of `/proc/<pid>/stat` we use; see proc_pid_stat(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) session: u32,
    /// Clock ticks spent in user and kernel mode.
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
    pub(crate) threads: u32,
    /// Clock ticks from boot to the start of the process.
    pub(crate) start_time: u64,
    pub(crate) resident_pages: u64,
    pub(crate) zombie: bool,
}

/// `None` if there is no such process.
pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Every process that is in the session of `leader` or descends from it, zombies excluded.
///
/// Nothing, if `leader` is by now the number of a process that started at another time. A descendant
/// that left the session *and* outlived its parent cannot be found in this way: only control groups
/// hold those.
pub(crate) fn session_and_descendants(leader: u32, start_time: u64) -> Vec<Stat> {
    if stat(leader).is_some_and(|stat| stat.start_time != start_time) {
        return Vec::new();
    }
    let all: Vec<Stat> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| stat(entry.file_name().to_str()?.parse().ok()?))
        .collect();
    let mut members: BTreeSet<u32> = BTreeSet::from([leader]);
    loop {
        let before = members.len();
        let joins = |stat: &&Stat| stat.session == leader || members.contains(&stat.parent);
        let joining: Vec<u32> = all.iter().filter(joins).map(|stat| stat.pid).collect();
        members.extend(joining);
        if members.len() == before {
            break;
        }
    }
    all.into_iter()
        .filter(|stat| members.contains(&stat.pid) && !stat.zombie)
        .collect()
}

fn parse(text: &str) -> Option<Stat> {
    // The name is in parentheses and may itself contain any of them, and spaces.
    let (pid, rest) = text.split_once(' ')?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Field 3 of the manual page is at index 0 here.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let small = |field| u32::try_from(number(field)?).ok();
    Some(Stat {
        pid: pid.parse().ok()?,
        parent: small(4)?,
        session: small(6)?,
        user_ticks: number(14)?,
        system_ticks: number(15)?,
        threads: small(20)?,
        start_time: number(22)?,
        resident_pages: number(24)?,
        zombie: matches!(fields.first(), Some(&"Z" | &"X")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_confuse() {
        let text =
            "42 (a) (b 7) S 1 42 41 0 -1 4194560 1 2 3 4 11 12 0 0 20 0 3 0 987654 1000 55 9\n";
        let stat = parse(text).expect("parsed");
        assert_eq!((stat.pid, stat.parent, stat.session), (42, 1, 41));
        assert_eq!(
            (stat.user_ticks, stat.system_ticks, stat.threads),
            (11, 12, 3)
        );
        assert_eq!((stat.start_time, stat.resident_pages), (987_654, 55));
    }

    #[test]
    fn this_process_is_found() {
        let me = stat(std::process::id()).expect("is running");
        assert!(me.start_time > 0 && me.threads > 0 && !me.zombie);
    }
}
