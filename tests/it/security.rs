//! The page that says what is protected names the tests that hold it.

use std::{fs, path::Path};

const PAGE: &str = include_str!("../../src/docs/security.rs");

/// The names in the last column of the page's table.
fn named() -> Vec<&'static str> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"));
    let tests = rows.filter_map(|row| Some(row.rsplit_once(" | ")?.1));
    tests.flat_map(|tests| tests.split('`')).filter(|name| name.contains('_')).collect()
}

fn collect(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_promise_names_tests_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut code);
    }
    let named = named();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        assert!(code.contains(&format!("fn {name}()")), "{name} is no test");
    }
}
