//! Reads the tables of states that modules draw, for the tests that hold them to the code.

use std::collections::BTreeSet;

/// The rows `From => To | To` among lines that begin with `prefix`, as pairs.
pub(crate) fn rows(text: &'static str, prefix: &str) -> BTreeSet<(&'static str, &'static str)> {
    let rows = text.lines().filter_map(|line| line.trim().strip_prefix(prefix)?.split_once("=>"));
    // The story of a row may say it again, as a list.
    let rows = rows.filter(|(from, _)| !from.contains('-'));
    rows.flat_map(|(from, to)| to.split('|').map(move |to| (from.trim(), to.trim()))).collect()
}
