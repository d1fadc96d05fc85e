//! `FakeSinch` under `/verification/` and `/calling/`: it checks signatures by itself, and answers as Sinch does.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tower::{ServiceBuilder, ServiceExt};
use tower_sinch_auth::{
    ApplicationKey, ClientCredentials, SignedRequestLayer, SinchAuthLayer,
    testing::{Answer, FakeSinch},
};

const PATH: &str = "/verification/v1/verifications";

/// The time that it is now, and so many seconds later.
fn timestamp(skew: i64) -> String {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().saturating_add_signed(skew);
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(now));
    let [_, day, month, year, time, _] = date.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{date}");
    };
    let month = MONTHS.find(month).unwrap() / 3 + 1;
    format!("{year}-{month:02}-{day}T{time}Z")
}

/// A request that was signed with `key`, as if it were `skew` seconds later.
fn signed(sinch: &FakeSinch, key: &ApplicationKey, skew: i64) -> Request<Full<Bytes>> {
    let timestamp = timestamp(skew);
    let signature = key.sign(&Method::POST, PATH, None, &timestamp, b"{}");
    let request = Request::post(sinch.api(PATH)).header("x-timestamp", timestamp);
    request.header(AUTHORIZATION, signature).body(Full::from("{}")).unwrap()
}

async fn send(sinch: &FakeSinch, request: Request<Full<Bytes>>) -> Response<Incoming> {
    sinch.client().request(request).await.unwrap()
}

async fn json(response: Response<Incoming>) -> Value {
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_slice(&response.collect().await.unwrap().to_bytes()).unwrap()
}

/// The code of a `401`.
async fn code(sinch: &FakeSinch, request: Request<Full<Bytes>>) -> u64 {
    let response = send(sinch, request).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let body = json(response).await;
    assert!(body["message"].is_string(), "{body}");
    body["errorCode"].as_u64().unwrap()
}

#[tokio::test]
async fn a_good_signature_is_answered_with_what_was_seen() {
    let sinch = FakeSinch::start().await.unwrap();
    let key = sinch.application_key();
    for path in [PATH, "/calling/v1/callouts?q=%41"] {
        let client =
            ServiceBuilder::new().layer(SignedRequestLayer::new(key.clone())).service(sinch.client());
        let request = Request::post(sinch.api(path)).body(Full::from("{}")).unwrap();
        let response = client.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let seen = json(response).await;
        assert_eq!((&seen["path"], &seen["body"]), (&path.into(), &"{}".into()));
        assert_eq!(seen["client_id"], key.key());
    }
    assert_eq!((sinch.counts().api_requests, sinch.counts().api_unauthorized), (2, 0));
    assert_eq!(sinch.counts_of(key.key()).api_requests, 2);
}

#[tokio::test]
async fn what_is_not_signed_is_40100() {
    let sinch = FakeSinch::start().await.unwrap();
    let unsigned = || Request::post(sinch.api(PATH)).body(Full::from("{}")).unwrap();
    assert_eq!(code(&sinch, unsigned()).await, 40100);
    for value in ["", "Application", "Application key", "Basic a:b", "Bearer a:b", "application"] {
        let mut request = signed(&sinch, &sinch.application_key(), 0);
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static(value));
        assert_eq!(code(&sinch, request).await, 40100, "{value}");
    }
    let mut twice = signed(&sinch, &sinch.application_key(), 0);
    let again = twice.headers()[AUTHORIZATION].clone();
    twice.headers_mut().append(AUTHORIZATION, again);
    assert_eq!(code(&sinch, twice).await, 40100);
    let counts = sinch.counts();
    assert_eq!(counts.api_requests, counts.api_unauthorized);
}

#[tokio::test]
async fn a_stale_timestamp_or_none_is_40101() {
    let sinch = FakeSinch::start().await.unwrap();
    let key = sinch.application_key();
    for skew in [-290, 0, 290] {
        assert_eq!(send(&sinch, signed(&sinch, &key, skew)).await.status(), StatusCode::OK, "{skew}");
    }
    for skew in [-310, 310, -86_400, 86_400 * 365] {
        assert_eq!(code(&sinch, signed(&sinch, &key, skew)).await, 40101, "{skew}");
    }
    let mut without = signed(&sinch, &key, 0);
    without.headers_mut().remove("x-timestamp");
    assert_eq!(code(&sinch, without).await, 40101);
    for value in ["now", "1401889318", "2014-06-04"] {
        let mut broken = signed(&sinch, &key, 0);
        broken.headers_mut().insert("x-timestamp", HeaderValue::from_static(value));
        assert_eq!(code(&sinch, broken).await, 40101, "{value}");
    }
}

#[tokio::test]
async fn a_signature_of_anything_else_is_40102() {
    let sinch = FakeSinch::start().await.unwrap();
    let key = sinch.application_key();
    let mut requests = Vec::new();
    let mut change = |change: fn(&mut Request<Full<Bytes>>)| {
        let mut request = signed(&sinch, &key, 0);
        change(&mut request);
        requests.push(request);
    };
    change(|request| *request.body_mut() = Full::from("{ }"));
    change(|request| *request.body_mut() = Full::default());
    change(|request| *request.method_mut() = Method::PUT);
    change(|request| drop(request.headers_mut().insert("content-type", HeaderValue::from_static("a/b"))));
    requests.push(signed(&sinch, &ApplicationKey::new(key.key(), "b3RoZXI=").unwrap(), 0));
    let mut elsewhere = signed(&sinch, &key, 0);
    *elsewhere.uri_mut() = sinch.api("/verification/v1/other");
    requests.push(elsewhere);
    let mut later = signed(&sinch, &key, 0);
    later.headers_mut().insert("x-timestamp", HeaderValue::from_str(&timestamp(2)).unwrap());
    requests.push(later);
    let mut none = signed(&sinch, &key, 0);
    let no_base64 = HeaderValue::from_str(&format!("Application {}:?", key.key())).unwrap();
    none.headers_mut().insert(AUTHORIZATION, no_base64);
    requests.push(none);
    for request in requests {
        let shown = format!("{request:?}");
        assert_eq!(code(&sinch, request).await, 40102, "{shown}");
    }
}

#[tokio::test]
async fn an_unknown_application_is_40107_and_others_can_be_added() {
    let sinch = FakeSinch::start().await.unwrap();
    let other = ApplicationKey::new("other", "b3RoZXI=").unwrap();
    assert_eq!(code(&sinch, signed(&sinch, &other, 0)).await, 40107);
    sinch.add_application_key(other.clone());
    for key in [&other, &sinch.application_key()] {
        assert_eq!(send(&sinch, signed(&sinch, key, 0)).await.status(), StatusCode::OK);
    }
    let rotated = ApplicationKey::new("other", "cm90YXRlZA==").unwrap();
    sinch.add_application_key(rotated.clone());
    assert_eq!(code(&sinch, signed(&sinch, &other, 0)).await, 40102);
    assert_eq!(send(&sinch, signed(&sinch, &rotated, 0)).await.status(), StatusCode::OK);
    sinch.set_application_key(other.clone());
    assert_eq!(sinch.application_key().key(), "other");
    assert_eq!(send(&sinch, signed(&sinch, &other, 0)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn tokens_do_not_open_what_takes_signatures_nor_the_other_way_round() {
    let sinch = FakeSinch::start().await.unwrap();
    let tokens = SinchAuthLayer::new(sinch.credentials());
    let client = ServiceBuilder::new().layer(tokens).service(sinch.client());
    let request = Request::post(sinch.api(PATH)).body(Full::from("{}")).unwrap();
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(json(response).await["errorCode"], 40100);
    let mut request = signed(&sinch, &sinch.application_key(), 0);
    *request.uri_mut() = sinch.api("/v1/numbers");
    assert_eq!(send(&sinch, request).await.status(), StatusCode::UNAUTHORIZED);
    let _: ClientCredentials<_> = sinch.credentials();
}

#[tokio::test]
async fn the_script_of_the_api_holds_for_signed_requests_too() {
    let sinch = FakeSinch::start().await.unwrap();
    sinch.on_api().times(1, Answer::Unauthorized);
    sinch.on_api().times(1, Answer::status(StatusCode::SERVICE_UNAVAILABLE));
    let request = || signed(&sinch, &sinch.application_key(), 0);
    assert_eq!(code(&sinch, request()).await, 40100);
    assert_eq!(send(&sinch, request()).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(send(&sinch, request()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_longer_than_the_server_keeps_is_checked_as_a_whole() {
    let sinch = FakeSinch::start().await.unwrap();
    let layer = SignedRequestLayer::new(sinch.application_key()).body_limit(1 << 20);
    let client = ServiceBuilder::new().layer(layer).service(sinch.client());
    let request = Request::post(sinch.api(PATH)).body(Full::from(vec![b'x'; 200_000])).unwrap();
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(json(response).await["body_length"], 200_000);
}
