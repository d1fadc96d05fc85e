//! The library is a house: wings on floors, and each imports from the floors below only. This reads the imports of every
//! file under `src/` and holds that.
//!
//! `cargo test --test it architecture -- --nocapture` prints the numbers of the house, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use self::{
    house::House,
    lexer::begins,
    rules::{MAX_LINES, Plan},
};

mod broken;
mod house;
mod imports;
mod lexer;
mod rules;

/// The floors from the roof down, each with its wings and what they decide or own. A wing imports from what stands below
/// its floor: from nothing above, and from no wing beside it.
const FLOORS: [(&str, &str); 9] = [
    ("lib", "the docs of the crate, and its exports; nobody imports through it"),
    (
        "testing | request | signing",
        "a server that behaves as Sinch does | what happens to a request | and to one that is signed",
    ),
    ("sinch", "Sinch's credentials, and where its tokens come from"),
    ("fleet", "one token for the processes that share a store"),
    ("refresher", "one token for all, and the one flight that gets it"),
    ("telemetry", "what operators see"),
    ("token", "what a token is, and what a source of tokens"),
    ("audience", "where a token or a signed request may travel"),
    (
        "origin | schedule | error | switches | readiness | docs",
        "who answers | when, purely | every message | what callers decide | giving it back | pages",
    ),
];

/// Arrows that would point down, but lead through a wall: what is on the left is meant to stand without the right.
const WALLS: [(&str, &str); 2] = [("audience", "origin"), ("audience", "schedule")];

const PLAN: Plan<'static> = Plan { floors: &FLOORS, walls: &WALLS };

/// The text of each file under `src/`, by its path from the root of the package.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut sources = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        let entries: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().to_str().unwrap();
                sources.insert(path.replace('\\', "/"), text);
            }
        }
    }
    sources
}

#[track_caller]
fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "{} found:\n\n{}\n", found.len(), found.join("\n\n"));
}

#[test]
fn every_wing_has_its_floor() {
    assert_none(&rules::unplanned(&House::read(&sources()), PLAN));
}

#[test]
fn no_arrow_points_up() {
    assert_none(&rules::arrows_up(&House::read(&sources()), PLAN));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_none(&rules::circles(&House::read(&sources())));
}

#[test]
fn nothing_is_imported_through_the_root() {
    assert_none(&rules::imports_through_root(&House::read(&sources())));
}

#[test]
fn a_face_defines_nothing() {
    assert_none(&rules::faces_that_define(&House::read(&sources())));
}

#[test]
fn no_file_is_too_long() {
    assert_none(&rules::long_files(&sources()));
}

#[test]
fn numbers() {
    let sources = sources();
    let house = House::read(&sources);
    let mut lines: Vec<_> = sources.values().map(|text| text.lines().count()).collect();
    lines.sort_unstable();
    let walls = house.files.iter().flat_map(|file| file.tokens.windows(4));
    let pub_crate = walls.filter(|tokens| begins(tokens, &["pub", "(", "crate", ")"])).count();
    let rows = [
        ("files, those of tests included", sources.len()),
        ("files of the library", house.files.len()),
        ("lines of the median file", lines[lines.len() / 2]),
        ("lines of the longest file", lines[lines.len() - 1]),
        ("most lines allowed", MAX_LINES),
        ("imports from another file", house.arrows.len()),
        ("arrows that point up", rules::arrows_up(&house, PLAN).len()),
        ("imports through the root", rules::imports_through_root(&house).len()),
        ("knots of files that import each other in circles", rules::knots(&house).len()),
        ("files in such knots", rules::knots(&house).iter().map(BTreeSet::len).sum()),
        ("faces that define something", rules::faces_that_define(&house).len()),
        ("`pub(crate)`", pub_crate),
    ];
    for (what, number) in rows {
        println!("{number:>5}  {what}");
    }
}
