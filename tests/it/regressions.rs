//! Hostile input that fuzzing came upon: each rule was broken once.

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::WWW_AUTHENTICATE};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_sinch_auth::{
    AccessKey, Audience, AudienceError, BoxError, ClientCredentials, SinchAuthLayer, TokenError, TokenSource,
};

use crate::support::{
    ScriptedSource,
    api::{API, MockApi, get, scripted, success},
};

/// Form-encoding changes it: `s3cr%2Bt%25/~`.
const SECRET: &str = "s3cr+t%/~";
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9";

/// What an endpoint's answer of this body becomes.
async fn refused(body: &'static str) -> TokenError {
    let client = service_fn(move |_request: Request<Full<Bytes>>| async move {
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(body)))
    });
    let key = AccessKey::new("the-key-id", SECRET).unwrap();
    ClientCredentials::with_client(client, key).fetch().await.unwrap_err()
}

#[track_caller]
fn assert_hides(error: &TokenError, hidden: &str) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(hidden), "{shown}");
    assert!(shown.contains("redacted"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_control_character_gets_no_secret_into_the_error() {
    let error = refused(r#"{"error":"e","error_description":"no s3cr\u0007+t%/~"}"#).await;
    assert_hides(&error, SECRET);
}

#[tokio::test(start_paused = true)]
async fn the_secret_as_it_travels_does_not_get_into_the_error() {
    let error = refused(r#"{"error":"e","error_description":"no s3cr%2Bt%25/~"}"#).await;
    assert_hides(&error, "s3cr%2Bt%25/~");
}

#[tokio::test(start_paused = true)]
async fn a_token_beside_an_error_does_not_get_into_it() {
    let error = refused(
        r#"{"error":"e","access_token":"eyJhbGciOiJSUzI1NiJ9","error_description":"not eyJhbGciOiJSUzI1NiJ9"}"#,
    )
    .await;
    assert_hides(&error, TOKEN);
}

#[tokio::test(start_paused = true)]
async fn several_spaces_behind_a_scheme_are_as_good_as_one() {
    for (challenge, sent) in [
        ("Bearer  error=\"insufficient_scope\"", 1),
        ("Basic   realm=\"a  b\",   Bearer    error=invalid_request", 1),
        ("Bearer  error=\"insufficient_scope\", Negotiate  YWJj==", 1),
        ("Bearer  error=\"invalid_token\", error_description=\"error=insufficient_scope  \"", 2),
        ("Bearer error=\"insufficient  scope\"", 2),
    ] {
        let api = MockApi::answering(move |seen| match seen.token() {
            Some("token-1") => Response::builder()
                .status(StatusCode::UNAUTHORIZED)
                .header(WWW_AUTHENTICATE, challenge)
                .body(Full::default())
                .unwrap(),
            _ => success(),
        });
        let service = SinchAuthLayer::new(ScriptedSource::new()).layer(api.clone());
        service.oneshot(get(API)).await.unwrap();
        assert_eq!(api.tokens().len(), sent, "{challenge}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_label_does_not_stand_for_a_name() {
    let api = MockApi::rejecting(&[]);
    for (audience, uri) in [
        (Audience::sinch_apis(), "https://verification..api.sinch.com/"),
        (Audience::sinch_apis(), "https://.numbers.api.sinch.com/"),
        (Audience::sinch_apis(), "https://..api.sinch.com/"),
        (Audience::hosts([".example.org"]), "https://a..example.org/"),
        (Audience::hosts([".example.org"]), "https://.a.example.org/"),
    ] {
        let (layer, _) = scripted();
        let error = layer.audience(audience).layer(api.clone()).oneshot(get(uri)).await.unwrap_err();
        assert!(error.is::<AudienceError>(), "{uri}: {error}");
    }
    assert!(api.received().is_empty());
}
