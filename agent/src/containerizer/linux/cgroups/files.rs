//! The small text files of the control group filesystem.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;

use super::{CgroupsError, io_error};

/// No file we read comes near this; a longer one is not what we think it is.
const LIMIT: u64 = 1 << 20;

/// The whole text of a file.
pub(super) fn read(path: &Path) -> Result<String, CgroupsError> {
    let mut text = String::new();
    OpenOptions::new()
        .read(true)
        .open(path)
        .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
        .map_err(|source| io_error("read", path, source))?;
    Ok(text)
}

/// Writes a value in one write, as the kernel wants it; never creates the file.
pub(super) fn write(path: &Path, value: &str) -> Result<(), CgroupsError> {
    OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)
        .and_then(|mut file| file.write_all(value.as_bytes()))
        .map_err(|source| io_error("write", path, source))
}

/// A file of `key value` lines; lines of another form are skipped.
pub(super) fn read_keyed(path: &Path) -> Result<BTreeMap<String, u64>, CgroupsError> {
    Ok(parse_keyed(&read(path)?))
}

/// A file with one number; `None` for anything else, such as `max`.
pub(super) fn read_number(path: &Path) -> Option<u64> {
    read(path).ok()?.trim().parse().ok()
}

fn parse_keyed(text: &str) -> BTreeMap<String, u64> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(key, value)| Some((key.to_owned(), value.trim().parse().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyed_lines_are_read_and_others_skipped() {
        let values = parse_keyed("oom_kill_disable 0\nunder_oom 0\noom_kill 3\nodd\nlimit max\n");
        assert_eq!(values.get("oom_kill"), Some(&3));
        assert_eq!(values.len(), 3);
    }
}
