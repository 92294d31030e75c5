//! What power failures and full disks do to the work directory of an agent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rand::Rng;
use rand::rngs::StdRng;

/// What agents write for the present boot of their machine only, and do not sync.
const NOT_SYNCED: [&str; 2] = ["forked.pid", "executor.sentinel"];

/// Logs that are appended to.
const LOGS: &str = ".updates";

/// What a write leaves that did not come to its end: fewer bytes than any header of a file has, and more.
const HALF_A_WRITE: std::ops::Range<usize> = 1..64;

/// The power goes: what was not synced is there, torn or gone, and a write was on its way wherever one may be.
///
/// # Errors
///
/// The folder cannot be read or changed.
pub(super) fn lose_power(work_dir: &Path, chance: &mut StdRng) -> io::Result<()> {
    let (meta, away) = places(work_dir);
    let meta = if away.exists() { away } else { meta };
    for file in files(&meta)? {
        let name = file.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default();
        let in_runs = file.parent().is_some_and(|folder| folder.ends_with("runs"));
        if NOT_SYNCED.contains(&name) {
            lose(&file, chance)?;
        } else if name == "latest" && in_runs {
            if chance.random() {
                fs::remove_file(&file)?;
            }
        } else if name.ends_with(LOGS) && chance.random() {
            let half = half_a_write(chance);
            OpenOptions::new()
                .append(true)
                .open(&file)?
                .write_all(&half)?;
        } else if name.ends_with(".info") && chance.random() {
            // The next version of it, of which nothing was known yet.
            let half = half_a_write(chance);
            fs::write(file.with_file_name(format!(".{name}.tmp")), half)?;
        }
    }
    Ok(())
}

/// Of a file that was not synced there may be nothing, its name, or its beginning.
fn lose(file: &Path, chance: &mut StdRng) -> io::Result<()> {
    match chance.random_range(0..3) {
        0 => Ok(()),
        1 => fs::remove_file(file),
        _ => {
            let length = fs::metadata(file)?.len();
            let kept = chance.random_range(0..=length);
            OpenOptions::new().write(true).open(file)?.set_len(kept)
        }
    }
}

/// The file system had room for it, and wrote nothing, or something.
fn half_a_write(chance: &mut StdRng) -> Vec<u8> {
    let length = chance.random_range(HALF_A_WRITE);
    match chance.random() {
        true => vec![0; length],
        false => (0..length).map(|_| chance.random()).collect(),
    }
}

/// Everything below a folder that is no folder, in order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let listing = match fs::read_dir(&folder) {
            // Nothing was written yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            listing => listing?,
        };
        for entry in listing {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// From now on there is no room for anything new: a file takes the place of the folder of checkpoints. Logs that are
/// open have the room that they have.
///
/// # Errors
///
/// It cannot be done.
pub(super) fn fill(work_dir: &Path) -> io::Result<()> {
    let (meta, away) = places(work_dir);
    if away.exists() || !meta.exists() {
        return Ok(());
    }
    fs::rename(&meta, away)?;
    File::create(meta).map(drop)
}

/// There is room again.
///
/// # Errors
///
/// It cannot be done.
pub(super) fn free(work_dir: &Path) -> io::Result<()> {
    let (meta, away) = places(work_dir);
    if away.exists() {
        fs::remove_file(&meta)?;
        fs::rename(away, meta)?;
    }
    Ok(())
}

/// Whether there is no room.
pub(super) fn is_full(work_dir: &Path) -> bool {
    places(work_dir).1.exists()
}

fn places(work_dir: &Path) -> (PathBuf, PathBuf) {
    (work_dir.join("meta"), work_dir.join("meta.full"))
}
