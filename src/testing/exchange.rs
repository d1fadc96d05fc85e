//! [`Exchange`]: a request that has arrived as a whole, and the [`Endpoint`] that it is for.

use std::pin::pin;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, request::Parts};
use http_body_util::BodyExt;
use hyper::body::Incoming;
#[cfg(feature = "signing")]
use md5::{Digest, Md5};

#[cfg(feature = "signing")]
use super::authorization::SignedBy;
use super::{
    authorization::{BasicPair, bearer},
    tokens::owner,
};

/// The path of the token endpoint.
pub(super) const TOKEN_PATH: &str = "/oauth2/token";
/// The paths of the APIs that take signed requests.
#[cfg(feature = "signing")]
const SIGNED_PATHS: [&str; 2] = ["/verification/", "/calling/"];
/// The server keeps no more of a request's body.
const MAX_KEPT: usize = 64 * 1024;

/// Which half of Sinch a request is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Endpoint {
    Token,
    Api,
    /// An API that takes signed requests.
    #[cfg(feature = "signing")]
    Signed,
}

/// A request that has arrived as a whole.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) head: Parts,
    /// The KEY ID that the request names, whether or not the server knows it.
    pub(super) key_id: Option<String>,
    /// The first bytes of the body, at most [`MAX_KEPT`].
    pub(super) kept: Bytes,
    pub(super) body_length: u64,
    /// Of the whole body.
    #[cfg(feature = "signing")]
    pub(super) content_md5: [u8; 16],
}

// === impl Endpoint ===

impl Endpoint {
    /// Returns the endpoint at `path`: every path but one is an API's.
    pub(super) fn at(path: &str) -> Self {
        #[cfg(feature = "signing")]
        if SIGNED_PATHS.iter().any(|start| path.starts_with(start)) {
            return Self::Signed;
        }
        if path == TOKEN_PATH { Self::Token } else { Self::Api }
    }

    /// Reads the KEY ID that a request names: by its Basic pair, or by the claims of its token. Of a signed request it
    /// is the application key.
    pub(super) fn key_id(self, headers: &HeaderMap) -> Option<String> {
        match self {
            Self::Token => String::from_utf8(BasicPair::of(headers)?.key_id).ok(),
            Self::Api => owner(bearer(headers)?),
            #[cfg(feature = "signing")]
            Self::Signed => SignedBy::of(headers).map(|signed_by| signed_by.application.to_owned()),
        }
    }
}

// === impl Exchange ===

impl Exchange {
    /// Reads the body to its end, and keeps the first of it.
    pub(super) async fn receive(head: Parts, key_id: Option<String>, body: Incoming) -> hyper::Result<Self> {
        let mut body = pin!(body);
        let mut kept = BytesMut::new();
        let mut body_length = 0;
        #[cfg(feature = "signing")]
        let mut md5 = Md5::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                body_length += data.len() as u64;
                #[cfg(feature = "signing")]
                md5.update(&data);
                let room = MAX_KEPT - kept.len();
                kept.extend_from_slice(data.take(room).chunk());
            }
        }
        Ok(Self {
            head,
            key_id,
            kept: kept.freeze(),
            body_length,
            #[cfg(feature = "signing")]
            content_md5: md5.finalize().into(),
        })
    }

    /// Returns the whole body, if all of it was kept.
    pub(super) fn body(&self) -> Option<&[u8]> {
        (self.kept.len() as u64 == self.body_length).then_some(&self.kept[..])
    }
}
