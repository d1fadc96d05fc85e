//! What the script overrides, what is counted, and when the server ends.

use std::{pin::pin, time::Duration};

use futures::future::{Either, join_all, select};
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    task::yield_now,
    time::{Instant, timeout},
};
use tower_sinch_auth::testing::Answer;

use super::{KEY_SECRET, Raw};

const OUTAGE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
/// Keeps a broken test from hanging; nothing is measured with it.
const SAFETY_NET: Duration = Duration::from_secs(10);

impl Raw {
    /// Waits until the server has seen so many token requests.
    pub(super) async fn until_seen(&self, token_requests: u64) {
        let seen = async {
            while self.sinch.counts().token_requests < token_requests {
                yield_now().await;
            }
        };
        timeout(SAFETY_NET, seen).await.expect("they arrive");
    }
}

#[tokio::test]
async fn scripted_answers_come_in_order_and_then_what_is_always() {
    let raw = Raw::start().await;
    let token = raw.sinch.on_token();
    token.always(Answer::status(OUTAGE));
    token.times(2, Answer::throttled());
    token.times(1, Answer::AsSinch);
    raw.ask_for_token().await.assert_throttled();
    raw.ask_for_token().await.assert_throttled();
    assert_eq!(raw.ask_for_token().await.status, StatusCode::OK);
    assert_eq!(raw.ask_for_token().await.status, OUTAGE);
    assert_eq!(raw.ask_for_token().await.status, OUTAGE);
    token.always(Answer::AsSinch);
    assert_eq!(raw.ask_for_token().await.status, StatusCode::OK);
    assert_eq!(raw.sinch.counts().token_requests_throttled, 0);
}

#[tokio::test]
async fn each_endpoint_has_its_own_script() {
    let raw = Raw::start().await;
    raw.sinch.on_api().always(Answer::status(OUTAGE));
    let token = raw.token().await;
    assert_eq!(raw.call(&token).await.status, OUTAGE);
    raw.sinch.on_api().always(Answer::AsSinch);
    raw.sinch.on_token().always(Answer::status(OUTAGE));
    assert_eq!(raw.call(&token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_can_have_retry_after_and_any_body() {
    let raw = Raw::start().await;
    let token = raw.sinch.on_token();
    token.times(1, Answer::retry_after(OUTAGE, Duration::from_secs(7)));
    token.times(1, Answer::body("<html>"));
    let answer = raw.ask_for_token().await;
    assert_eq!(answer.status, OUTAGE);
    assert_eq!(answer.headers["retry-after"], "7");
    let answer = raw.ask_for_token().await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"<html>"[..]));
}

#[tokio::test]
async fn unauthorized_is_said_as_each_endpoint_says_it() {
    let raw = Raw::start().await;
    let token = raw.token().await;
    raw.sinch.on_token().always(Answer::Unauthorized);
    raw.sinch.on_api().always(Answer::Unauthorized);
    let refused = raw.ask_for_token().await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.json()["error"], "invalid_client");
    let refused = raw.call(&token).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.headers.contains_key("www-authenticate"));
    assert_eq!(raw.sinch.counts().api_unauthorized, 1);
}

#[tokio::test]
async fn a_closed_connection_brings_no_answer() {
    let raw = Raw::start().await;
    raw.sinch.on_token().times(1, Answer::Close);
    assert!(raw.client.request(raw.token_request()).await.is_err());
    assert_eq!(raw.ask_for_token().await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_torn_answer_has_a_head_and_no_end() {
    let raw = Raw::start().await;
    for _ in 0..5 {
        raw.sinch.on_token().times(1, Answer::Tear);
        let answer = raw.client.request(raw.token_request()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.into_body().collect().await;
        assert!(body.is_err());
    }
}

#[tokio::test]
async fn a_hanging_request_is_not_answered_and_others_are() {
    let raw = Raw::start().await;
    raw.sinch.on_token().times(1, Answer::Hang);
    let others = async {
        raw.until_seen(1).await;
        raw.ask_for_token().await.status
    };
    match select(pin!(raw.ask_for_token()), pin!(others)).await {
        Either::Left((answer, _)) => panic!("answered: {answer:?}"),
        Either::Right((status, _)) => assert_eq!(status, StatusCode::OK),
    }
    let counts = raw.sinch.counts();
    assert_eq!((counts.token_requests, counts.tokens_issued), (2, 1));
}

#[expect(clippy::disallowed_methods, reason = "reads the paused clock, to see how far it went")]
#[tokio::test(start_paused = true)]
async fn every_answer_takes_the_latency() {
    let raw = Raw::start().await;
    let latency = Duration::from_secs(5);
    raw.sinch.on_token().latency(latency);
    raw.sinch.on_token().times(1, Answer::status(OUTAGE));
    for _ in 0..2 {
        let before = Instant::now();
        raw.ask_for_token().await;
        assert!(before.elapsed() >= latency);
    }
}

#[tokio::test]
async fn the_most_token_requests_at_once_are_counted() {
    let raw = Raw::start().await;
    raw.ask_for_token().await;
    raw.ask_for_token().await;
    assert_eq!(raw.sinch.counts().token_requests_at_once, 1);
    raw.sinch.on_token().always(Answer::Hang);
    let under_way = join_all((0..5).map(|_| raw.ask_for_token()));
    select(under_way, pin!(raw.until_seen(7))).await;
    assert_eq!(raw.sinch.counts().token_requests_at_once, 5);
}

#[tokio::test]
async fn connections_are_counted_and_kept_alive() {
    let raw = Raw::start().await;
    let token = raw.token().await;
    for _ in 0..5 {
        raw.call(&token).await;
    }
    let counts = raw.sinch.counts();
    assert_eq!((counts.connections, counts.api_requests), (1, 5));
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_port_and_the_connections() {
    let Raw { sinch, client } = Raw::start().await;
    let api = sinch.api("/v1/numbers");
    let address = api.authority().unwrap().to_string();
    let mut kept = TcpStream::connect(&address).await.unwrap();
    let other = sinch.clone();
    drop(sinch);
    assert!(client.get(api).await.is_ok(), "another handle is left");
    drop(other);
    let ended = async {
        while TcpStream::connect(&address).await.is_ok() {
            yield_now().await;
        }
        kept.read(&mut [0]).await
    };
    let read = timeout(SAFETY_NET, ended).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)));
}

#[tokio::test]
async fn debug_shows_the_address_and_what_was_seen_and_no_secret() {
    let raw = Raw::start().await;
    let token = raw.token().await;
    let address = raw.sinch.token_endpoint().authority().unwrap().to_string();
    let (server, script) = (format!("{:?}", raw.sinch), format!("{:?}", raw.sinch.on_token()));
    assert!(server.starts_with("FakeSinch") && server.contains(&address), "{server}");
    assert!(server.contains("tokens_issued: 1"), "{server}");
    assert!(script.starts_with("Script") && script.contains("Token"), "{script}");
    for secret in [KEY_SECRET, &token] {
        assert!(!server.contains(secret) && !script.contains(secret), "{server} {script}");
    }
}
