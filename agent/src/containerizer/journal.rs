//! Which containers are ours, whatever else is forgotten.
//!
//! A container has a file here from before its control group is made until after it is gone. So
//! recovery finds every leftover of *this* agent, also of containers that never reached a checkpoint,
//! and never touches those of another agent that shares the machine and the control group root.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

/// A folder with a file per container: `<pid> <start time>`, empty until the executor runs.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    folder: PathBuf,
}

/// The process that leads a container, if it came so far.
pub(crate) type Leader = Option<(u32, u64)>;

impl Journal {
    pub(crate) fn open(folder: PathBuf) -> io::Result<Journal> {
        fs::create_dir_all(&folder)?;
        Ok(Journal { folder })
    }

    pub(crate) fn write(&self, container: &str, leader: Leader) -> io::Result<()> {
        let text = leader.map(|(pid, start_time)| format!("{pid} {start_time}\n"));
        // Not synced: after a power failure neither the processes nor the groups are there.
        fs::write(self.folder.join(container), text.unwrap_or_default())
    }

    pub(crate) fn remove(&self, container: &str) {
        if let Err(error) = fs::remove_file(self.folder.join(container)) {
            tracing::warn!(container, %error, "cannot forget a container; the next start will");
        }
    }

    pub(crate) fn read(&self) -> io::Result<BTreeMap<String, Leader>> {
        let mut containers = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            containers.insert(name, parse(&fs::read_to_string(entry.path())?));
        }
        Ok(containers)
    }
}

fn parse(text: &str) -> Leader {
    let (pid, start_time) = text.trim().split_once(' ')?;
    Some((pid.parse().ok()?, start_time.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_remembered_until_they_are_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(folder.path().join("containers")).expect("opened");
        journal.write("one", None).expect("written");
        journal.write("two", None).expect("written");
        journal.write("two", Some((42, 4711))).expect("written");
        journal.write("three", None).expect("written");
        journal.remove("three");
        let expected = BTreeMap::from([
            ("one".to_owned(), None),
            ("two".to_owned(), Some((42, 4711))),
        ]);
        assert_eq!(journal.read().expect("read"), expected);
    }
}
