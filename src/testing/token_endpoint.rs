//! The token endpoint: it answers as the rate limit in front of it and Ory Hydra do (RFC 6749 §4.4, §5).

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE},
};
use serde::Serialize;

use super::{
    authorization::BasicPair,
    exchange::Exchange,
    reply::{empty, json, throttled, with_header},
    state::{Known, State},
};
use crate::schedule::Clock;

const FORM: &[u8] = b"application/x-www-form-urlencoded";
const GRANT: &[u8] = b"grant_type=client_credentials";

/// The token response of RFC 6749 §5.1.
#[derive(Serialize)]
struct Issued {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    scope: &'static str,
}

/// The error response of RFC 6749 §5.2, with all that Hydra adds to it.
#[derive(Serialize)]
struct Refused {
    error: &'static str,
    error_verbose: &'static str,
    error_description: &'static str,
    error_hint: &'static str,
    status_code: u16,
}

pub(super) fn respond(exchange: &Exchange, state: &State) -> Response<Bytes> {
    let mut known = state.lock();
    if !known.bucket.take(Clock::SYSTEM.now()) {
        known.tallies.count(exchange.key_id.as_deref(), |counts| counts.token_requests_throttled += 1);
        return throttled();
    }
    if exchange.head.method != Method::POST {
        return with_header(empty(StatusCode::METHOD_NOT_ALLOWED), ALLOW, "POST");
    }
    let response = if asks_for_a_token(exchange) {
        let pair = BasicPair::of(&exchange.head.headers);
        let key_id = pair.and_then(|pair| known.keys.find(&pair).map(|key| key.key_id().to_owned()));
        key_id.map_or_else(invalid_client, |key_id| issued(&mut known, &key_id))
    } else {
        invalid_request()
    };
    with_header(response, CACHE_CONTROL, "no-store")
}

fn issued(known: &mut Known, key_id: &str) -> Response<Bytes> {
    let issued = Issued {
        access_token: known.issue(key_id),
        token_type: "bearer",
        expires_in: known.lifetime.as_secs(),
        scope: "",
    };
    json(StatusCode::OK, &issued)
}

/// Answers a wrong key.
pub(super) fn invalid_client() -> Response<Bytes> {
    const DESCRIPTION: &str = "Client authentication failed (e.g., unknown client, no client authentication \
                               included, or unsupported authentication method).";
    refused(&Refused {
        error: "invalid_client",
        error_verbose: DESCRIPTION,
        error_description: DESCRIPTION,
        error_hint: "The requested OAuth 2.0 Client does not exist.",
        status_code: 401,
    })
}

fn invalid_request() -> Response<Bytes> {
    const DESCRIPTION: &str = "The request is missing a required parameter, includes an invalid parameter value, \
                               includes a parameter more than once, or is otherwise malformed.";
    refused(&Refused {
        error: "invalid_request",
        error_verbose: DESCRIPTION,
        error_description: DESCRIPTION,
        error_hint: "Send the form field grant_type=client_credentials, and nothing else.",
        status_code: 400,
    })
}

fn refused(refused: &Refused) -> Response<Bytes> {
    let status = StatusCode::from_u16(refused.status_code).unwrap_or(StatusCode::BAD_REQUEST);
    json(status, refused)
}

/// Whether the request has the form that Sinch's SDKs send, and nothing else.
fn asks_for_a_token(exchange: &Exchange) -> bool {
    let is_form = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(FORM);
    let content_type = exchange.head.headers.get(CONTENT_TYPE);
    content_type.is_some_and(is_form) && exchange.body() == Some(GRANT)
}
