//! The refresher over `ClientCredentials`: keys that are rotated, and the endpoint's own words about time.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response,
    header::{AUTHORIZATION, DATE, RETRY_AFTER},
};
use http_body_util::Full;
use tower::{BoxError, util::BoxCloneSyncService};
use tower_sinch_auth::{
    AccessKey, AccessKeySource, ClientCredentials, CredentialsError, TokenErrorKind, TokenRefresher,
};

use super::{MINUTE, MS, SECOND, assert_fails, assert_generation, assert_within, call_every, jump};
use crate::support::HOUR;

type Client = BoxCloneSyncService<Request<Full<Bytes>>, Response<String>, BoxError>;

const REJECTED: &str = r#"{"error":"invalid_client"}"#;

/// A token endpoint that answers as scripted, then with `last`; it remembers the credentials that it was sent.
#[derive(Clone)]
struct Endpoint(Arc<Inner>);

struct Inner {
    script: Mutex<VecDeque<Response<String>>>,
    last: String,
    seen: Mutex<Vec<HeaderValue>>,
}

impl Endpoint {
    fn issuing(last: impl Into<String>) -> Self {
        Self(Arc::new(Inner { script: Mutex::default(), last: last.into(), seen: Mutex::default() }))
    }

    fn new() -> Self {
        Self::issuing(token(",\"expires_in\":3600"))
    }

    fn then(self, status: u16, body: &str) -> Self {
        self.then_response(Response::builder().status(status).body(body.to_owned()).unwrap())
    }

    fn then_response(self, response: Response<String>) -> Self {
        self.0.script.lock().unwrap().push_back(response);
        self
    }

    fn requests(&self) -> usize {
        self.0.seen.lock().unwrap().len()
    }

    /// The credentials of each request, in order.
    fn seen(&self) -> Vec<HeaderValue> {
        self.0.seen.lock().unwrap().clone()
    }

    fn client(&self) -> Client {
        let inner = Arc::clone(&self.0);
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<Full<Bytes>>| {
            inner.seen.lock().unwrap().push(request.headers()[AUTHORIZATION].clone());
            let scripted = inner.script.lock().unwrap().pop_front();
            let response = scripted.unwrap_or_else(|| Response::new(inner.last.clone()));
            async { Ok::<_, BoxError>(response) }
        }))
    }

    fn refresher(&self, key: impl AccessKeySource) -> TokenRefresher {
        TokenRefresher::builder(ClientCredentials::with_client(self.client(), key))
            .wall_clock(|| SystemTime::UNIX_EPOCH)
            .build()
    }
}

/// A token response with `more` members.
fn token(more: &str) -> String {
    format!(r#"{{"access_token":"token","token_type":"bearer"{more}}}"#)
}

fn key() -> AccessKey {
    AccessKey::new("a-key-id", "a-key-secret").unwrap()
}

/// A source whose key is another each time it is asked, and how often it was.
fn rotating() -> (impl AccessKeySource, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let source = move || {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        async move { AccessKey::new("a-key-id", format!("secret-{number}")) }
    };
    (source, asked)
}

#[tokio::test(start_paused = true)]
async fn the_key_is_read_again_for_every_attempt_of_a_flight() {
    let endpoint = Endpoint::new().then(500, "").then(503, "").then(429, "");
    let (source, asked) = rotating();
    assert_generation(&endpoint.refresher(source).token().await, 1);
    let seen = endpoint.seen();
    assert_eq!((seen.len(), asked.load(Ordering::SeqCst)), (4, 4));
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]));
}

#[tokio::test(start_paused = true)]
async fn the_key_is_not_read_while_a_token_is_cached() {
    let endpoint = Endpoint::new();
    let (source, asked) = rotating();
    let tokens = endpoint.refresher(source);
    assert_eq!(call_every(MS, 100, &tokens).await, 100);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_is_picked_up_without_a_restart() {
    let endpoint = Endpoint::new().then(401, REJECTED);
    let (source, _) = rotating();
    let tokens = endpoint.refresher(source);
    let outcome = tokens.token().await;
    assert_fails(&outcome, TokenErrorKind::Rejected);
    assert_eq!(outcome.unwrap_err().oauth_error(), Some("invalid_client"));
    jump(5 * SECOND).await;
    assert_generation(&tokens.token().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_read_is_asked_for_again_after_1_to_5_s() {
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let endpoint = Endpoint::new();
    let tokens = endpoint.refresher(move || {
        let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { Err(CredentialsError::other("the vault is sealed")) } else { Ok(key()) } }
    });
    for _ in 0..10 {
        assert_fails(&tokens.token().await, TokenErrorKind::Credentials);
    }
    assert_eq!((asked.load(Ordering::SeqCst), endpoint.requests()), (1, 0));
    assert_within(tokens.status().retry_in.unwrap(), SECOND..=(5 * SECOND));
    jump(5 * SECOND).await;
    assert_generation(&tokens.token().await, 1);
}

#[tokio::test(start_paused = true)]
async fn invalid_client_is_not_hammered() {
    let endpoint = Endpoint::new();
    for _ in 0..100 {
        let _ = endpoint.clone().then(401, REJECTED);
    }
    let tokens = endpoint.refresher(key());
    assert_eq!(call_every(MS, 20_000, &tokens).await, 0);
    // At 0, after 1 to 5 s, then after 5 to 10 and 10 to 20 s.
    assert_within(endpoint.requests(), 3..=4);
}

#[tokio::test(start_paused = true)]
async fn no_expires_in_panics_loops_or_lasts_for_ever() {
    let values = [
        "0",
        "1",
        "-1",
        "0.5",
        "3600",
        "3600.0",
        "\"3600\"",
        "\"\"",
        "\"soon\"",
        "null",
        "true",
        "[]",
        "18446744073709551615",
        "18446744073709551616",
        "1e300",
        "-1e300",
    ];
    let members = values.map(|value| format!(",\"expires_in\":{value}"));
    for member in members.iter().map(String::as_str).chain([""]) {
        let endpoint = Endpoint::issuing(token(member));
        let tokens = endpoint.refresher(key());
        assert_eq!(call_every(MS, 3000, &tokens).await, 3000, "{member}");
        assert!(endpoint.requests() <= 8, "{member}: {} requests", endpoint.requests());
        let left = tokens.token().await.unwrap().expires_in();
        assert_within(left.expect("it expires"), Duration::ZERO..=(366 * 24 * HOUR));
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_is_an_hour_however_it_is_written() {
    for hour in ["3600", "3600.0", "\"3600\""] {
        let endpoint = Endpoint::issuing(token(&format!(",\"expires_in\":{hour}")));
        let token = endpoint.refresher(key()).token().await.unwrap();
        assert_eq!(token.expires_in(), Some(HOUR), "{hour}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_may_be_seconds_a_date_or_nonsense() {
    let hour = HOUR..=HOUR;
    let none = (SECOND / 4)..=SECOND;
    let cases = [
        ("120", 2 * MINUTE..=2 * MINUTE),
        ("7200", hour.clone()),
        ("18446744073709551615", hour.clone()),
        ("99999999999999999999999", hour.clone()),
        ("Fri, 31 Dec 9999 23:59:59 GMT", hour),
        ("Thu, 01 Jan 1970 00:00:00 GMT", none.clone()),
        ("-5", none.clone()),
        ("soon", none.clone()),
        ("", none),
    ];
    for (value, backoff) in cases {
        let refused = Response::builder()
            .status(429)
            .header(RETRY_AFTER, value)
            .header(DATE, "Thu, 01 Jan 1970 00:00:00 GMT");
        let endpoint = Endpoint::new().then_response(refused.body(String::new()).unwrap());
        let tokens = TokenRefresher::builder(ClientCredentials::with_client(endpoint.client(), key()))
            .wall_clock(|| SystemTime::UNIX_EPOCH)
            .max_attempts(1)
            .build();
        assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
        assert_within(tokens.status().retry_in.unwrap(), backoff);
    }
}
