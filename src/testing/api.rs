//! The API: it answers `200` to a live token, with what it saw of the request, and `401` to anything else.

use bytes::Bytes;
use http::{Response, StatusCode, header::HOST};
use serde::Serialize;

use super::{
    authorization::bearer,
    exchange::Exchange,
    reply::json,
    state::{State, now},
};

/// What the API says it saw.
#[derive(Serialize)]
struct Seen<'a> {
    method: &'a str,
    path: &'a str,
    /// The KEY ID whose token the request has, or the application key that signed it.
    client_id: Option<&'a str>,
    body_length: u64,
    /// `None` if the body is not text, or longer than the server keeps.
    body: Option<&'a str>,
}

pub(super) fn respond(exchange: &Exchange, state: &State) -> Response<Bytes> {
    let token = bearer(&exchange.head.headers);
    let is_live = token.is_some_and(|token| state.lock().tokens.is_live(token, now()));
    if is_live { seen(exchange) } else { unauthorized(exchange, state) }
}

/// Answers `401` in the shape of the challenge.
pub(super) fn unauthorized(exchange: &Exchange, state: &State) -> Response<Bytes> {
    let mut known = state.lock();
    known.tallies.count(exchange.key_id.as_deref(), |counts| counts.api_unauthorized += 1);
    known.challenge.response(&address(exchange))
}

pub(super) fn seen(exchange: &Exchange) -> Response<Bytes> {
    let seen = Seen {
        method: exchange.head.method.as_str(),
        path: exchange.head.uri.path_and_query().map_or("/", |path| path.as_str()),
        client_id: exchange.key_id.as_deref(),
        body_length: exchange.body_length,
        body: exchange.body().and_then(|body| std::str::from_utf8(body).ok()),
    };
    json(StatusCode::OK, &seen)
}

/// Returns the address that the client asked for.
fn address(exchange: &Exchange) -> String {
    let uri = &exchange.head.uri;
    let host = exchange.head.headers.get(HOST).and_then(|host| host.to_str().ok());
    match host {
        Some(host) if uri.authority().is_none() => format!("http://{host}{uri}"),
        _ => uri.to_string(),
    }
}
