//! What does not compile, and what the compiler says then: one file a case in `tests/compile_fail`.
//!
//! Of the compiler's words its errors are compared, without the help around them. After a change on purpose:
//! `GOLDEN=write cargo test -p libprocess compile_fail`, and read what it wrote.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the case that has to compile.
const FINE: &str = "fine";

/// What the compiler has against a case, one error a line; without an error it compiled.
fn errors(case: &Path, libprocess: &Path, out: &Path) -> String {
    let mut compiler = Command::new(env::var("RUSTC").unwrap_or_else(|_| "rustc".into()));
    compiler
        .args(["--edition", "2024", "--crate-type", "lib"])
        .args(["--emit", "metadata", "--error-format", "short"])
        .args(["--cap-lints", "allow", "--out-dir"])
        .arg(out)
        .arg("-L")
        .arg(format!("dependency={}", dependencies().display()))
        .arg("--extern")
        .arg(format!("libprocess={}", libprocess.display()))
        .arg(case);
    let output = compiler.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<_> = said
        .lines()
        .filter_map(|line| line.split_once(": error").map(|(_, error)| error))
        .map(|error| format!("error{error}\n"))
        .collect();
    assert_eq!(output.status.success(), errors.is_empty(), "{said}");
    errors.concat()
}

/// Where cargo put what this test was linked with.
fn dependencies() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The newest library of this name: the one that was just built.
fn newest(name: &str) -> PathBuf {
    let begin = format!("lib{name}-");
    let found = fs::read_dir(dependencies()).unwrap().filter_map(|entry| {
        let entry = entry.unwrap();
        let file = entry.file_name().into_string().unwrap();
        let fits = file.starts_with(&begin) && file.ends_with(".rlib");
        fits.then(|| (entry.metadata().unwrap().modified().unwrap(), entry.path()))
    });
    found.max().expect("not built").1
}

#[test]
fn what_must_not_compile_does_not_and_says_why() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let libprocess = newest("libprocess");
    let out = tempfile::tempdir().unwrap();
    let mut cases: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    cases.sort();
    for case in cases {
        let said = errors(&case, &libprocess, out.path());
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        if name == FINE {
            assert_eq!(said, "", "the harness itself does not compile");
            continue;
        }
        assert_ne!(said, "", "{name} compiles");
        let golden = case.with_extension("stderr");
        if env::var("GOLDEN").is_ok_and(|wish| wish == "write") {
            fs::write(&golden, &said).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(said, expected, "{name}");
    }
}
