//! What crosses between roles: every message and answer by example, its bytes of every version on file.
//!
//! In a cluster that is being upgraded masters and agents are of two versions: what one writes the other reads. If
//! [`the_bytes_of_today_are_on_file`] fails, something about a message has changed: by accident, then undo it; or on
//! purpose and as [`protocol!`](libprocess::protocol) allows, then raise the version of the protocol and add the bytes
//! with `GOLDEN=write cargo test -p mesos protocols`. Lines of earlier versions stay: they are what older nodes send.

mod examples;

use std::fmt::Write;
use std::path::Path;

use libprocess::prelude::*;

use super::*;
use examples::{Example, examples};

const FILE: &str = "tests/messages.txt";

const HEADER: &str = "\
# One example of everything that crosses between masters, agents, frameworks and executors, in every version in which its
# bytes were others: protocol, its version, the message's number and name, whether it is the message or an answer, bytes.
# Written and compared by src/protocols/tests, which say what to do if something changes.
";

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    protocol: String,
    version: u16,
    number: u32,
    name: String,
    kind: String,
    bytes: String,
}

impl Line {
    fn parse(text: &str) -> Line {
        let fields: Vec<&str> = text.split(' ').collect();
        let [protocol, version, number, name, kind, bytes] = fields[..] else {
            panic!("not a line of {FILE}: {text}");
        };
        Line {
            protocol: protocol.to_owned(),
            version: version.parse().expect("a version"),
            number: number.parse().expect("a number"),
            name: name.to_owned(),
            kind: kind.to_owned(),
            bytes: bytes.to_owned(),
        }
    }

    /// Whether both are the same example, perhaps of two versions.
    fn is_of(&self, other: &Line) -> bool {
        (&self.protocol, self.number, &self.kind) == (&other.protocol, other.number, &other.kind)
    }

    fn text(&self) -> String {
        let Line {
            protocol,
            version,
            number,
            name,
            kind,
            bytes,
        } = self;
        format!("{protocol} {version} {number} {name} {kind} {bytes}\n")
    }
}

/// The examples as lines; answers of one message are counted.
fn lines() -> Vec<(Line, Example)> {
    let mut lines: Vec<(Line, Example)> = Vec::new();
    for example in examples() {
        let mut line = Line {
            protocol: example.protocol.to_owned(),
            version: example.version,
            number: example.number,
            name: example
                .name
                .rsplit("::")
                .next()
                .unwrap_or_default()
                .to_owned(),
            kind: "message".to_owned(),
            bytes: hex(&example.bytes),
        };
        let mut answers = 1;
        while example.is_answer && {
            line.kind = format!("answer-{answers}");
            lines.iter().any(|(other, _)| other.is_of(&line))
        } {
            answers += 1;
        }
        lines.push((line, example));
    }
    lines
}

/// No bytes at all are written as a dash.
fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.trim_start_matches('-').as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("digits");
        u8::from_str_radix(pair, 16).expect("digits")
    };
    digits.map(byte).collect()
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)
}

fn on_file() -> Vec<Line> {
    let text = std::fs::read_to_string(path()).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(Line::parse).collect()
}

#[test]
fn the_bytes_of_today_are_on_file() {
    let mut file = on_file();
    for (line, _) in lines() {
        let latest = file.iter().rposition(|other| other.is_of(&line));
        if latest.is_some_and(|latest| file[latest].bytes == line.bytes) {
            continue;
        }
        if std::env::var_os("GOLDEN").is_none_or(|value| value != "write") {
            panic!(
                "other bytes than on file: {line:?}; see the top of {}",
                file!()
            );
        }
        if let Some(latest) = latest {
            let older = file[latest].version;
            assert!(
                older < line.version,
                "raise the version of {}",
                line.protocol
            );
        }
        file.insert(latest.map_or(file.len(), |latest| latest + 1), line);
        let text: String = file.iter().map(Line::text).collect();
        std::fs::write(path(), format!("{HEADER}{text}")).expect("a file to write");
    }
}

#[test]
fn what_any_version_wrote_is_read() {
    let lines = lines();
    let file = on_file();
    assert!(file.len() >= lines.len());
    for written in file {
        let of_it = |(line, _): &&(Line, Example)| line.is_of(&written);
        let (_, example) = lines.iter().find(of_it).expect("an example");
        let bytes = unhex(&written.bytes);
        let opens = |bytes: &[u8]| (example.opens)(written.number, written.version, bytes);
        assert!(opens(&bytes), "{written:?}");
    }
}

/// What an older node wrote may end early, what this version wrote may not.
#[test]
fn what_is_cut_short_is_refused() {
    for (line, example) in lines() {
        if let [start @ .., _] = &example.bytes[..] {
            let opens = (example.opens)(example.number, example.version, start);
            assert!(!opens, "{line:?}");
        }
    }
}

#[test]
fn every_message_has_an_example() {
    let lines = lines();
    let has = |protocol: &str, number: u32| {
        let mut of_it = lines
            .iter()
            .filter(|(line, _)| line.protocol == protocol && line.number == number);
        of_it.any(|(line, _)| line.kind == "message")
    };
    fn listed<P: Protocol>() -> (&'static str, &'static [(u32, &'static str)]) {
        (P::NAME, P::MESSAGES)
    }
    for (protocol, messages) in [
        listed::<MasterProtocol>(),
        listed::<AgentProtocol>(),
        listed::<SchedulerProtocol>(),
        listed::<ExecutorProtocol>(),
        listed::<ObserverProtocol>(),
        listed::<FilesProtocol>(),
        listed::<ReaderProtocol>(),
    ] {
        for (number, name) in messages {
            assert!(has(protocol, *number), "{protocol} {number} {name}");
        }
    }
}

/// Numbers are added, never changed or reused: what is on file under a number has that name.
#[test]
fn numbers_stay() {
    let lines = lines();
    for written in on_file() {
        let of_it = |(line, _): &&(Line, Example)| line.is_of(&written);
        let (line, _) = lines.iter().find(of_it).expect("an example");
        assert_eq!(line.name, written.name, "{written:?}");
    }
}
