//! What is wrong with one tenant is that tenant's error, in bounded time, and nobody else's.

use std::{
    future::pending,
    io::{Error, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::{runtime::Builder, time::timeout};
use tower::{Layer, ServiceExt, service_fn};
use tower_sinch_auth::{
    AccessKey, AccessKeySource, Account, AccountError, AudienceError, BoxError, ClientCredentials,
    CredentialsError, SinchAuthLayer, TokenError, TokenErrorKind, TokenRefresher,
};

use crate::support::api::{API, MockApi, assert_success, get, settle};

/// The deadline of a waiter: `flight_timeout` and a little.
const BOUND: Duration = Duration::from_secs(32);

/// How the look-up of a tenant's key goes wrong.
#[derive(Clone, Copy, Debug)]
enum LookUp {
    Finds(&'static str),
    Unknown,
    Fails,
    Hangs,
    Panics,
}

const ENDPOINT: &str = "http://localhost/oauth2/token";

// === impl LookUp ===

impl LookUp {
    async fn key(self) -> Result<AccessKey, CredentialsError> {
        match self {
            Self::Finds(id) => AccessKey::new(id, "secret"),
            Self::Unknown => Err(CredentialsError::other("no such tenant")),
            Self::Fails => Err(CredentialsError::other(Error::from(ErrorKind::ConnectionRefused))),
            Self::Hangs => pending().await,
            Self::Panics => panic!("scripted panic"),
        }
    }
}

/// Issues a token to whoever asks.
fn issuer()
-> impl tower::Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = BoxError, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, BoxError>(Response::new(Full::from(r#"{"access_token":"good","expires_in":3600}"#)))
    })
}

fn tenant(look_up: LookUp) -> TokenRefresher {
    of_key(move || look_up.key())
}

fn of_key(key: impl AccessKeySource) -> TokenRefresher {
    ClientCredentials::with_client(issuer(), key).endpoint(ENDPOINT.parse().unwrap()).into()
}

fn of(tokens: &TokenRefresher) -> Request<Full<Bytes>> {
    let mut request = get(API);
    request.extensions_mut().insert(Account::from(tokens));
    request
}

async fn assert_fails_alone(look_up: LookUp, kind: TokenErrorKind, says: &str) {
    let (bad, good) = (tenant(look_up), tenant(LookUp::Finds("id")));
    let service = SinchAuthLayer::per_request().layer(MockApi::rejecting(&[]));
    let call = tokio::spawn(service.clone().oneshot(of(&bad)));
    settle().await;
    // Not a millisecond later because of the other.
    let answer = timeout(Duration::from_millis(1), service.clone().oneshot(of(&good))).await;
    assert_success(&answer.unwrap().unwrap());
    let error = timeout(BOUND, call).await.expect("in bounded time").unwrap().unwrap_err();
    let error = error.downcast_ref::<TokenError>().unwrap();
    assert_eq!(error.kind(), kind, "{error}");
    let told = format!("{error} {:?}", std::error::Error::source(error).map(ToString::to_string));
    assert!(told.contains(says), "{told}");
    assert!(good.status().last_error.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tenant() {
    assert_fails_alone(LookUp::Unknown, TokenErrorKind::Credentials, "no such tenant").await;
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_fails() {
    assert_fails_alone(LookUp::Fails, TokenErrorKind::Credentials, "connection refused").await;
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_failed_is_asked_again_within_5_seconds_however_often_it_did() {
    let failing = Arc::new(AtomicU32::new(20));
    let left = Arc::clone(&failing);
    let tokens = of_key(move || {
        let fails = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        let look_up = if fails { LookUp::Fails } else { LookUp::Finds("id") };
        look_up.key()
    });
    let service = SinchAuthLayer::per_request().layer(MockApi::rejecting(&[]));
    while failing.load(SeqCst) > 0 {
        let before = failing.load(SeqCst);
        service.clone().oneshot(of(&tokens)).await.unwrap_err();
        assert_eq!(failing.load(SeqCst), before - 1, "it is asked once");
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_success(&service.oneshot(of(&tokens)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_hangs() {
    assert_fails_alone(LookUp::Hangs, TokenErrorKind::TimedOut, "").await;
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_hangs_holds_a_call_no_longer_than_attempt_timeout_or_max_wait() {
    let second = Duration::from_secs(1);
    let hanging = ClientCredentials::with_client(issuer(), || LookUp::Hangs.key())
        .endpoint(ENDPOINT.parse().unwrap())
        .attempt_timeout(second);
    let hanging = TokenRefresher::builder(hanging).max_attempts(1).build();
    let service = SinchAuthLayer::per_request().layer(MockApi::rejecting(&[]));
    let call = timeout(2 * second, service.oneshot(of(&hanging))).await.expect("within the attempt");
    assert_eq!(call.unwrap_err().downcast_ref::<TokenError>().unwrap().kind(), TokenErrorKind::TimedOut);

    let service = SinchAuthLayer::per_request().max_wait(second).layer(MockApi::rejecting(&[]));
    let call = service.oneshot(of(&tenant(LookUp::Hangs)));
    let call = timeout(second + Duration::from_millis(1), call).await.expect("within `max_wait`");
    assert_eq!(call.unwrap_err().downcast_ref::<TokenError>().unwrap().kind(), TokenErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_panics() {
    assert_fails_alone(LookUp::Panics, TokenErrorKind::Panicked, "").await;
}

#[tokio::test(start_paused = true)]
async fn no_account() {
    let api = MockApi::rejecting(&[]);
    let error = SinchAuthLayer::per_request().layer(api.clone()).oneshot(get(API)).await.unwrap_err();
    assert!(error.is::<AccountError>() && !error.is::<AudienceError>() && !error.is::<TokenError>());
    assert!(api.received().is_empty());
}

#[test]
fn an_account_of_a_dropped_runtime() {
    let runtime = || Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (warm, flying) = (tenant(LookUp::Finds("warm")), tenant(LookUp::Finds("flying")));
    let gone = runtime();
    gone.block_on(warm.token()).unwrap();
    let waits = flying.clone();
    gone.spawn(async move { waits.token().await });
    drop(gone);
    let service = SinchAuthLayer::per_request().layer(MockApi::rejecting(&[]));
    runtime().block_on(async {
        for tokens in [&warm, &flying] {
            let answer = timeout(BOUND, service.clone().oneshot(of(tokens))).await;
            assert_success(&answer.expect("in bounded time").unwrap());
        }
    });
}
