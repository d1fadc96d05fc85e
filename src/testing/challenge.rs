//! [`Challenge`]: the shapes of a `401` that Sinch documents.

use bytes::Bytes;
use http::{
    Response, StatusCode,
    header::{CONTENT_TYPE, WWW_AUTHENTICATE},
};

use super::reply::{empty, with_header};

/// The shape of the API's `401`: Sinch documents more than one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Challenge {
    /// Most products send a Bearer challenge that says when the token expired, and no body.
    #[default]
    Spring,
    /// The tests of Sinch's Node SDK have a Bearer challenge with a realm, and a JSON body of one field.
    NodeSdk,
    /// Sinch's error registry shows a **Basic** challenge, and a JSON body with `type` and `title` (RFC 9457).
    Registry,
    /// Conversation and Numbers send no challenge, and a JSON body with `code`, `message` and `status`.
    Numbers,
    /// Porting sends neither a challenge nor a body.
    Porting,
    /// An Envoy in front of a product sends a Bearer challenge with the request's address as its realm, and text.
    Envoy,
}

// === impl Challenge ===

impl Challenge {
    /// All shapes: a test goes through them.
    pub const ALL: &[Self] =
        &[Self::Spring, Self::NodeSdk, Self::Registry, Self::Numbers, Self::Porting, Self::Envoy];

    /// Builds the `401` to a request for `address`.
    pub(super) fn response(self, address: &str) -> Response<Bytes> {
        let realm;
        let (challenge, content_type, body) = match self {
            Self::Spring => (SPRING, "", ""),
            Self::NodeSdk => (NODE_SDK, JSON, r#"{"error":"token expired"}"#),
            Self::Registry => (r#"Basic realm="Realm""#, JSON, REGISTRY),
            Self::Numbers => ("", JSON, NUMBERS),
            Self::Porting => ("", "", ""),
            Self::Envoy => {
                realm = format!(r#"Bearer realm="{address}", error="invalid_token""#);
                (realm.as_str(), "text/plain", "Jwt is expired")
            }
        };
        let mut response = empty(StatusCode::UNAUTHORIZED).map(|_| Bytes::from_static(body.as_bytes()));
        for (name, value) in [(WWW_AUTHENTICATE, challenge), (CONTENT_TYPE, content_type)] {
            if !value.is_empty() {
                response = with_header(response, name, value);
            }
        }
        response
    }
}

const JSON: &str = "application/json";
/// A live resource server was seen to send this.
const SPRING: &str = concat!(
    r#"Bearer error="invalid_token", error_description="Jwt expired at 2024-07-08T22:12:28Z", "#,
    r#"error_uri="https://tools.ietf.org/html/rfc6750#section-3.1""#,
);
const NODE_SDK: &str = r#"Bearer realm="sinch", error="invalid_token", error_description="expired""#;
/// The registry's documentation shows `type` and `title`, and `type` without its host.
const REGISTRY: &str = r#"{"type":"/errors/registry/access-token-expired","title":"Token expired"}"#;
const NUMBERS: &str =
    r#"{"error":{"code":401,"message":"Request had invalid credentials.","status":"UNAUTHENTICATED"}}"#;
