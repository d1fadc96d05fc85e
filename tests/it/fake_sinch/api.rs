//! Which tokens the API takes, and how it says `401`.

use std::time::Duration;

use http::{
    HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::advance,
};
use tower_sinch_auth::testing::Challenge;

use super::{KEY_ID, Raw};

#[tokio::test]
async fn a_live_token_is_answered_with_what_the_api_saw() {
    let raw = Raw::start().await;
    let mut request = raw.api_request(&raw.token().await);
    *request.method_mut() = Method::POST;
    *request.body_mut() = "hello".into();
    let answer = raw.send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(CONTENT_TYPE), Some("application/json"));
    assert_eq!(
        answer.json(),
        json!({
            "method": "POST",
            "path": "/v1/numbers?page=2",
            "client_id": KEY_ID,
            "body_length": 5,
            "body": "hello",
        })
    );
}

#[tokio::test]
async fn a_body_over_64_kib_is_read_to_its_end_and_only_counted() {
    let raw = Raw::start().await;
    let token = raw.token().await;
    for (length, is_shown) in [(64 * 1024, true), (64 * 1024 + 1, false), (1 << 20, false)] {
        let body = "x".repeat(length);
        let mut request = raw.api_request(&token);
        *request.method_mut() = Method::POST;
        *request.body_mut() = body.clone().into();
        let answer = raw.send(request).await.unwrap();
        assert_eq!(answer.json()["body_length"], length);
        assert_eq!(answer.json()["body"], if is_shown { json!(body) } else { json!(null) });
    }
}

#[tokio::test]
async fn each_documented_401_comes_byte_for_byte() {
    let raw = Raw::start().await;
    let realm = format!(r#"Bearer realm="{}", error="invalid_token""#, raw.sinch.api("/v1/numbers?page=2"));
    let documented = [
        (
            Challenge::Spring,
            Some(
                r#"Bearer error="invalid_token", error_description="Jwt expired at 2024-07-08T22:12:28Z", error_uri="https://tools.ietf.org/html/rfc6750#section-3.1""#,
            ),
            None,
            "",
        ),
        (
            Challenge::NodeSdk,
            Some(r#"Bearer realm="sinch", error="invalid_token", error_description="expired""#),
            Some("application/json"),
            r#"{"error":"token expired"}"#,
        ),
        (
            Challenge::Registry,
            Some(r#"Basic realm="Realm""#),
            Some("application/json"),
            r#"{"type":"/errors/registry/access-token-expired","title":"Token expired"}"#,
        ),
        (
            Challenge::Numbers,
            None,
            Some("application/json"),
            r#"{"error":{"code":401,"message":"Request had invalid credentials.","status":"UNAUTHENTICATED"}}"#,
        ),
        (Challenge::Porting, None, None, ""),
        (Challenge::Envoy, Some(realm.as_str()), Some("text/plain"), "Jwt is expired"),
    ];
    assert_eq!(documented.map(|(challenge, ..)| challenge), Challenge::ALL);
    for (challenge, header, content_type, body) in documented {
        raw.sinch.set_challenge(challenge);
        let answer = raw.call("unknown").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{challenge:?}");
        assert_eq!(answer.header(WWW_AUTHENTICATE), header, "{challenge:?}");
        assert_eq!(answer.header(CONTENT_TYPE), content_type, "{challenge:?}");
        assert_eq!(answer.body, body, "{challenge:?}");
    }
}

#[tokio::test]
async fn a_request_with_an_absolute_uri_is_told_that_address() {
    let raw = Raw::start().await;
    raw.sinch.set_challenge(Challenge::Envoy);
    let uri = raw.sinch.api("/v1/numbers");
    let host = uri.authority().unwrap().as_str();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET {uri} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(&format!(r#"realm="{uri}""#)), "{answer}");
}

#[tokio::test]
async fn the_default_401_is_springs() {
    let raw = Raw::start().await;
    let by_default = raw.call("unknown").await;
    raw.sinch.set_challenge(Challenge::Spring);
    let springs = raw.call("unknown").await;
    assert_eq!(by_default.headers[WWW_AUTHENTICATE], springs.headers[WWW_AUTHENTICATE]);
}

#[tokio::test]
async fn a_new_token_does_not_invalidate_older_ones() {
    let raw = Raw::start().await;
    let tokens = [raw.token().await, raw.token().await];
    for token in tokens {
        assert_eq!(raw.call(&token).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn revoked_tokens_are_refused_and_later_ones_are_not() {
    let raw = Raw::start().await;
    let revoked = [raw.token().await, raw.token().await];
    raw.sinch.revoke_tokens();
    let live = raw.token().await;
    for token in revoked {
        assert_eq!(raw.call(&token).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(raw.call(&live).await.status, StatusCode::OK);
    assert_eq!(raw.sinch.counts().api_unauthorized, 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refused_once_its_lifetime_is_over() {
    let raw = Raw::start().await;
    let long = raw.token().await;
    raw.sinch.set_token_lifetime(Duration::from_secs(2));
    let answer = raw.ask_for_token().await.json();
    assert_eq!(answer["expires_in"], 2);
    let short = answer["access_token"].as_str().unwrap();
    advance(Duration::from_millis(1999)).await;
    assert_eq!(raw.call(short).await.status, StatusCode::OK);
    advance(Duration::from_millis(1)).await;
    assert_eq!(raw.call(short).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(raw.call(&long).await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_exactly_one_bearer_token_the_answer_is_401() {
    let raw = Raw::start().await;
    let token = raw.token().await;
    let mut none = raw.api_request(&token);
    none.headers_mut().remove(AUTHORIZATION);
    let mut two = raw.api_request(&token);
    let again = two.headers()[AUTHORIZATION].clone();
    two.headers_mut().append(AUTHORIZATION, again);
    let mut basic = raw.api_request(&token);
    let value = HeaderValue::try_from(format!("Basic {token}")).unwrap();
    basic.headers_mut().insert(AUTHORIZATION, value);
    for request in [none, two, basic] {
        let answer = raw.send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn every_path_but_the_token_endpoints_is_the_api() {
    let raw = Raw::start().await;
    let token = raw.token().await;
    let paths = [
        ("/", "/"),
        ("/v1", "/v1"),
        ("/xms/v1/my-plan/batches", "/xms/v1/my-plan/batches"),
        ("/v3/projects/my-project/faxes?page=2", "/v3/projects/my-project/faxes?page=2"),
        ("/oauth2", "/oauth2"),
        ("/oauth2/token/", "/oauth2/token/"),
        ("/OAuth2/token", "/OAuth2/token"),
        ("no path", "/"),
    ];
    for (path, seen) in paths {
        let mut request = raw.api_request(&token);
        *request.uri_mut() = raw.sinch.api(path);
        let answer = raw.send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.json()["path"], seen);
    }
    let counts = raw.sinch.counts();
    assert_eq!((counts.api_requests, counts.token_requests), (paths.len() as u64, 1));
}

#[tokio::test]
async fn the_token_endpoint_is_no_api_whatever_the_query() {
    let raw = Raw::start().await;
    let mut request = raw.token_request();
    *request.uri_mut() = raw.sinch.api("/oauth2/token?a=b");
    let answer = raw.send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.json()["access_token"].is_string());
    assert_eq!(raw.sinch.counts().api_requests, 0);
}
