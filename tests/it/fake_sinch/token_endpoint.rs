//! What the token endpoint takes, issues, refuses and limits.

use std::{collections::HashSet, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{
    HeaderValue, Method, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::advance;
use tower_sinch_auth::{AccessKey, testing::FakeSinch};

use super::{Answered, KEY_ID, KEY_SECRET, Raw, basic};
use crate::support::basic_pair;

type Change = fn(&mut Request<Full<bytes::Bytes>>);

/// The rate limit of the token endpoint: the bucket holds 30, and 10 a second flow back.
const CAPACITY: usize = 30;
const REFILL: Duration = Duration::from_millis(100);

#[track_caller]
fn assert_refused(answer: &Answered, status: u16, error: &str) {
    assert_eq!(answer.status.as_u16(), status);
    let body = answer.json();
    assert_eq!(body["error"], error);
    assert_eq!(body["status_code"], status);
    for field in ["error_verbose", "error_description", "error_hint"] {
        assert!(body[field].as_str().is_some_and(|words| !words.is_empty()), "{field}");
    }
}

#[tokio::test]
async fn a_token_comes_with_the_fields_that_sinch_documents() {
    let raw = Raw::start().await;
    let answer = raw.ask_for_token().await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(CONTENT_TYPE), Some("application/json"));
    let Value::Object(mut body) = answer.json() else { panic!("not an object: {answer:?}") };
    let token = body.remove("access_token").unwrap();
    assert!(token.as_str().unwrap().starts_with("eyJ"));
    assert_eq!(token.as_str().unwrap().split('.').count(), 3);
    assert_eq!(Value::Object(body), json!({"token_type": "bearer", "expires_in": 3599, "scope": ""}));
}

#[tokio::test]
async fn no_two_tokens_are_equal() {
    let raw = Raw::start().await;
    let mut tokens = HashSet::new();
    for _ in 0..5 {
        tokens.insert(raw.token().await);
    }
    assert_eq!(tokens.len(), 5);
    assert_eq!(raw.sinch.counts().tokens_issued, 5);
}

/// Sinch signs with RS256 and a key of 2048 bits.
#[tokio::test]
async fn a_token_is_as_long_as_sinchs_and_its_signature_like_no_other() {
    let raw = Raw::start().await;
    let mut signatures = HashSet::new();
    for _ in 0..2 {
        let token = raw.token().await;
        let (_, signature) = token.rsplit_once('.').unwrap();
        signatures.insert(BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap());
    }
    assert_eq!(signatures.iter().map(Vec::len).collect::<Vec<_>>(), [256, 256]);
}

#[tokio::test]
async fn every_server_and_every_rotation_has_a_key_of_its_own() {
    let (sinch, other) = (FakeSinch::start().await.unwrap(), FakeSinch::start().await.unwrap());
    let mut keys = vec![sinch.access_key(), other.access_key()];
    sinch.rotate_key();
    keys.push(sinch.access_key());
    let (mut ids, mut secrets) = (HashSet::new(), HashSet::new());
    for key in keys {
        let pair = basic_pair(key).await;
        let (key_id, key_secret) = pair.split_once(':').unwrap();
        ids.insert(key_id.to_owned());
        secrets.insert(key_secret.to_owned());
    }
    assert_eq!((ids.len(), secrets.len()), (3, 3));
}

#[tokio::test]
async fn a_wrong_key_is_an_invalid_client_with_all_optional_fields() {
    let raw = Raw::start().await;
    let wrong = [
        basic(KEY_ID, "another"),
        basic("another", KEY_SECRET),
        basic(KEY_ID, ""),
        basic(KEY_ID, KEY_SECRET).replace("Basic", "Bearer"),
        "Basic ???".to_owned(),
        "Basic".to_owned(),
    ];
    for authorization in wrong {
        let mut request = raw.token_request();
        let value = HeaderValue::try_from(&authorization).unwrap();
        request.headers_mut().insert(AUTHORIZATION, value);
        assert_refused(&raw.send(request).await.unwrap(), 401, "invalid_client");
    }
    let mut request = raw.token_request();
    request.headers_mut().remove(AUTHORIZATION);
    assert_refused(&raw.send(request).await.unwrap(), 401, "invalid_client");
    assert_eq!(raw.sinch.counts().tokens_issued, 0);
}

#[tokio::test]
async fn another_form_is_an_invalid_request() {
    let raw = Raw::start().await;
    let changes: [Change; 4] = [
        |request| *request.body_mut() = "grant_type=client_credentials&scope=".into(),
        |request| *request.body_mut() = Full::default(),
        |request| {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        },
        |request| {
            request.headers_mut().remove(CONTENT_TYPE);
        },
    ];
    for change in changes {
        let mut request = raw.token_request();
        change(&mut request);
        assert_refused(&raw.send(request).await.unwrap(), 400, "invalid_request");
    }
    assert_eq!(raw.sinch.counts().tokens_issued, 0);
}

#[tokio::test]
async fn a_method_other_than_post_is_not_allowed() {
    let raw = Raw::start().await;
    for method in [Method::GET, Method::PUT] {
        let mut request = raw.token_request();
        *request.method_mut() = method;
        let answer = raw.send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers["allow"], "POST");
    }
}

/// Both kinds of clients meet it: those that send the pair raw, and those that encode it (RFC 6749 §2.3.1).
#[tokio::test]
async fn both_halves_of_the_basic_pair_are_form_decoded() {
    let raw = Raw::start().await;
    let secret = "a%b+c d:é";
    raw.sinch.set_access_key(AccessKey::new(KEY_ID, secret).unwrap());
    let accepted = |pair: &str| HeaderValue::try_from(basic(KEY_ID, pair)).unwrap();
    for (pair, status) in [("a%25b%2Bc+d%3A%C3%A9", 200), ("a%25b%2Bc d:é", 200), (secret, 401)] {
        let mut request = raw.token_request();
        request.headers_mut().insert(AUTHORIZATION, accepted(pair));
        assert_eq!(raw.send(request).await.unwrap().status.as_u16(), status, "{pair}");
    }
}

// The clock stands still, so that the bucket is what the test says; no timer is pending that it could jump to.
#[tokio::test(start_paused = true)]
async fn thirty_token_requests_pass_at_once_then_ten_a_second() {
    let raw = Raw::start().await;
    for _ in 0..CAPACITY {
        assert_eq!(raw.ask_for_token().await.status, StatusCode::OK);
    }
    raw.ask_for_token().await.assert_throttled();
    advance(REFILL).await;
    assert_eq!(raw.ask_for_token().await.status, StatusCode::OK);
    raw.ask_for_token().await.assert_throttled();
    advance(REFILL * 1000).await;
    for _ in 0..CAPACITY {
        assert_eq!(raw.ask_for_token().await.status, StatusCode::OK);
    }
    raw.ask_for_token().await.assert_throttled();
    let counts = raw.sinch.counts();
    assert_eq!((counts.token_requests, counts.token_requests_throttled), (64, 3));
    assert_eq!(counts.tokens_issued, 61);
}

#[tokio::test(start_paused = true)]
async fn refused_token_requests_use_up_the_rate_limit_too() {
    let raw = Raw::start().await;
    raw.sinch.rotate_key();
    for _ in 0..CAPACITY {
        assert_refused(&raw.ask_for_token().await, 401, "invalid_client");
    }
    raw.ask_for_token().await.assert_throttled();
}

#[tokio::test]
async fn a_rotated_key_gets_no_token_and_live_tokens_stay() {
    let raw = Raw::start().await;
    let token = raw.token().await;
    raw.sinch.rotate_key();
    assert_ne!(raw.sinch.access_key().key_id(), KEY_ID);
    assert_refused(&raw.ask_for_token().await, 401, "invalid_client");
    assert_eq!(raw.call(&token).await.status, StatusCode::OK);
}
