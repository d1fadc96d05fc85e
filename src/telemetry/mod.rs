//! What operators see: the wording and the fields of every span, event and metric.
//!
//! The table for readers is [`docs::observability`](crate::docs::observability); a test compares the two. Nothing here
//! runs while a token is fresh and answers are no `401`s, and nothing under the refresher's lock: subscribers and
//! recorders are code of others.

#[cfg(feature = "metrics")]
mod described;
mod flight_span;
mod gauges;
mod metrics;
mod observer;
#[cfg(feature = "__client")]
mod store;

#[cfg(feature = "__client")]
pub(crate) use self::store::{
    count_token_request, defer_token_request, record_entry, record_shared_attempt, record_store_available,
    record_store_operation, record_store_unavailable,
};
pub(crate) use self::{
    flight_span::{Attempt, FlightSpan, record_endpoint, record_key_id},
    observer::Observer,
};
