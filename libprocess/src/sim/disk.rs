//! The disk of a simulated machine: it survives the lives of its node.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::Rng;
use rand::rngs::StdRng;

/// What a disk holds unless [`Disk::limit`] says otherwise: more than any scenario needs, less than the machine
/// that simulates it has.
const LIMIT: usize = 64 << 20;

/// The disk of one machine: files by name, or a folder of real files. Clones are handles of the same one.
///
/// A crash loses of each file what was written since its last [`sync`](Disk::sync), or all of it but a part, or
/// nothing: as the seed will have it. An orderly end loses nothing.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    files: BTreeMap<String, File>,
    limit: usize,
    folder: Option<Folder>,
}

#[derive(Debug, Default)]
struct File {
    /// As programs see it; None if it was removed.
    content: Option<Vec<u8>>,
    /// As it is after a power failure.
    durable: Option<Vec<u8>>,
}

impl Disk {
    pub(super) fn new() -> Self {
        let state = State {
            files: BTreeMap::new(),
            limit: LIMIT,
            folder: None,
        };
        Disk(Arc::new(Mutex::new(state)))
    }

    /// The content of a file; `None` if there is no such.
    pub fn read(&self, file: &str) -> Option<Vec<u8>> {
        self.state().files.get(file)?.content.clone()
    }

    /// Replaces the content of a file, which need not exist.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] beyond the disk's limit.
    pub fn write(&self, file: &str, content: impl Into<Vec<u8>>) -> io::Result<()> {
        self.state().write(file, content.into())
    }

    /// Adds to the end of a file, which need not exist.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] beyond the disk's limit.
    pub fn append(&self, file: &str, content: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut whole = match state.files.get(file) {
            Some(file) => file.content.clone().unwrap_or_default(),
            None => Vec::new(),
        };
        whole.extend_from_slice(content);
        state.write(file, whole)
    }

    /// Removes a file, if it is there.
    pub fn remove(&self, file: &str) {
        if let Some(file) = self.state().files.get_mut(file) {
            file.content = None;
        }
    }

    /// Gives a file another name, replacing what had it: for the content all or nothing, also in a crash.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is no such file.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let File { content, durable } = state
            .files
            .remove(from)
            .filter(|file| file.content.is_some())
            .ok_or(io::ErrorKind::NotFound)?;
        let synced = content == durable;
        let replaced = state.files.entry(to.to_owned()).or_default();
        replaced.content = content;
        if synced {
            replaced.durable = durable;
        }
        Ok(())
    }

    /// What was done to a file so far survives a crash.
    pub fn sync(&self, file: &str) {
        if let Some(file) = self.state().files.get_mut(file) {
            file.durable = file.content.clone();
        }
    }

    /// The names of all files, in order.
    pub fn files(&self) -> Vec<String> {
        let state = self.state();
        let there = state
            .files
            .iter()
            .filter(|(_, file)| file.content.is_some());
        there.map(|(name, _)| name.clone()).collect()
    }

    /// Lets the disk be full from so many bytes on.
    pub fn limit(&self, bytes: usize) {
        self.state().limit = bytes;
    }

    /// A folder of the real file system, in memory where there is such, for code that uses files itself. It is
    /// removed with the disk. Crashes lose nothing of it.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn folder(&self) -> io::Result<PathBuf> {
        let mut state = self.state();
        if state.folder.is_none() {
            state.folder = Some(Folder::make()?);
        }
        Ok(state
            .folder
            .as_ref()
            .map(|folder| folder.0.clone())
            .unwrap_or_default())
    }

    /// The machine loses its power.
    pub(super) fn crash(&self, chance: &mut StdRng) {
        for file in self.state().files.values_mut() {
            if file.content != file.durable {
                file.crash(chance);
            }
        }
    }

    /// The machine gets a new disk.
    pub(super) fn wipe(&self) {
        let mut state = self.state();
        state.files.clear();
        state.folder = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, name: &str, content: Vec<u8>) -> io::Result<()> {
        let others = self.files.iter().filter(|(other, _)| *other != name);
        let used: usize = others
            .map(|(_, file)| file.content.as_ref().map_or(0, Vec::len))
            .sum();
        if used + content.len() > self.limit {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.files.entry(name.to_owned()).or_default().content = Some(content);
        Ok(())
    }
}

impl File {
    fn crash(&mut self, chance: &mut StdRng) {
        let written = self.content.take();
        self.content = match (chance.random_range(0..3), written) {
            (0, written) => written,
            // Torn: only its beginning reached the disk.
            (1, Some(mut written)) => {
                let durable = self.durable.as_deref().unwrap_or_default();
                let kept = match written.starts_with(durable) {
                    true => durable.len(),
                    false => 0,
                };
                written.truncate(chance.random_range(kept..=written.len()));
                Some(written)
            }
            _ => self.durable.clone(),
        };
        self.durable = self.content.clone();
    }
}

/// Removed when dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let parent = match memory.is_dir() {
            true => memory.to_owned(),
            false => std::env::temp_dir(),
        };
        let process = std::process::id();
        // The first number that is free.
        for number in 0..u32::MAX {
            let folder = parent.join(format!("libprocess-disk-{process}-{number}"));
            match std::fs::create_dir(&folder) {
                Ok(()) => return Ok(Folder(folder)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::StorageFull.into())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind at worst: it is a folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
