//! The rules of the house: each finds what breaks it, and says what to do.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    house::{Arrow, File, House},
    lexer::{attributes, begins, item},
};

/// No file is longer.
pub(super) const MAX_LINES: usize = 350;

/// The floors from the roof down, and the walls: see [`super::FLOORS`] and [`super::WALLS`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'p> {
    pub(super) floors: &'p [(&'p str, &'p str)],
    pub(super) walls: &'p [(&'p str, &'p str)],
}

impl Plan<'_> {
    fn floor(&self, wing: &str) -> Option<usize> {
        self.floors.iter().position(|(wings, _)| wings.split(" | ").any(|name| name == wing))
    }

    fn allows(&self, from: &str, to: &str) -> bool {
        let is_down = self.floor(from) < self.floor(to);
        from == to || is_down && !self.walls.contains(&(from, to))
    }
}

/// An import from a wing that does not stand below.
pub(super) fn arrows_up(house: &House<'_>, plan: Plan<'_>) -> Vec<String> {
    let describe = |arrow: &Arrow| {
        let (from, to) = (house.files[arrow.from].wing(), house.files[arrow.to].wing());
        (!plan.allows(from, to)).then(|| {
            let place = place(house, arrow);
            format!(
                "{place}, but {from}/ imports only from what stands below it, and {to}/ does not. Move what both \
                 need into a wing below, or have the caller pass it in."
            )
        })
    };
    house.arrows.iter().filter_map(describe).collect()
}

/// An import of a name that the crate's root re-exports.
pub(super) fn imports_through_root(house: &House<'_>) -> Vec<String> {
    let through_root = house.arrows.iter().filter(|arrow| arrow.is_through_root);
    let describe = |arrow: &Arrow| {
        let owner = house.files[arrow.to].wing();
        format!(
            "{} through the crate's root. Import it from its owner, `crate::{owner}`.",
            place(house, arrow)
        )
    };
    through_root.map(describe).collect()
}

/// Files that import each other in circles: each knot of them once, with all that ties it.
pub(super) fn circles(house: &House<'_>) -> Vec<String> {
    knots(house).into_iter().map(|knot| describe_knot(house, &knot)).collect()
}

/// The sets of files of which each is reached from each other.
pub(super) fn knots(house: &House<'_>) -> BTreeSet<BTreeSet<usize>> {
    let reached: Vec<_> = (0..house.files.len()).map(|file| reached(house, file)).collect();
    let knot =
        |file: usize| reached[file].iter().copied().filter(|other| reached[*other].contains(&file)).collect();
    (0..house.files.len()).map(knot).filter(|knot: &BTreeSet<_>| !knot.is_empty()).collect()
}

/// A face that defines something.
pub(super) fn faces_that_define(house: &House<'_>) -> Vec<String> {
    let faces = house.files.iter().filter(|file| file.is_face());
    faces.filter_map(first_definition).collect()
}

/// A wing without a floor, and a floor without its wing.
pub(super) fn unplanned(house: &House<'_>, plan: Plan<'_>) -> Vec<String> {
    let wings: BTreeSet<_> = house.files.iter().map(File::wing).collect();
    let strangers = wings.iter().filter(|wing| plan.floor(wing).is_none());
    let strangers = strangers.map(|wing| format!("{wing} has no floor: give it one in FLOORS."));
    let planned = plan.floors.iter().flat_map(|(wings, _)| wings.split(" | "));
    let missing = planned.filter(|wing| !wings.contains(wing));
    let missing =
        missing.map(|wing| format!("{wing} has a floor, but there is no such wing: take it from FLOORS."));
    strangers.chain(missing).collect()
}

/// A file that is too long, tests included.
pub(super) fn long_files(sources: &BTreeMap<String, String>) -> Vec<String> {
    let lines = sources.iter().map(|(path, text)| (path, text.lines().count()));
    let long = lines.filter(|(_, lines)| *lines > MAX_LINES);
    long.map(|(path, lines)| {
        format!("{path} has {lines} lines, over {MAX_LINES}: split it by what it decides.")
    })
    .collect()
}

/// Where an import stands, and what it imports.
fn place(house: &House<'_>, arrow: &Arrow) -> String {
    let (from, to) = (&house.files[arrow.from].path, &house.files[arrow.to].path);
    format!("{from}:{} imports `{}` of {to}", arrow.line, arrow.path)
}

/// The files that `file` imports, directly or not.
fn reached(house: &House<'_>, file: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        let imported = house.arrows.iter().filter(|arrow| arrow.from == file).map(|arrow| arrow.to);
        open.extend(imported.filter(|to| reached.insert(*to)));
    }
    reached
}

fn describe_knot(house: &House<'_>, knot: &BTreeSet<usize>) -> String {
    let inside = house.arrows.iter().filter(|arrow| knot.contains(&arrow.from) && knot.contains(&arrow.to));
    let mut seen = BTreeSet::new();
    let ties: Vec<_> = inside
        .filter(|arrow| seen.insert((arrow.from, arrow.to)))
        .map(|arrow| format!("  {}", place(house, arrow)))
        .collect();
    format!(
        "These {} files import each other in a circle. Move what ties them into a file of its own:\n{}",
        knot.len(),
        ties.join("\n")
    )
}

fn first_definition(file: &File<'_>) -> Option<String> {
    let mut rest = &file.tokens[..];
    while !rest.is_empty() {
        rest = &rest[attributes(rest)..];
        let length = item(rest).max(1);
        let (item, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        let Some(first) = item.first() else { break };
        let is_public = first.text == "pub";
        let bare = match item {
            [_, rest @ ..] if is_public && begins(rest, &["("]) => {
                rest.iter().position(|token| token.text == ")").map_or(rest, |end| &rest[end + 1..])
            }
            [_, rest @ ..] if is_public => rest,
            _ => item,
        };
        let is_module = begins(bare, &["mod"]) && bare.get(2).is_some_and(|token| token.text == ";");
        let is_re_export = is_public && begins(bare, &["use"]);
        if !is_module && !is_re_export {
            let words: Vec<_> = item.iter().take(4).map(|token| token.text).collect();
            return Some(format!(
                "{}:{} is a face, for docs, modules and re-exports, but has `{} …`: give it a file of its own.",
                file.path,
                first.line,
                words.join(" ")
            ));
        }
    }
    None
}
