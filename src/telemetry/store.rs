//! What operators see of a store that a fleet shares. A source reports it, from within a flight; outside of one there is
//! nobody to report it to.

use std::time::Duration;

use tracing::{Level, event};

use super::{
    flight_span::{CURRENT, FlightSpan},
    metrics,
    observer::{TARGET, seconds},
};
use crate::token::StoreState;

/// Reports that the attempt makes its token request later, or none.
pub(crate) fn defer_token_request() {
    within_flight(FlightSpan::defer_token_request);
}

/// Reports that the attempt makes its token request now.
pub(crate) fn count_token_request() {
    within_flight(FlightSpan::count_token_request);
}

/// Reports what became of an operation of the store.
pub(crate) fn record_store_operation(operation: &'static str, outcome: &'static str) {
    within_flight(|flight| {
        let labels = [("operation", operation), ("outcome", outcome)];
        let key_id = flight.observer.key_id();
        metrics::count("sinch_auth_store_operations_total", flight.observer.label(&key_id), labels);
    });
}

/// Reports how an attempt ended that looked into the store.
pub(crate) fn record_shared_attempt(outcome: &'static str) {
    within_flight(|flight| {
        let key_id = flight.observer.key_id();
        let key_id = flight.observer.label(&key_id);
        metrics::count("sinch_auth_shared_attempts_total", key_id, [("outcome", outcome)]);
    });
}

/// Reports under which name the token is in the store.
pub(crate) fn record_entry(name: &str) {
    within_flight(|flight| {
        let key_id = &*flight.observer.key_id();
        event!(target: TARGET, parent: &flight.span, Level::DEBUG, key_id, store.entry = name, "token shared");
    });
}

/// Reports whether the store answers; `changed` if it did not, or did, before.
pub(crate) fn record_store_available(changed: bool) {
    within_flight(|flight| {
        flight.observer.peer().store = Some(StoreState::Available);
        if changed {
            let key_id = &*flight.observer.key_id();
            event!(target: TARGET, parent: &flight.span, Level::INFO, key_id, "token store answers again");
        }
    });
}

/// Reports that `operation` of the store failed, and how long the store is left alone; `changed` if it answered before.
pub(crate) fn record_store_unavailable(operation: &'static str, error: &str, pause: Duration, changed: bool) {
    within_flight(|flight| {
        flight.observer.peer().store = Some(StoreState::Unavailable);
        if changed {
            let key_id = &*flight.observer.key_id();
            let error = format!("{error}; check the store and the way to it; the issuer is asked meanwhile");
            event!(
                target: TARGET, parent: &flight.span, Level::WARN,
                key_id, operation, error, retry_in_seconds = seconds(pause), "token store unavailable"
            );
        }
    });
}

fn within_flight(report: impl FnOnce(&FlightSpan)) {
    let _ = CURRENT.try_with(|flight| report(flight));
}
