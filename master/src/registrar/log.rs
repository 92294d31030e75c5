//! The format of the registry on disk: a text file to which batches of changes are appended.
//!
//! ```text
//! mesos-registry 1\n                 the format and its version
//! 8c1f00a2 [{"put":{"agent":..}}]\n  CRC-32 of the JSON in hexadecimal, one batch as JSON
//! 5e30b17d [{"delete":..},..]\n
//! ```
//!
//! A crash while a batch is being appended leaves a *torn* end: a line without its newline, or
//! with zeros where the disk had no time to write. Such a batch was never acknowledged and is
//! dropped. Any other line that does not match its checksum was damaged after it was
//! acknowledged, and reading refuses to guess.

use super::registry::Change;

const HEADER: &str = "mesos-registry 1\n";

/// Every version of the format begins like this.
const MAGIC: &[u8] = b"mesos-registry ";

/// What a log holds.
#[derive(Debug, PartialEq)]
pub(super) struct Parsed {
    /// The changes of all batches in order.
    pub(super) changes: Vec<Change>,
    /// How many bytes are good; what follows is torn and must be cut off before appending.
    pub(super) length: usize,
}

/// Why a log cannot be read. Lines count from 1.
#[derive(Debug, PartialEq)]
pub(super) enum LogError {
    Damaged { line: usize, what: String },
    UnknownFormat { what: String },
}

/// A log that holds just these batches.
pub(super) fn encode(batches: impl IntoIterator<Item = Vec<Change>>) -> serde_json::Result<String> {
    let mut log = HEADER.to_owned();
    for batch in batches {
        log.push_str(&encode_batch(&batch)?);
    }
    Ok(log)
}

/// One batch as it is appended.
pub(super) fn encode_batch(changes: &[Change]) -> serde_json::Result<String> {
    let json = serde_json::to_string(changes)?;
    Ok(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())))
}

/// Reads one batch as it is appended; none if it is not what was written.
pub(super) fn decode_batch(line: &[u8]) -> Option<serde_json::Result<Vec<Change>>> {
    verified(line).map(serde_json::from_slice)
}

/// Reads a whole log.
pub(super) fn parse(log: &[u8]) -> Result<Parsed, LogError> {
    check_header(log)?;
    let mut parsed = Parsed {
        changes: Vec::new(),
        length: HEADER.len(),
    };
    let mut bad = None;
    for (index, line) in log[HEADER.len()..]
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
    {
        let number = index + 2;
        let (Some(json), None) = (verified(line), &bad) else {
            bad.get_or_insert((number, line));
            continue;
        };
        let batch: Vec<Change> =
            serde_json::from_slice(json).map_err(|error| LogError::UnknownFormat {
                what: format!("line {number}: {error}"),
            })?;
        parsed.changes.extend(batch);
        parsed.length += line.len();
    }
    match bad {
        Some((line, text)) if !is_torn(&log[parsed.length..], text) => Err(LogError::Damaged {
            line,
            what: "its checksum does not match".to_owned(),
        }),
        _ => Ok(parsed),
    }
}

fn check_header(log: &[u8]) -> Result<(), LogError> {
    let first = log
        .split_inclusive(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    match first.strip_prefix(MAGIC) {
        Some(_) if first == HEADER.as_bytes() => Ok(()),
        Some(version) => Err(LogError::UnknownFormat {
            what: format!("version {}", String::from_utf8_lossy(version).trim_end()),
        }),
        None => Err(LogError::Damaged {
            line: 1,
            what: "it is no registry".to_owned(),
        }),
    }
}

/// The JSON of a complete line whose checksum is right.
fn verified(line: &[u8]) -> Option<&[u8]> {
    let (checksum, rest) = line.split_at_checked(8)?;
    let json = rest.strip_prefix(b" ")?.strip_suffix(b"\n")?;
    let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    (checksum == crc32fast::hash(json)).then_some(json)
}

/// Whether the bad line `first`, with which `rest` of the log begins, is what a crash leaves:
/// nothing good follows it, and it has no end or has holes.
fn is_torn(rest: &[u8], first: &[u8]) -> bool {
    let last = rest
        .split_inclusive(|byte| *byte == b'\n')
        .all(|line| verified(line).is_none());
    last && (!first.ends_with(b"\n") || rest.contains(&0))
}

#[cfg(test)]
mod tests {
    use mesos::v1::AgentId;

    use super::*;
    use crate::registrar::registry::RecordKey;

    fn removal(agent: &str) -> Change {
        Change::Delete(RecordKey::Agent(AgentId {
            value: agent.to_owned(),
        }))
    }

    fn log_of(agents: &[&str]) -> String {
        encode(agents.iter().map(|agent| vec![removal(agent)])).unwrap()
    }

    #[test]
    fn reads_back_what_was_written() {
        let log = log_of(&["a", "b", "c"]);
        let parsed = parse(log.as_bytes()).unwrap();
        assert_eq!(parsed.changes, [removal("a"), removal("b"), removal("c")]);
        assert_eq!(parsed.length, log.len());
    }

    #[test]
    fn a_batch_cut_off_anywhere_is_dropped_as_a_whole() {
        let whole = log_of(&["a", "b"]);
        let kept = log_of(&["a"]);
        for end in kept.len()..whole.len() {
            let parsed = parse(&whole.as_bytes()[..end]).unwrap();
            assert_eq!(parsed.changes, [removal("a")], "cut at {end}");
            assert_eq!(parsed.length, kept.len(), "cut at {end}");
        }
    }

    #[test]
    fn a_batch_with_holes_at_the_end_is_dropped() {
        let mut log = log_of(&["a", "b"]).into_bytes();
        let kept = log_of(&["a"]).len();
        for end in kept..log.len() {
            log[end] = 0;
            assert_eq!(parse(&log).unwrap().length, kept, "zeros up to {end}");
        }
    }

    #[test]
    fn a_flipped_bit_in_an_acknowledged_batch_is_damage() {
        let whole = log_of(&["a", "b"]);
        for at in HEADER.len()..whole.len() {
            let mut log = whole.clone().into_bytes();
            log[at] ^= 4;
            // The loss of the very last newline cannot be told from a torn batch.
            if at + 1 < whole.len() {
                assert!(
                    matches!(parse(&log), Err(LogError::Damaged { .. })),
                    "flipped at {at}"
                );
            }
        }
    }

    #[test]
    fn holes_before_a_good_batch_are_damage() {
        let mut log = log_of(&["a", "b"]).into_bytes();
        log[HEADER.len() + 12] = 0;
        assert_eq!(
            parse(&log),
            Err(LogError::Damaged {
                line: 2,
                what: "its checksum does not match".to_owned()
            })
        );
    }

    #[test]
    fn other_files_and_other_versions_are_told_apart() {
        for other in ["", "mesos", "{}\n", "\0\0\0\0"] {
            assert!(matches!(
                parse(other.as_bytes()),
                Err(LogError::Damaged { line: 1, .. })
            ));
        }
        let newer = parse(b"mesos-registry 2\nwhatever\n");
        assert_eq!(
            newer,
            Err(LogError::UnknownFormat {
                what: "version 2".to_owned()
            })
        );
        let batch = r#"[{"put":{"moon":{}}}]"#;
        let log = format!(
            "{HEADER}{:08x} {batch}\n",
            crc32fast::hash(batch.as_bytes())
        );
        assert!(matches!(
            parse(log.as_bytes()),
            Err(LogError::UnknownFormat { .. })
        ));
    }
}
