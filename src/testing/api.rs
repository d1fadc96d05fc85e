//! The API: `200` to a live token, and what it saw of the request; `401` to anything else.

use bytes::Bytes;
use http::{
    HeaderMap, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use serde::Serialize;

use super::{
    script::{empty, with},
    server::Arrived,
    state::State,
};

/// What the API says it saw.
#[derive(Serialize)]
struct Seen<'a> {
    method: &'a str,
    path: &'a str,
    body_length: u64,
    /// Absent if it is longer than what is kept, or not text.
    body: Option<&'a str>,
}

pub(super) fn respond(request: &Arrived, state: &State) -> Response<Bytes> {
    let live = bearer(request.headers()).is_some_and(|token| state.lock().is_live(token));
    if live { seen(request) } else { unauthorized(request, state) }
}

/// The `401` of the challenge that is set.
pub(super) fn unauthorized(request: &Arrived, state: &State) -> Response<Bytes> {
    let mut known = state.lock();
    known.counts.api_unauthorized += 1;
    known.challenge.response(&address(request))
}

fn seen(request: &Arrived) -> Response<Bytes> {
    let upload = request.body();
    let complete = upload.kept.len() as u64 == upload.length;
    let seen = Seen {
        method: request.method().as_str(),
        path: request.uri().path_and_query().map_or("/", |path| path.as_str()),
        body_length: upload.length,
        body: std::str::from_utf8(&upload.kept).ok().filter(|_| complete),
    };
    json(StatusCode::OK, &seen)
}

/// The one bearer token (RFC 6750 §2.1). Two headers are none: a retry must replace, not add.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("Bearer")).then_some(token)
}

/// What the client asked for: its `Host` and the path.
fn address(request: &Arrived) -> String {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    match host {
        Some(host) if request.uri().authority().is_none() => format!("http://{host}{}", request.uri()),
        _ => request.uri().to_string(),
    }
}

/// `body` as JSON.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    let Ok(body) = serde_json::to_vec(body) else {
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    with(empty(status), CONTENT_TYPE, "application/json").map(|_| body.into())
}
