//! Each rule finds what breaks it, in houses that were built for that.

use std::collections::BTreeMap;

use super::{
    house::House,
    rules::{self, Plan},
};

const PLAN: Plan<'_> = Plan {
    floors: &[("lib", ""), ("roof | tower", ""), ("hall", ""), ("cellar | well", "")],
    walls: &[("hall", "well")],
};
/// Nothing is wrong with it.
const SOUND: [(&str, &str); 7] = [
    (
        "src/lib.rs",
        "//! Docs.\n#![attribute]\nmod cellar; mod hall; mod roof; pub mod tower; mod well; pub use self::hall::Hall;",
    ),
    (
        "src/roof.rs",
        "use crate::{cellar::Cellar, hall::{Door, Hall}}; use tower::Service; fn f(_: crate::hall::Hall) {}",
    ),
    ("src/tower.rs", "//! [`crate::roof::Roof`]\nuse crate::well::Well;"),
    (
        "src/hall/mod.rs",
        "mod door; mod hall; pub(crate) use self::door::Door; pub use self::hall::Hall; #[cfg(test)] mod tests;",
    ),
    ("src/hall/door.rs", "pub struct Door; mod sealed { impl S for super::Door {} }"),
    (
        "src/hall/hall.rs",
        "use super::door::Door; use crate::{cellar, hall}; fn f() -> cellar::Cellar {} fn g() -> hall::Door {} #[cfg(test)] mod t { use crate::roof::Roof; }",
    ),
    ("src/cellar.rs", "pub struct Cellar; const TEXT: &str = \"crate::roof::Roof\";"),
];

/// The sound house, but for these files.
fn with(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let files = SOUND.iter().chain(&[("src/well.rs", "")]).chain(changes);
    files.map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// What a rule finds in the sound house with these files changed.
#[track_caller]
fn found(changes: &[(&str, &str)], rule: impl Fn(&House<'_>) -> Vec<String>) -> Vec<String> {
    rule(&House::read(&with(changes)))
}

/// Asserts that a rule finds one thing, and says all of `texts` about it.
#[track_caller]
fn assert_found(changes: &[(&str, &str)], rule: impl Fn(&House<'_>) -> Vec<String>, texts: &[&str]) {
    let found = found(changes, rule);
    assert_eq!(found.len(), 1, "{found:#?}");
    for text in texts {
        assert!(found[0].contains(text), "`{text}` is not in: {}", found[0]);
    }
}

fn arrows_up(house: &House<'_>) -> Vec<String> {
    rules::arrows_up(house, PLAN)
}

fn unplanned(house: &House<'_>) -> Vec<String> {
    rules::unplanned(house, PLAN)
}

#[test]
fn nothing_is_found_in_a_sound_house() {
    for rule in [arrows_up, unplanned, rules::circles, rules::imports_through_root, rules::faces_that_define]
    {
        assert_eq!(found(&[], rule), Vec::<String>::new());
    }
}

#[test]
fn an_arrow_that_points_up_is_found() {
    let grouped = [("src/cellar.rs", "\nuse crate::{\n    hall::Hall,\n};")];
    assert_found(&grouped, arrows_up, &["src/cellar.rs:3", "`crate::hall::Hall` of src/hall/hall.rs"]);
    for text in [
        "fn f(_: crate::hall::Hall) {}",
        "use super::hall::Hall;",
        "use crate::hall::*;",
        "use super::hall as h;",
        "pub use crate::hall::Door;",
        "mod a { use super::super::hall::Hall; }",
    ] {
        assert_found(&[("src/cellar.rs", text)], arrows_up, &["src/cellar.rs:1", "cellar/", "hall/"]);
    }
}

#[test]
fn an_arrow_to_a_sibling_or_through_a_wall_is_found() {
    assert_found(&[("src/roof.rs", "use crate::tower::Tower;")], arrows_up, &["roof/", "tower/"]);
    assert_found(&[("src/hall/door.rs", "use crate::well::Well;")], arrows_up, &["hall/", "well/"]);
}

#[test]
fn an_arrow_to_the_root_is_found_by_whatever_name() {
    assert_found(&[("src/roof.rs", "use crate::VERSION;")], arrows_up, &["roof/", "lib/"]);
    assert_found(&[("src/hall/door.rs", "use crate as all;")], arrows_up, &["hall/", "lib/"]);
}

#[test]
fn an_import_through_the_root_is_found() {
    let grouped = [("src/roof.rs", "use crate::{\n    cellar::Cellar,\n    Hall,\n};")];
    assert_found(&grouped, rules::imports_through_root, &["src/roof.rs:3", "`crate::Hall`", "`crate::hall`"]);
    for text in
        ["fn f() { crate::Hall::new() }", "use super::Hall;", "mod a { use super::super::Hall as H; }"]
    {
        assert_found(&[("src/roof.rs", text)], rules::imports_through_root, &["src/roof.rs:1", "Hall"]);
    }
}

#[test]
fn a_circle_of_two_files_is_found() {
    let door = [("src/hall/door.rs", "\nuse super::hall::Hall;")];
    let texts =
        ["src/hall/door.rs:2 imports `super::hall::Hall`", "src/hall/hall.rs:1 imports `super::door::Door`"];
    assert_found(&door, rules::circles, &texts);
}

#[test]
fn a_circle_through_a_face_or_a_module_is_found() {
    for text in [
        "use crate::hall::Hall;",
        "use super::Hall;",
        "use super::hall; fn f() -> hall::Hall {}",
        "use crate::hall; fn f() -> hall::Hall {}",
        "fn f(_: super::Hall) {}",
        "mod a { use crate::hall::{self as b}; fn f(_: b::Hall) {} }",
    ] {
        assert_found(&[("src/hall/door.rs", text)], rules::circles, &["door.rs:1", "hall.rs:1"]);
    }
}

#[test]
fn a_circle_of_three_files_is_found_once() {
    let three = [
        ("src/hall/mod.rs", "mod door; mod hall; mod floor;"),
        ("src/hall/floor.rs", "use super::hall::Hall;"),
        ("src/hall/door.rs", "use super::floor::Floor;"),
    ];
    assert_found(&three, rules::circles, &["door.rs:1", "floor.rs:1", "hall.rs:1"]);
}

#[test]
fn a_face_that_defines_something_is_found() {
    for text in [
        "mod door; mod hall;\n\npub struct Name;",
        "mod door; mod hall;\n\nmod inline { pub fn f() {} }",
        "mod door; mod hall;\n\nuse self::hall::Hall;",
        "mod door; mod hall;\n\n#[inline] pub(crate) fn f() {}",
        "mod door; mod hall;\n\nimpl A for B {}",
    ] {
        assert_found(&[("src/hall/mod.rs", text)], rules::faces_that_define, &["src/hall/mod.rs:3"]);
    }
    let root = [("src/lib.rs", "mod cellar;\nconst A: u8 = 1;")];
    assert_found(&root, rules::faces_that_define, &["src/lib.rs:2", "const A"]);
}

#[test]
fn a_wing_without_a_floor_is_found_and_a_floor_without_a_wing() {
    let shed = [
        ("src/lib.rs", "mod cellar; mod hall; mod roof; mod tower; mod well; mod shed;"),
        ("src/shed.rs", ""),
    ];
    assert_found(&shed, unplanned, &["shed has no floor"]);
    let fewer = [("src/lib.rs", "mod cellar; mod hall; mod roof; mod tower;")];
    assert_found(&fewer, unplanned, &["well has a floor"]);
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let longest = "\n".repeat(rules::MAX_LINES);
    assert_eq!(rules::long_files(&with(&[("src/well.rs", &longest)])), Vec::<String>::new());
    let found = rules::long_files(&with(&[("src/well.rs", &(longest + "\n"))]));
    assert_eq!(found, ["src/well.rs has 351 lines, over 350: split it by what it decides."]);
}
