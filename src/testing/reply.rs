//! Builds responses, for both endpoints and for scripts.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;

/// Builds an empty response.
pub(super) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// Builds a response whose body is `body` as JSON.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    let Ok(body) = serde_json::to_vec(body) else {
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    with_header(empty(status), CONTENT_TYPE, "application/json").map(|_| body.into())
}

/// Builds the `429` of the rate limit in front of the token endpoint.
pub(super) fn throttled() -> Response<Bytes> {
    let limited = HeaderName::from_static("x-envoy-ratelimited");
    with_header(empty(StatusCode::TOO_MANY_REQUESTS), limited, "true")
}

/// Adds a header, unless `value` cannot be the value of one.
pub(super) fn with_header(
    mut response: Response<Bytes>,
    name: HeaderName,
    value: impl TryInto<HeaderValue>,
) -> Response<Bytes> {
    if let Ok(value) = value.try_into() {
        response.headers_mut().insert(name, value);
    }
    response
}
