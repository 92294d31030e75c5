//! Unpacking archives into a sandbox, whoever made them.
//!
//! Refused: names and links that leave the sandbox, devices and pipes, more entries or bytes than any
//! honest archive of that size has. Set-user-id bits are dropped.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::sandbox::Sandbox;
use super::uri::{Format, inside};
use super::{CopyError, MAX_BYTES, copy};

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExtractError {
    #[error("{0}")]
    Archive(String),
    #[error("entry '{0}' leaves the sandbox")]
    Escapes(String),
    #[error("link '{name}' to '{target}' leaves the sandbox")]
    LinkEscapes { name: String, target: String },
    #[error("entry '{0}' is neither a file, a folder nor a link")]
    Special(String),
    #[error("more than {MAX_ENTRIES} entries")]
    TooMany,
    #[error("unpacks to more than {0} bytes, which no honest archive of its length does")]
    TooLarge(u64),
    #[error("entry '{name}': {source}")]
    Entry { name: String, source: io::Error },
    #[error("cancelled")]
    Cancelled,
}

/// The largest images in use have a few hundred thousand files.
const MAX_ENTRIES: u64 = 1_000_000;

/// A decompression bomb gains a thousandfold (gzip) or more; text and binaries gain tenfold at most.
const MAX_RATIO: u64 = 200;

/// Small archives of zeros are harmless whatever their ratio.
const FREE_BYTES: u64 = 64 << 20;

/// The dictionary an xz stream may ask for: `xz -9` takes 64 MiB.
const XZ_MEMORY_KIB: u32 = 256 << 10;

/// PATH_MAX: in a zip file the target of a link is stored as content.
const MAX_LINK: u64 = 4096;

/// Unpacks `archive` (of `length` bytes, called `name` in the sandbox); says how many entries it had.
pub(super) fn extract(
    archive: File,
    length: u64,
    name: &Path,
    format: Format,
    sandbox: &Sandbox,
    cancelled: &AtomicBool,
) -> Result<u64, ExtractError> {
    let mut unpacking = Unpacking {
        sandbox,
        cancelled,
        entries: 0,
        allowed: length
            .saturating_mul(MAX_RATIO)
            .saturating_add(FREE_BYTES)
            .min(MAX_BYTES),
        used: 0,
        links: Vec::new(),
    };
    let reader = BufReader::new(archive);
    match format {
        Format::Tar => unpacking.tar(reader)?,
        Format::TarGz => unpacking.tar(flate2::read::MultiGzDecoder::new(reader))?,
        Format::TarBz2 => unpacking.tar(bzip2::read::MultiBzDecoder::new(reader))?,
        Format::TarXz => {
            unpacking.tar(lzma_rust2::XzReader::new_mem_limit(
                reader,
                true,
                XZ_MEMORY_KIB,
            ))?;
        }
        Format::Zip => unpacking.zip(reader)?,
        Format::Gz => unpacking.gz(name, reader)?,
    }
    unpacking.check_links()?;
    Ok(unpacking.entries)
}

struct Unpacking<'a> {
    sandbox: &'a Sandbox,
    cancelled: &'a AtomicBool,
    entries: u64,
    /// Bytes that may be written, and those that were.
    allowed: u64,
    used: u64,
    /// Each symbolic link made, with its target.
    links: Vec<(PathBuf, PathBuf)>,
}

impl Unpacking<'_> {
    fn tar(&mut self, reader: impl Read) -> Result<(), ExtractError> {
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries().map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() {
                continue;
            }
            let name = entry.path().map_err(broken)?.into_owned();
            let Some(path) = self.enter(&name)? else {
                continue;
            };
            let mode = entry.header().mode().unwrap_or(0o644);
            let target = entry
                .link_name()
                .map_err(broken)?
                .unwrap_or_default()
                .into_owned();
            if kind.is_dir() {
                self.folder(&path, mode)?;
            } else if kind.is_symlink() {
                self.symlink(path, target)?;
            } else if kind.is_hard_link() {
                let existing = inside(&target).ok_or_else(|| link_escapes(&path, &target))?;
                self.sandbox
                    .hard_link(&path, &existing)
                    .map_err(|error| failed(&path, error))?;
            } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
                self.file(&path, mode, entry)?;
            } else {
                return Err(ExtractError::Special(show(&path)));
            }
        }
        Ok(())
    }

    fn zip(&mut self, reader: BufReader<File>) -> Result<(), ExtractError> {
        let zip_broken = |error: zip::result::ZipError| ExtractError::Archive(error.to_string());
        let mut archive = zip::ZipArchive::new(reader).map_err(zip_broken)?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(zip_broken)?;
            let Some(path) = self.enter(Path::new(entry.name()))? else {
                continue;
            };
            let mode = entry.unix_mode();
            if entry.is_dir() {
                self.folder(&path, mode.unwrap_or(0o755))?;
            } else if entry.is_symlink() {
                let mut target = String::new();
                let content = (&mut entry).take(MAX_LINK).read_to_string(&mut target);
                content.map_err(|error| failed(&path, error))?;
                self.symlink(path, target.into())?;
            } else {
                self.file(&path, mode.unwrap_or(0o644), entry)?;
            }
        }
        Ok(())
    }

    fn gz(&mut self, name: &Path, reader: BufReader<File>) -> Result<(), ExtractError> {
        self.entries = 1;
        self.file(
            &name.with_extension(""),
            0o644,
            flate2::read::MultiGzDecoder::new(reader),
        )
    }

    /// Counts an entry and cleans its name; `None` for the sandbox itself (`./` in most archives).
    fn enter(&mut self, name: &Path) -> Result<Option<PathBuf>, ExtractError> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(ExtractError::TooMany);
        }
        if name.components().all(|part| part == Component::CurDir) {
            return Ok(None);
        }
        inside(name)
            .map(Some)
            .ok_or_else(|| ExtractError::Escapes(show(name)))
    }

    fn folder(&mut self, path: &Path, mode: u32) -> Result<(), ExtractError> {
        self.sandbox
            .create_dir(path, mode)
            .map_err(|error| failed(path, error))
    }

    fn file(&mut self, path: &Path, mode: u32, content: impl Read) -> Result<(), ExtractError> {
        let mut file = self
            .sandbox
            .create(path, mode)
            .map_err(|error| failed(path, error))?;
        match copy(content, &mut file, self.allowed - self.used, self.cancelled) {
            Ok(length) => self.used += length,
            Err(CopyError::Cancelled) => return Err(ExtractError::Cancelled),
            Err(CopyError::TooLong(_)) => return Err(ExtractError::TooLarge(self.allowed)),
            Err(CopyError::Io(error)) => return Err(failed(path, error)),
        }
        Ok(())
    }

    fn symlink(&mut self, path: PathBuf, target: PathBuf) -> Result<(), ExtractError> {
        if !leads_inside(&path, &target) {
            return Err(link_escapes(&path, &target));
        }
        self.sandbox
            .symlink(&path, &target)
            .map_err(|error| failed(&path, error))?;
        self.links.push((path, target));
        Ok(())
    }

    /// A link that looks harmless may lead out over another one: ask the kernel about each.
    fn check_links(&self) -> Result<(), ExtractError> {
        for (path, target) in &self.links {
            if !self
                .sandbox
                .stays_inside(path)
                .map_err(|error| failed(path, error))?
            {
                self.sandbox
                    .remove_file(path)
                    .map_err(|error| failed(path, error))?;
                return Err(link_escapes(path, target));
            }
        }
        Ok(())
    }
}

/// Whether a link's target, taken as text, is below the sandbox.
fn leads_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count() as i64 - 1;
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => depth -= 1,
            Component::RootDir | Component::Prefix(_) => return false,
        }
        if depth < 0 {
            return false;
        }
    }
    true
}

fn broken(error: io::Error) -> ExtractError {
    ExtractError::Archive(error.to_string())
}

fn failed(path: &Path, source: io::Error) -> ExtractError {
    ExtractError::Entry {
        name: show(path),
        source,
    }
}

fn link_escapes(path: &Path, target: &Path) -> ExtractError {
    ExtractError::LinkEscapes {
        name: show(path),
        target: show(target),
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
