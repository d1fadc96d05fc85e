//! What a scrape says of each metric: a help text and a unit.

use metrics::Unit;

/// The metrics of the page [`observability`](crate::docs::observability), and what its table says of each.
const DESCRIBED: [(&str, Kind, &str); 13] = [
    ("sinch_auth_token_requests_total", Kind::Counter, "token requests, each attempt"),
    ("sinch_auth_token_request_duration_seconds", Kind::Histogram, "seconds that one took"),
    (
        "sinch_auth_token_waits_total",
        Kind::Counter,
        "waits for a token: of calls without a usable one, and of calls to an API that rejected the one in use; counted \
         when the wait is over",
    ),
    ("sinch_auth_token_wait_duration_seconds", Kind::Histogram, "seconds that they waited"),
    ("sinch_auth_unauthorized_total", Kind::Counter, "401s to our token"),
    ("sinch_auth_retries_total", Kind::Counter, "what became of the calls that met them"),
    ("sinch_auth_store_operations_total", Kind::Counter, "operations of a store"),
    ("sinch_auth_shared_attempts_total", Kind::Counter, "attempts that looked into a store"),
    ("sinch_auth_untouched_requests_total", Kind::Counter, "requests sent as they came"),
    (
        "sinch_auth_audience_refusals_total",
        Kind::Counter,
        "requests refused, because their host is outside of the audience",
    ),
    (
        "sinch_auth_token_expiry_timestamp_seconds",
        Kind::Gauge,
        "when the token expires, seconds since 1970; +Inf if never, or if there is none any more",
    ),
    ("sinch_auth_token_generation", Kind::Gauge, "the number of the token"),
    (
        "sinch_auth_backoff_timestamp_seconds",
        Kind::Gauge,
        "until when none is asked for, seconds since 1970; past or 0: it may be",
    ),
];

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Describes all of them to the recorder that is installed now.
///
/// A recorder may be installed at any time, and a thread may have one of its own. So this belongs where a recorder is about
/// to be told something, rather than where a process starts: a recorder that is told twice keeps one description.
pub(super) fn describe() {
    for (name, kind, help) in DESCRIBED {
        let unit = if name.ends_with("_seconds") { Unit::Seconds } else { Unit::Count };
        match kind {
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Histogram => metrics::describe_histogram!(name, unit, help),
        }
    }
}
