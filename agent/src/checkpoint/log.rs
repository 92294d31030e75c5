//! An append-only file of checksummed records.
//!
//! ```text
//! record:  length  u32, little endian: bytes of payload
//!          crc     u32, little endian: CRC-32 of the payload
//!          payload
//! ```
//!
//! No payload is empty. A crash in the middle of an append leaves a torn tail, or zeros where the disk had no time to write. [`read`] returns the records before it
//! and [`Log::open`] cuts it off, so that what is appended next is readable.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::envelope::{CheckpointError, crc32, folder_of, sync_folder};

/// The largest record; a status update with its data is far below. A length field above this is
/// damage, not a reason to allocate.
pub const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;

const HEADER_BYTES: usize = 8;

/// An open log. A record is on the disk when [`Log::append`] has returned.
#[derive(Debug)]
pub struct Log {
    disk: Disk,
    file: File,
    path: PathBuf,
}

/// What a log holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The payloads, oldest first.
    pub records: Vec<Vec<u8>>,
    /// How many bytes at the start of the file these records take.
    pub valid_bytes: u64,
    /// How many bytes follow that are no record.
    pub torn_bytes: u64,
}

impl Log {
    /// Opens or makes the log at `path` and cuts off a torn tail.
    pub fn open(disk: &Disk, path: &Path) -> Result<Log, CheckpointError> {
        disk.changes().map_err(CheckpointError::io("open", path))?;
        let folder = folder_of(path)?;
        let is_new = !path.exists();
        let contents = read(path)?;
        let open = || {
            let mut file = OpenOptions::new()
                .create(true)
                .read(true)
                .write(true)
                .truncate(false)
                .open(path)?;
            if contents.torn_bytes > 0 {
                file.set_len(contents.valid_bytes)?;
            }
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(CheckpointError::io("open", path))?;
        if is_new {
            sync_folder(folder)?;
        }
        Ok(Log {
            disk: disk.clone(),
            file,
            path: path.to_owned(),
        })
    }

    /// Appends one record durably. A failed append leaves the log as it was.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), CheckpointError> {
        let length = u32::try_from(payload.len())
            .ok()
            .filter(|_| (1..=MAX_RECORD_BYTES).contains(&payload.len()))
            .ok_or_else(|| {
                CheckpointError::damaged(&self.path, "the record is empty or too large")
            })?;
        let mut record = Vec::with_capacity(HEADER_BYTES + payload.len());
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&crc32(payload).to_le_bytes());
        record.extend_from_slice(payload);
        self.write(&record)
            .map_err(CheckpointError::io("append to", &self.path))
    }

    fn write(&mut self, record: &[u8]) -> io::Result<()> {
        self.disk.changes()?;
        let start = self.file.stream_position()?;
        let written = self
            .file
            .write_all(record)
            .and_then(|()| self.file.sync_data());
        if written.is_err() {
            // Whatever half arrived (a full disk) must not stand before the next record.
            self.file.set_len(start)?;
            self.file.seek(SeekFrom::Start(start))?;
        }
        written
    }
}

/// Reads all whole records of the log at `path`; a missing file is an empty log.
pub fn read(path: &Path) -> Result<Contents, CheckpointError> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => file
            .read_to_end(&mut bytes)
            .map_err(CheckpointError::io("read", path))?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Contents::default()),
        Err(e) => return Err(CheckpointError::io("read", path)(e)),
    };
    let mut records = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((payload, after)) = split_record(rest) {
        records.push(payload.to_vec());
        rest = after;
    }
    Ok(Contents {
        records,
        valid_bytes: (bytes.len() - rest.len()) as u64,
        torn_bytes: rest.len() as u64,
    })
}

fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let length = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
    let crc = u32::from_le_bytes(header[4..].try_into().ok()?);
    // Zeros would be an empty record with the right checksum.
    if length == 0 || length > MAX_RECORD_BYTES {
        return None;
    }
    let (payload, after) = rest.split_at_checked(length)?;
    (crc32(payload) == crc).then_some((payload, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn records(path: &Path) -> Vec<String> {
        let contents = read(path).unwrap();
        let text = |r: Vec<u8>| String::from_utf8(r).unwrap();
        contents.records.into_iter().map(text).collect()
    }

    #[test]
    fn records_come_back_in_order_and_over_several_openings() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tasks/t/task.updates");
        assert_eq!(records(&path), Vec::<String>::new());
        Log::open(&Disk::default(), &path)
            .unwrap()
            .append(b"one")
            .unwrap();
        Log::open(&Disk::default(), &path)
            .unwrap()
            .append(b"two")
            .unwrap();
        assert_eq!(records(&path), ["one", "two"]);
    }

    #[test]
    fn a_tail_torn_at_any_byte_costs_only_the_last_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = Log::open(&Disk::default(), &path).unwrap();
        log.append(b"one").unwrap();
        let first = fs::metadata(&path).unwrap().len() as usize;
        log.append(b"two").unwrap();
        let good = fs::read(&path).unwrap();
        for cut in first..good.len() {
            fs::write(&path, &good[..cut]).unwrap();
            assert_eq!(records(&path), ["one"], "cut at {cut}");
            Log::open(&Disk::default(), &path)
                .unwrap()
                .append(b"three")
                .unwrap();
            assert_eq!(records(&path), ["one", "three"], "cut at {cut}");
        }
    }

    #[test]
    fn a_tail_of_zeros_costs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        Log::open(&Disk::default(), &path)
            .unwrap()
            .append(b"one")
            .unwrap();
        let good = fs::read(&path).unwrap();
        for zeros in 1..4 * HEADER_BYTES {
            fs::write(&path, [good.as_slice(), &vec![0; zeros]].concat()).unwrap();
            assert_eq!(records(&path), ["one"], "{zeros} zeros");
            Log::open(&Disk::default(), &path)
                .unwrap()
                .append(b"two")
                .unwrap();
            assert_eq!(records(&path), ["one", "two"], "{zeros} zeros");
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_log_without_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        Log::open(&Disk::default(), &path)
            .unwrap()
            .append(b"one")
            .unwrap();
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x80;
            fs::write(&path, &bad).unwrap();
            assert_eq!(records(&path), Vec::<String>::new(), "flipped at {at}");
        }
    }
}
