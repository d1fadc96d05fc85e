//! What operators see: the wording and the fields of every span, event and metric.
//!
//! The table for readers is [`docs::observability`](crate::docs::observability); a test compares the two. Nothing here
//! runs while a token is fresh and answers are no `401`s, and nothing under the refresher's lock: subscribers and
//! recorders are code of others.

mod flight_span;
mod metrics;
mod observer;

pub(crate) use self::{
    flight_span::{FlightSpan, record_endpoint, record_key_id},
    observer::Observer,
};
