//! The table in the docs and the code say the same, both ways.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use metrics::Unit;

use super::{
    Observed,
    log::Record,
    scenario::{everything, refresh_in_background, until_nearly_expired, warm},
};
use crate::support::ScriptedSource;

const DOCS: &str = include_str!("../../../src/docs/observability.rs");

type Names = BTreeSet<String>;
/// The columns of a row, as they are written.
type Row = Vec<String>;

/// The rows of the first table below `heading`.
#[track_caller]
fn rows(heading: &str) -> Vec<Row> {
    let lines = DOCS.lines().map(|line| line.trim_start_matches("//!").trim());
    let below = lines.skip_while(|line| *line != heading).skip_while(|line| !line.starts_with('|'));
    let rows = below.take_while(|line| line.starts_with('|')).skip(2);
    let rows: Vec<Row> =
        rows.map(|row| row.trim_matches('|').split('|').map(|c| c.trim().into()).collect()).collect();
    assert!(!rows.is_empty(), "no table below {heading}");
    rows
}

/// What stands in backquotes.
fn quoted(column: &str) -> Names {
    column.split('`').skip(1).step_by(2).map(String::from).collect()
}

/// Whether a row says what can happen here: there is no fleet without a library to seal with.
fn can_happen(name: &str) -> bool {
    cfg!(feature = "__client") || !["shared", "store"].iter().any(|word| name.contains(word))
}

#[track_caller]
fn only(column: &str) -> String {
    let mut quoted = quoted(column);
    assert_eq!(quoted.len(), 1, "{column}");
    quoted.pop_first().unwrap()
}

/// Level names and fields of each event that was seen.
fn by_name(events: Vec<Record>) -> BTreeMap<String, (Names, Names)> {
    let mut seen: BTreeMap<String, (Names, Names)> = BTreeMap::new();
    for event in events {
        let (levels, fields) = seen.entry(event.name).or_default();
        levels.insert(event.level.to_string());
        fields.extend(event.declared);
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn every_span_field_is_in_the_table_and_the_other_way_round() {
    let observed = Observed::start();
    everything().await;
    let documented: Names = rows("# Span").iter().map(|row| only(&row[0])).collect();
    assert!(DOCS.contains("`token_flight`, at `INFO`"));
    for flight in observed.log.flights() {
        assert_eq!((flight.name.as_str(), flight.level.as_str()), ("token_flight", "INFO"));
        assert_eq!(flight.declared, documented);
    }
}

#[tokio::test(start_paused = true)]
async fn events_and_their_table_agree_on_levels_and_fields() {
    let observed = Observed::start();
    everything().await;
    let mut documented: BTreeMap<_, _> =
        rows("# Events").iter().map(|row| (only(&row[0]), (quoted(&row[1]), quoted(&row[2])))).collect();
    documented.retain(|name, _| can_happen(name));
    assert_eq!(by_name(observed.log.events()), documented);
}

#[test]
fn every_field_of_an_event_is_explained_and_no_other() {
    let used: Names = rows("# Events").iter().flat_map(|row| quoted(&row[2])).collect();
    let names = |heading| rows(heading).iter().map(|row| only(&row[0])).collect::<Names>();
    let (span, events) = (names("# Span"), names("# Fields of events"));
    assert_eq!(used.difference(&(&span | &events)).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(events.difference(&used).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn metrics_and_their_table_agree_on_types_and_labels() {
    let observed = Observed::start();
    everything().await;
    let mut documented: BTreeMap<_, _> =
        rows("# Metrics").iter().map(|row| (only(&row[0]), (row[1].clone(), quoted(&row[2])))).collect();
    documented.retain(|name, _| can_happen(name));
    let seen: BTreeMap<String, (String, Names)> = observed
        .meters
        .all()
        .into_keys()
        .map(|id| (id.name, (id.kind.to_owned(), id.labels.into_keys().collect())))
        .collect();
    assert_eq!(seen, documented);
}

#[tokio::test(start_paused = true)]
async fn a_scrape_says_of_each_metric_what_the_table_says() {
    let observed = Observed::start();
    warm(&ScriptedSource::new()).await;
    let documented: BTreeMap<_, _> = rows("# Metrics")
        .iter()
        .map(|row| {
            let unit = if row[0].ends_with("_seconds`") { Unit::Seconds } else { Unit::Count };
            (only(&row[0]), (row[1].clone(), Some(unit), row[3].replace('`', "")))
        })
        .collect();
    let described = observed.meters.described();
    let described: BTreeMap<_, _> = described
        .into_iter()
        .map(|(name, (kind, unit, help))| (name, (kind.to_owned(), unit, help)))
        .collect();
    assert_eq!(described, documented);
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_comes_late_is_told_with_the_next_token_request() {
    let source = ScriptedSource::new();
    let tokens = warm(&source).await;
    let observed = Observed::start();
    assert_eq!(observed.meters.described().len(), 0);
    until_nearly_expired().await;
    refresh_in_background(&tokens).await;
    assert_eq!(observed.meters.described().len(), rows("# Metrics").len());
}

#[test]
fn every_row_has_all_its_columns() {
    for (heading, columns) in [("# Span", 3), ("# Events", 5), ("# Fields of events", 3), ("# Metrics", 5)] {
        for row in rows(heading) {
            let filled = row.iter().filter(|column| !column.is_empty()).count();
            assert_eq!((row.len(), filled), (columns, columns), "{row:?}");
        }
    }
}

#[test]
fn only_the_module_of_the_table_records_anything() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_ours = path.iter().any(|part| part == "telemetry");
            if path.is_dir() {
                folders.push(path);
            } else if !is_ours {
                let source = fs::read_to_string(&path).unwrap();
                let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
                let records = code.filter(|line| line.contains("tracing::") || line.contains("metrics::"));
                assert_eq!(records.collect::<Vec<_>>(), [""; 0], "{}", path.display());
            }
        }
    }
}
