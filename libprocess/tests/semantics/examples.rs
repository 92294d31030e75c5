//! Every example runs, ends well, and prints what its README says.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const COMMAND: &str = "$ cargo run -p libprocess --example ";

/// What stands for any text in expected lines.
const ANYTHING: char = '…';

/// The examples of the README: the name and arguments of each, and the lines that it is to print.
fn shown(readme: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
    let blocks = readme.split("```console\n").skip(1);
    blocks
        .map(|block| {
            let (block, _) = block.split_once("```").expect("a block that ends");
            let (command, lines) = block.split_once('\n').expect("a command");
            let command = command.strip_prefix(COMMAND).expect(COMMAND);
            let words = command.split(' ').filter(|word| *word != "--");
            (words.collect(), lines.lines().collect())
        })
        .collect()
}

/// Where cargo builds examples: beside the folder of this test's program.
fn program(example: &str) -> PathBuf {
    let deps = env::current_exe().unwrap();
    deps.ancestors()
        .nth(2)
        .unwrap()
        .join("examples")
        .join(example)
}

fn start(words: &[&str]) -> Child {
    let program = program(words[0]);
    let started = Command::new(&program)
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    started.unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `cargo build -p libprocess --examples` makes it",
            program.display()
        )
    })
}

/// Whether `line` is `pattern`, in which some parts stand for anything.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split(ANYTHING);
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut exact = false;
    for part in parts {
        let Some(at) = rest.rfind(part) else {
            return false;
        };
        exact = part.is_empty();
        rest = &rest[at + part.len()..];
    }
    exact || rest.is_empty()
}

#[test]
fn every_example_prints_what_its_readme_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let shown = shown(&readme);

    let there: BTreeSet<_> = fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| {
            Some(
                entry
                    .ok()?
                    .file_name()
                    .to_str()?
                    .strip_suffix(".rs")?
                    .to_owned(),
            )
        })
        .collect();
    let explained: BTreeSet<_> = shown.iter().map(|(words, _)| words[0].to_owned()).collect();
    assert_eq!(there, explained, "examples, and those the README explains");

    // All at once: most of them wait most of the time.
    let running: Vec<_> = shown.iter().map(|(words, _)| start(words)).collect();
    for ((words, expected), running) in shown.iter().zip(running) {
        let output = running.wait_with_output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed: Vec<_> = printed.lines().collect();
        assert!(output.status.success(), "{words:?} failed: {printed:#?}");
        let fit = printed.len() == expected.len()
            && printed
                .iter()
                .zip(expected)
                .all(|(line, pattern)| fits(pattern, line));
        assert!(fit, "{words:?} printed {printed:#?}, not {expected:#?}");
    }
}

#[test]
fn patterns_fit_what_they_should() {
    assert!(fits("a … c", "a b c") && fits("a…", "abc") && fits("…", ""));
    assert!(!fits("a … c", "a b d") && !fits("a", "ab") && !fits("…b", "abc"));
    assert!(fits("… s  is 1…", "3.5 s  is 14"));
}
