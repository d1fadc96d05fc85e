//! The rules for Prometheus that the package has, and the page that explains them, say the same.

use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../src/docs/prometheus.rs");
const TABLE: &str = include_str!("../../../src/docs/observability.rs");
const RULES: &str = include_str!("../../../examples/prometheus/rules.yml");
const TESTS: &str = include_str!("../../../examples/prometheus/rules_test.yml");

/// A rule, whichever text it is from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rule {
    expression: String,
    severity: String,
    after: String,
}

fn page() -> String {
    let lines = PAGE.lines().map(|line| line.strip_prefix("//!").unwrap_or(line));
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

/// The rules of the file, recorded ones without a severity. The file has each key on a line of its own.
fn rules_of_the_file() -> BTreeMap<String, Rule> {
    let mut rules = BTreeMap::new();
    for text in RULES.split("\n      - ").skip(1) {
        let (kind_and_name, rest) = text.split_once('\n').unwrap();
        let (_, name) = kind_and_name.split_once(": ").unwrap();
        let lines = rest.lines().skip_while(|line| line.trim() != "expr: |").skip(1);
        let expression = lines.take_while(|line| line.starts_with("          "));
        let expression = expression.map(|line| format!("{}\n", &line[10..])).collect();
        let value = |key: &str| {
            let line = rest.lines().find_map(|line| line.trim().strip_prefix(key));
            line.unwrap_or_default().trim().to_owned()
        };
        rules
            .insert(name.to_owned(), Rule { expression, severity: value("severity:"), after: value("for:") });
    }
    rules
}

fn rules_of_the_page() -> BTreeMap<String, Rule> {
    let page = page();
    let mut rules = BTreeMap::new();
    let (_, recorded) = page.split_once("\n# Recorded\n").unwrap();
    let recorded = recorded.split("```").nth(1).unwrap().strip_prefix("promql\n").unwrap();
    for text in recorded.split("# ").skip(1) {
        let (name, expression) = text.split_once('\n').unwrap();
        let expression = format!("{}\n", expression.trim_end());
        rules.insert(name.to_owned(), Rule { expression, ..Rule::default() });
    }
    for text in page.split("\n## ").skip(1) {
        let (name, rest) = text.split_once('\n').unwrap();
        let name = name.trim_matches('`');
        let quoted: Vec<_> = rest.split('`').collect();
        let after = if quoted[2].starts_with(", for ") { quoted[3] } else { "" };
        let expression = rest.split("```").nth(1).unwrap().strip_prefix("promql\n").unwrap().to_owned();
        rules.insert(name.to_owned(), Rule { expression, severity: quoted[1].into(), after: after.into() });
    }
    rules
}

fn alerts(rules: &BTreeMap<String, Rule>) -> BTreeSet<&str> {
    rules.iter().filter(|(_, rule)| !rule.severity.is_empty()).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn the_page_has_the_rules_of_the_file_and_the_other_way_round() {
    let (page, file) = (rules_of_the_page(), rules_of_the_file());
    assert_eq!(page.keys().collect::<Vec<_>>(), file.keys().collect::<Vec<_>>());
    for (name, rule) in file {
        assert_eq!(page[&name], rule, "{name}");
    }
}

#[test]
fn each_row_of_the_metrics_names_its_alerts_and_each_alert_has_a_row() {
    let file = rules_of_the_file();
    let rows = TABLE.lines().filter(|line| line.starts_with("//! | `sinch_auth_"));
    let rows: Vec<BTreeSet<&str>> =
        rows.map(|row| row.split('`').filter(|word| word.starts_with("SinchAuth")).collect()).collect();
    assert_eq!(rows.len(), 13);
    assert!(rows.iter().all(|row| !row.is_empty()));
    assert_eq!(rows.into_iter().flatten().collect::<BTreeSet<_>>(), alerts(&file));
}

#[test]
fn each_alert_says_what_to_do_and_where_to_read_on() {
    for text in RULES.split("\n      - alert: ").skip(1) {
        let name = text.lines().next().unwrap();
        for part in [" severity: ", " summary: '", " description: >-", "docs/prometheus/index.html#"] {
            assert!(text.contains(part), "{name} has no{part}");
        }
        assert!(text.trim_end().ends_with(&format!("#{}", name.to_lowercase())), "{name}");
        assert!(
            [" page", " ticket"].iter().any(|word| text.contains(&format!("severity:{word}\n"))),
            "{name}"
        );
    }
}

#[test]
fn each_alert_has_a_test_in_which_it_fires() {
    for alert in alerts(&rules_of_the_file()) {
        let fires = [format!("alertname=\"{alert}\""), format!("alertname: {alert}\n        exp_alerts")];
        assert!(fires.iter().any(|fires| TESTS.contains(fires)), "{alert}");
    }
}
