//! Where a record is, and what its nodes hold.

use serde_json::Value;

use crate::registrar::registry::{Record, RecordKey};

pub(super) const REGISTRY: &str = "/registry";
pub(super) const EPOCH: &str = "/registry/epoch";
pub(super) const RECORDS: &str = "/registry/records";
pub(super) const JOURNAL: &str = "/registry/journal";

/// Folders of records. With 50,000 agents there are some 200 in each: lists that any client bears.
pub(super) const FOLDERS: u32 = 256;

/// Bytes of a record in one node, and of a piece of the journal: half of what a packet may have.
pub(super) const PART: usize = 512 << 10;

/// The path of a folder.
pub(super) fn folder(number: u32) -> String {
    format!("{RECORDS}/{number:02x}")
}

/// The path of a record's first node.
pub(super) fn path_of(key: &RecordKey) -> String {
    let name = name_of(key);
    let number = crc32fast::hash(name.as_bytes()) % FOLDERS;
    format!("{}/{name}", folder(number))
}

/// The path of a further node.
pub(super) fn part_path(first: &str, part: usize) -> String {
    match part {
        0 => first.to_owned(),
        part => format!("{first},{part}"),
    }
}

/// Whether a name in a folder is of a further node.
pub(super) fn is_further_part(name: &str) -> bool {
    name.contains(',')
}

/// The path of a piece of the journal.
pub(super) fn piece_path(number: usize) -> String {
    format!("{JOURNAL}/{number:010}")
}

/// `agent.<id>`, `weight.<role>`: what a person looks for. Different keys have different names.
fn name_of(key: &RecordKey) -> String {
    // A key is written as an object with one field: its kind.
    let json = serde_json::to_value(key).unwrap_or_default();
    let field = json.as_object().and_then(|kinds| kinds.iter().next());
    let (kind, id) = field.map_or(("", &Value::Null), |(kind, id)| (kind.as_str(), id));
    let id = match id {
        Value::String(id) => id.clone(),
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("value") => {
            fields["value"].as_str().unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    };
    format!("{kind}.{}", escaped(&id))
}

/// Without slashes, commas, and what ZooKeeper does not like in names.
fn escaped(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b':' | b'@' | b'*' => {
                name.push(char::from(byte));
            }
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    name
}

/// The contents of a record's nodes.
pub(super) fn encode(record: &Record) -> serde_json::Result<Vec<Vec<u8>>> {
    let json = serde_json::to_vec(record)?;
    let parts = json.len().div_ceil(PART);
    let head = format!("{:08x} {parts}\n", crc32fast::hash(&json));
    let mut pieces = json.chunks(PART);
    let mut first = head.into_bytes();
    first.extend_from_slice(pieces.next().unwrap_or_default());
    Ok(std::iter::once(first)
        .chain(pieces.map(<[u8]>::to_vec))
        .collect())
}

/// The head of a record's first node: its checksum and how many nodes it has; and the rest of that node.
pub(super) fn head(first: &[u8]) -> Option<(u32, usize, &[u8])> {
    let end = first.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&first[..end]).ok()?;
    let (checksum, parts) = head.split_once(' ')?;
    let checksum = u32::from_str_radix(checksum, 16).ok()?;
    Some((checksum, parts.parse().ok()?, &first[end + 1..]))
}

#[cfg(test)]
mod tests {
    use mesos::v1::AgentId;

    use super::*;

    fn agent(id: &str) -> RecordKey {
        RecordKey::Agent(AgentId {
            value: id.to_owned(),
        })
    }

    #[test]
    fn names_say_what_they_are_of() {
        for (key, name) in [
            (agent("4b-S0"), "agent.4b-S0"),
            (RecordKey::Weight("eng/web".to_owned()), "weight.eng%2Fweb"),
            (RecordKey::Quota("*".to_owned()), "quota.*"),
            (agent("a,1 ö"), "agent.a%2C1%20%C3%B6"),
        ] {
            assert_eq!(name_of(&key), name);
            assert!(path_of(&key).ends_with(name));
            assert!(!is_further_part(name));
        }
        assert!(is_further_part(&part_path("/x/agent.a", 1)));
    }

    #[test]
    fn a_large_record_has_several_nodes() {
        let record = Record::Weight {
            role: "r".repeat(PART * 2),
            weight: 1.5,
        };
        let nodes = encode(&record).unwrap();
        assert_eq!(nodes.len(), 3);
        let (checksum, parts, rest) = head(&nodes[0]).unwrap();
        assert_eq!(parts, 3);
        let json = [rest, &nodes[1], &nodes[2]].concat();
        assert_eq!(checksum, crc32fast::hash(&json));
        assert_eq!(serde_json::from_slice::<Record>(&json).unwrap(), record);
    }
}
