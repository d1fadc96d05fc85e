//! [`Challenge`]: the shapes of a `401` that Sinch documents.

use bytes::Bytes;
use http::{
    Response, StatusCode,
    header::{CONTENT_TYPE, WWW_AUTHENTICATE},
};

use super::reply::{empty, with_header};

/// How the API says `401`: Sinch documents no single shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Challenge {
    /// Most products: a Bearer challenge that says when the token expired, no body.
    #[default]
    Spring,
    /// The tests of Sinch's Node SDK: a Bearer challenge with a realm, a JSON body of one field.
    NodeSdk,
    /// Sinch's error registry: a **Basic** challenge, a JSON body with `type` and `title` (RFC 9457).
    Registry,
    /// Conversation and Numbers: no challenge, a JSON body with `code`, `message` and `status`.
    Numbers,
    /// Porting: no challenge, no body.
    Porting,
    /// An Envoy in front of a product: a Bearer challenge whose realm is the request's address, a text body.
    Envoy,
}

// === impl Challenge ===

impl Challenge {
    /// All shapes, to test against each.
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
/// As seen at a live resource server.
const SPRING: &str = concat!(
    r#"Bearer error="invalid_token", error_description="Jwt expired at 2024-07-08T22:12:28Z", "#,
    r#"error_uri="https://tools.ietf.org/html/rfc6750#section-3.1""#,
);
const NODE_SDK: &str = r#"Bearer realm="sinch", error="invalid_token", error_description="expired""#;
/// The registry's documentation shows `type` and `title`, and `type` without its host.
const REGISTRY: &str = r#"{"type":"/errors/registry/access-token-expired","title":"Token expired"}"#;
const NUMBERS: &str =
    r#"{"error":{"code":401,"message":"Request had invalid credentials.","status":"UNAUTHENTICATED"}}"#;
