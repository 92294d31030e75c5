//! The README's table and the tests: every row names tests, and every test that it names exists.

use std::fs;
use std::path::Path;

/// The rows of the table of semantics: their cells.
fn rows(readme: &str) -> Vec<Vec<&str>> {
    let table = readme
        .lines()
        .skip_while(|line| !line.starts_with("| topic "));
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// The file that `place` means, and the function in it: `theme::test`, or a path with `::test`.
fn resolve(place: &str) -> (String, &str) {
    let (file, test) = place.rsplit_once("::").unwrap_or((place, ""));
    match file.ends_with(".rs") {
        true => (file.to_owned(), test),
        false => (format!("tests/semantics/{file}.rs"), test),
    }
}

#[test]
fn every_row_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let rows = rows(&readme);
    assert!(rows.len() > 10, "the table was not found");
    let mut wrong = Vec::new();
    for row in rows {
        let [topic, _, _, pinned] = row[..] else {
            wrong.push(format!("a row of {} cells: {row:?}", row.len()));
            continue;
        };
        let places: Vec<_> = pinned.split('`').skip(1).step_by(2).collect();
        if places.is_empty() {
            wrong.push(format!("{topic} is pinned by nothing"));
        }
        for place in places {
            let (file, test) = resolve(place);
            let source = fs::read_to_string(root.join(&file)).unwrap_or_default();
            if !source.contains(&format!("fn {test}(")) {
                wrong.push(format!("{topic}: no test `{test}` in {file}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
