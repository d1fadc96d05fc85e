//! The APIs that take signed requests: they answer `200` to a good signature, with what they saw of the request, and
//! `401` with an `errorCode` to anything else.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

use super::{
    api::seen,
    exchange::Exchange,
    reply::json,
    signature::{Refusal, check},
    state::State,
};
use crate::schedule::Clock;

/// The body of a `401`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    error_code: u32,
    message: &'static str,
}

pub(super) fn respond(exchange: &Exchange, state: &State) -> Response<Bytes> {
    let checked = check(exchange, &state.lock().applications, Clock::SYSTEM.now().wall);
    match checked {
        Ok(()) => seen(exchange),
        Err(refusal) => refused(exchange, state, refusal),
    }
}

/// Answers as to a request without a signature.
pub(super) fn unauthorized(exchange: &Exchange, state: &State) -> Response<Bytes> {
    refused(exchange, state, Refusal::Authorization)
}

/// Sinch's codes for a `401` are 40100 to 40107, of which 40101 is the timestamp's and 40102 the signature's.
fn refused(exchange: &Exchange, state: &State, refusal: Refusal) -> Response<Bytes> {
    let (error_code, message) = match refusal {
        Refusal::Authorization => (40100, "Illegal authorization header"),
        Refusal::Timestamp => (40101, "Invalid timestamp"),
        Refusal::Signature => (40102, "Invalid signature"),
        Refusal::Application => (40107, "Invalid authorization key"),
    };
    let mut known = state.lock();
    known.tallies.count(exchange.key_id.as_deref(), |counts| counts.api_unauthorized += 1);
    json(StatusCode::UNAUTHORIZED, &Refused { error_code, message })
}
