//! Requests that are signed with an application key: the sibling of the layer that adds tokens.

mod audience;
mod body;
mod fake_sinch;
mod header;
mod readiness;
mod stack;
mod vectors;

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header::AUTHORIZATION};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Full, channel::Channel};
use tower_sinch_auth::{ApplicationKey, BoxError, SignedRequestLayer};

use crate::support::api::{ReceivedRequest, ScriptedBody};

/// Where requests go, unless the test is about that.
const API: &str = "https://verification.api.sinch.com/verification/v1/verifications";

/// The body of an upload: scripted, until the layer has made a whole of it.
enum Upload {
    Scripted(ScriptedBody),
    Channel(Channel<Bytes, BoxError>),
    Whole(Full<Bytes>),
}

// === impl Upload ===

impl From<Bytes> for Upload {
    fn from(body: Bytes) -> Self {
        Self::Whole(full(body))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Scripted(body) => Pin::new(body).poll_frame(cx),
            Self::Channel(body) => Pin::new(body).poll_frame(cx),
            Self::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Scripted(body) => body.is_end_stream(),
            Self::Channel(body) => body.is_end_stream(),
            Self::Whole(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Scripted(body) => body.size_hint(),
            Self::Channel(body) => body.size_hint(),
            Self::Whole(body) => body.size_hint(),
        }
    }
}

fn key() -> ApplicationKey {
    ApplicationKey::new("my-key", "BeIukql3pTKJ8RGL5zo0DA==").unwrap()
}

fn layer() -> SignedRequestLayer {
    SignedRequestLayer::new(key())
}

fn full(body: impl Into<Bytes>) -> Full<Bytes> {
    Full::new(body.into())
}

fn post<B>(uri: &str, body: B) -> Request<B> {
    Request::builder().method(Method::POST).uri(uri).body(body).unwrap()
}

fn upload(body: ScriptedBody) -> Request<Upload> {
    post(API, Upload::Scripted(body))
}

fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key("x-timestamp") && headers.contains_key(AUTHORIZATION)
}

/// Says so if the request has another signature than that of what it is, or was sent at another time than now.
#[track_caller]
fn assert_is_signed(seen: &ReceivedRequest) {
    let headers = &seen.parts.headers;
    for name in ["authorization", "x-timestamp"] {
        assert_eq!(headers.get_all(name).iter().count(), 1, "{name}");
    }
    let timestamp = headers["x-timestamp"].to_str().unwrap();
    assert_eq!(timestamp.len(), "2023-11-22T09:10:11.999Z".len(), "{timestamp}");
    let content_type = headers.get("content-type");
    let expected = key().sign(&seen.parts.method, seen.parts.uri.path(), content_type, timestamp, &seen.body);
    assert_eq!(headers[AUTHORIZATION], expected);
    assert!(headers[AUTHORIZATION].is_sensitive());
    assert!(!headers.contains_key("content-md5"));
}
