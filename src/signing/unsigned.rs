//! [`Unsigned`]: a request without its body, until it is signed.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
    request::Parts,
};

use super::{options::Options, timestamp::Timestamp};
use crate::error::{BoxError, SigningError};

const X_TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");

pub(super) struct Unsigned(Parts);

// === impl Unsigned ===

impl Unsigned {
    /// Fails if it is not known what the server will read of the head.
    pub(super) fn new(head: Parts) -> Result<Self, SigningError> {
        let is_ambiguous = head.headers.get_all(CONTENT_TYPE).iter().nth(1).is_some();
        if is_ambiguous { Err(SigningError::content_types()) } else { Ok(Self(head)) }
    }

    /// Signs the request with its `body`, at the time that it is now.
    pub(super) fn sign<B: From<Bytes>>(self, options: &Options, body: Bytes) -> Result<Request<B>, BoxError> {
        let Self(mut head) = self;
        let timestamp = Timestamp::of(options.clock.now().wall).ok_or(SigningError::clock())?;
        let timestamp = timestamp.as_str();
        let content_type = head.headers.get(CONTENT_TYPE);
        let signature = options.key.sign(&head.method, head.uri.path(), content_type, timestamp, &body);
        head.headers.try_insert(X_TIMESTAMP, HeaderValue::from_str(timestamp)?)?;
        head.headers.try_insert(AUTHORIZATION, signature)?;
        Ok(Request::from_parts(head, B::from(body)))
    }
}
