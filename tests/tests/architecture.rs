//! The invariants of ARCHITECTURE.md, read from manifests and source lines: what must *not* be.
//!
//! Each test names the rule it checks and prints every line that breaks it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 8] = [
    "libprocess",
    "mesos",
    "master",
    "agent",
    "frameworks",
    "cli",
    "tests",
    "bench",
];

/// A file longer than this has more than one subject (CONTRIBUTING.md, conventions).
const LONGEST_FILE_LINES: usize = 700;

/// Folders and files that decide and perform nothing.
const PURE_CORES: [&str; 8] = [
    "master/src/state/",
    "master/src/validation/",
    "master/src/allocator/",
    "agent/src/state/",
    "agent/src/oversubscription/",
    "mesos/src/resources/",
    "mesos/src/roles.rs",
    "mesos/src/attributes.rs",
];

/// The actor shells that live beside a pure core, and what they read.
const SHELLS: [&str; 3] = [
    "master/src/allocator/process.rs",
    "agent/src/oversubscription/process.rs",
    "agent/src/oversubscription/load.rs",
];

#[test]
fn crates_depend_only_downwards() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("libprocess", &[][..]),
        ("mesos", &["libprocess"][..]),
        ("master", &["libprocess", "mesos"][..]),
        ("agent", &["libprocess", "mesos"][..]),
        ("frameworks", &["libprocess", "mesos"][..]),
    ]);
    let mut broken = Vec::new();
    for (name, allowed) in allowed {
        for dependency in dependencies_of(name) {
            if CRATES.contains(&dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                broken.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    for name in CRATES {
        if dependencies_of(name).contains("cli") {
            broken.push(format!("{name} depends on cli, which nothing may"));
        }
    }
    assert_none("dependency direction", broken);
}

#[test]
fn libprocess_has_no_word_of_mesos() {
    let mut broken = Vec::new();
    for file in files_below("libprocess") {
        let text = fs::read_to_string(root().join(&file)).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            if line.to_lowercase().contains("mesos") {
                broken.push(format!("{file}:{}: {line}", number + 1));
            }
        }
    }
    assert_none("libprocess knows nothing of Mesos", broken);
}

#[test]
fn only_the_transport_names_quinn_and_only_the_codec_bincode() {
    let mut broken = lines_with("quinn::", |file| {
        file.starts_with("libprocess/src/transport/") || file.starts_with("bench/")
    });
    broken.extend(lines_with("bincode::", |file| {
        file == "libprocess/src/wire/codec.rs" || file.starts_with("bench/")
    }));
    for name in CRATES {
        let dependencies = dependencies_of(name);
        let may = |dependency: &str| match dependency {
            "bincode" => name == "libprocess",
            _ => ["libprocess", "bench"].contains(&name),
        };
        for dependency in ["quinn", "bincode"] {
            if dependencies.contains(dependency) && !may(dependency) {
                broken.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    assert_none("quinn and bincode each have one place", broken);
}

#[test]
fn only_two_places_name_the_client_of_zookeeper() {
    let broken = lines_with("zookeeper_client::", |file| {
        file.starts_with("mesos/src/election/zookeeper/")
            || file.starts_with("master/src/registrar/zookeeper/")
            || file.starts_with("tests/tests/")
    });
    assert_none("the client of ZooKeeper has two places", broken);
}

#[test]
fn actix_is_named_by_libprocess_alone_and_its_inside_by_two_files() {
    let mut broken = lines_with("actix::", |file| {
        file.starts_with("libprocess/") || file.starts_with("bench/")
    });
    let inside: BTreeSet<String> = code_lines()
        .filter(|(_, _, line)| line.contains("actix::dev"))
        .map(|(file, ..)| file)
        .collect();
    if inside.len() > 2 {
        broken.push(format!("actix::dev is named by {inside:?}"));
    }
    for name in CRATES {
        if !["libprocess", "bench"].contains(&name) && dependencies_of(name).contains("actix") {
            broken.push(format!("{name} depends on actix"));
        }
    }
    assert_none("actix stays behind libprocess", broken);
}

#[test]
fn pure_cores_take_time_and_chance_as_arguments() {
    let banned = [
        "actix",
        "tokio",
        "Instant::now",
        "SystemTime",
        "Uuid::new_v4",
        "rand::rng",
        "thread_rng",
        "std::fs",
        "std::net::Tcp",
    ];
    let mut broken = Vec::new();
    for (file, number, line) in code_lines() {
        let pure = !is_test(&file)
            && PURE_CORES.iter().any(|core| file.starts_with(core))
            && !SHELLS.contains(&&*file);
        if pure && banned.iter().any(|word| line.contains(word)) {
            broken.push(format!("{file}:{number}: {line}"));
        }
    }
    assert_none("pure cores", broken);
}

#[test]
fn only_http_folders_know_http() {
    let broken = lines_with("actix_web::", |file| {
        file.contains("/http/")
            || file.starts_with("libprocess/examples/http_")
            || file.starts_with("bench/")
            || file.starts_with("tests/")
    });
    assert_none("HTTP stays in http/ folders", broken);
}

#[test]
fn one_folder_chooses_between_json_and_protobuf() {
    let broken = lines_with("\"application/x-protobuf\"", |file| {
        file.starts_with("mesos/src/wire/")
            || file.contains("/tests/")
            || file.starts_with("tests/")
    });
    assert_none("one place knows the media types", broken);
}

#[test]
fn nothing_is_process_wide() {
    let state = [
        "Mutex", "RwLock", "OnceLock", "OnceCell", "LazyLock", "Atomic", "RefCell",
    ];
    let mut broken = Vec::new();
    for (file, number, line) in code_lines() {
        let declares = line
            .trim_start()
            .trim_start_matches("pub ")
            .starts_with("static ");
        if is_test(&file) {
            continue;
        }
        let mutable = line.contains("thread_local!") || line.contains("static mut");
        if mutable || (declares && state.iter().any(|word| line.contains(word))) {
            broken.push(format!("{file}:{number}: {line}"));
        }
    }
    assert_none("a node is a value: no statics with state", broken);
}

#[test]
fn unsafe_code_stays_in_the_system_call_folder() {
    let broken = lines_with("unsafe ", |file| file.starts_with("agent/src/syscall/"));
    assert_none("unsafe code", broken);
}

#[test]
fn files_have_one_subject() {
    let mut broken = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(root().join(&file)).expect("a readable source file");
        let lines = text.lines().count();
        if lines > LONGEST_FILE_LINES {
            broken.push(format!("{file} has {lines} lines"));
        }
    }
    assert_none("no file is an attic", broken);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace above this crate")
        .to_owned()
}

/// Names below `[dependencies]` and `[build-dependencies]`; what only tests use may point anywhere.
fn dependencies_of(name: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).expect("a manifest");
    let mut section = "";
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if ["[dependencies]", "[build-dependencies]"].contains(&section) {
            let end = line.find(['.', ' ', '=']).unwrap_or(line.len());
            names.insert(line[..end].to_owned());
        }
    }
    names
}

fn files_below(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let relative = path.strip_prefix(root()).expect("a path below the root");
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<String> {
    let mut files: Vec<String> = CRATES.iter().flat_map(|name| files_below(name)).collect();
    files.retain(|file| file.ends_with(".rs") && !file.ends_with("tests/tests/architecture.rs"));
    files
}

/// Tests beside code, in files of their own, and fuzz targets.
fn is_test(file: &str) -> bool {
    ["/tests/", "/fuzz/"]
        .iter()
        .any(|folder| file.contains(folder))
        || file.starts_with("tests/")
        || file.ends_with("/tests.rs")
}

/// Every line of code with its place; comments and what follows a file's test module are left out.
fn code_lines() -> impl Iterator<Item = (String, usize, String)> {
    sources().into_iter().flat_map(|file| {
        let text = fs::read_to_string(root().join(&file)).expect("a readable source file");
        let lines: Vec<(String, usize, String)> = text
            .lines()
            .enumerate()
            .take_while(|(_, line)| line.trim() != "mod tests {")
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(number, line)| (file.clone(), number + 1, line.to_owned()))
            .collect();
        lines
    })
}

fn lines_with(word: &str, allowed: impl Fn(&str) -> bool) -> Vec<String> {
    code_lines()
        .filter(|(file, _, line)| line.contains(word) && !allowed(file))
        .map(|(file, number, line)| format!("{file}:{number}: {line}"))
        .collect()
}

#[track_caller]
fn assert_none(rule: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}
