//! Prints the [`Report`].

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use crate::{
    rules::{Broken, Rule},
    run::Report,
};

pub(crate) fn print(report: &Report) {
    let Report { options, course, tally, tokens, seen_at_once, footprints, broken } = report;
    println!("\nsoak: {:?} at up to {} calls/s, seed {}\n", options.length, options.rate, options.seed);
    row("calls", tally.calls);
    rows("ended as", &tally.outcomes);
    row("sendings", tally.answers.values().sum::<u64>());
    rows("answered with", &tally.answers);
    row("retries", format!("{}, of which {} healed", tally.retries, tally.healed));
    rows("401 explained by", &tally.explanations);
    let shares = tally.fair.map(|fair| format!("{:.2} % of {}", fair.share(), fair.calls)).join(", ");
    row("401s of APIs that took the token", shares);
    row("token requests", format!("{}, {} tokens issued", tokens.requests, tokens.issued));
    rows("answered with", &tokens.answers);
    row("token requests at once, at most", format!("{} (the endpoint saw {seen_at_once})", tokens.at_once));
    row("revocations", tokens.revocations);
    row("key rotations", course.rotations);
    row("phases", course.phases);
    row("  scenes", list(&course.scenes));
    row("  of the token endpoint", list(&course.endpoint));
    row("  of the API", list(&course.api));
    let untouched = tally.untouched();
    let percentiles = [untouched.p50, untouched.p99, untouched.p999].map(millis).join(" / ");
    row("untouched calls", format!("{}, p50 / p99 / p99.9 {percentiles} ms", untouched.calls));
    for (when, footprint) in footprints {
        row(&format!("tasks and heap, {when}"), footprint);
    }
    row("violations", broken.values().map(|broken| broken.count).sum::<u64>());
    for (rule, broken) in broken {
        violation(*rule, broken);
    }
}

pub(crate) fn violation(rule: Rule, broken: &Broken) {
    let Broken { count, first, examples } = broken;
    println!("\nBROKEN {count} times, first after {:.1} s: {}", first.as_secs_f64(), rule.text());
    for example in examples {
        println!("  {example}");
    }
}

fn rows(name: &str, counts: &BTreeMap<&'static str, u64>) {
    for (what, count) in counts {
        row(&format!("  {name} {what}"), count);
    }
}

fn list(counts: &BTreeMap<String, u64>) -> String {
    let each: Vec<_> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    each.join(", ")
}

pub(crate) fn row(name: &str, value: impl Display) {
    println!("{name:40} {value}");
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1_000.0)
}
