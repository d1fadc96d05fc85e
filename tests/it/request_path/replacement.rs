//! Calls to an authority that rejected the token, while another one is fetched.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use http::{Request, StatusCode};
use http_body::Body;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt};
use tower_sinch_auth::{BoxError, BufferBody, NoReplay, TokenErrorKind};

use super::{HttpService, assert_called_with, assert_not_called, over_mock, revoking};
use crate::support::{
    Answer,
    api::{
        API, MockApi, assert_is_the_rejection, assert_success, get, rejection, settle, success, upload, warm,
    },
};

const SECOND: Duration = Duration::from_secs(1);
/// How long a call waits for a replacement.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Of another authority than [`API`].
const OTHER_API: &str = "https://fax.api.sinch.com/v3/faxes";

#[tokio::test(start_paused = true)]
async fn calls_that_start_meanwhile_wait_and_are_never_rejected() {
    let (layer, source) = warm().await;
    source.clone().delay(SECOND);
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.layer(api.clone());
    for response in join_all((0..100).map(|_| service.clone().oneshot(get(API)))).await {
        assert_success(&response.unwrap());
    }
    assert_eq!(source.requests(), 2);
    let rejected = api.tokens().iter().filter(|token| token.as_deref() == Some("token-1")).count();
    assert_eq!((rejected, api.received().len()), (1, 101));
}

/// Sends a hundred of `request` to an API that rejects `token-1`: the first one is lost, and the others wait.
async fn assert_costs_one_call<S, B, ResBody>(service: S, request: impl Fn() -> Request<B>)
where
    S: Service<Request<B>, Response = http::Response<ResBody>, Error = BoxError> + Clone,
{
    let calls = join_all((0..100).map(|_| service.clone().oneshot(request()))).await;
    let statuses: Vec<_> = calls.into_iter().map(|response| response.unwrap().status()).collect();
    assert_eq!(statuses[0], StatusCode::UNAUTHORIZED);
    assert_eq!(statuses[1..], [StatusCode::OK; 99]);
}

#[tokio::test(start_paused = true)]
async fn a_revocation_costs_one_call_without_replay() {
    let (layer, source) = warm().await;
    source.clone().delay(SECOND);
    let service = layer.replay(NoReplay).layer(MockApi::rejecting(&["token-1"]));
    assert_costs_one_call(service, || get(API)).await;
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_revocation_costs_one_upload_over_the_cap() {
    let (layer, source) = warm().await;
    source.clone().delay(SECOND);
    let service = layer.replay(BufferBody::up_to(4)).layer(MockApi::rejecting(&["token-1"]));
    let body = || http_body_util::Full::<bytes::Bytes>::from("more than four bytes");
    assert!(body().size_hint().lower() > 4);
    assert_costs_one_call(service, || upload(body())).await;
    assert_eq!(source.requests(), 2);
}

/// A call to [`API`] that was rejected and waits for its second token.
async fn rejected_call(service: &impl HttpService, handle: &mut super::Handle) -> Box<dyn Send> {
    let mut call = task::spawn(service.clone().oneshot(get(API)));
    assert_pending!(call.poll());
    assert_called_with(handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    settle().await;
    Box::new(call)
}

#[tokio::test(start_paused = true)]
async fn calls_to_other_authorities_go_on_with_the_token() {
    let (layer, source) = warm().await;
    source.clone().then(Answer::Hang);
    let (service, mut handle) = over_mock(&layer);
    let _rejected = rejected_call(&service, &mut handle).await;
    let mut other = task::spawn(service.clone().oneshot(get(OTHER_API)));
    assert_pending!(other.poll());
    assert_called_with(&mut handle, "token-1").send_response(success());
    assert_success(&assert_ready_ok!(other.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_2_s_and_the_next_one_does_not() {
    let (layer, source) = warm().await;
    source.clone().then(Answer::Hang);
    let (service, mut handle) = over_mock(&layer);
    let _rejected = rejected_call(&service, &mut handle).await;
    let mut waiting = task::spawn(service.clone().oneshot(get(API)));
    assert_pending!(waiting.poll());
    tokio::time::sleep(MAX_WAIT - SECOND / 10).await;
    assert_pending!(waiting.poll());
    assert_not_called(&mut handle);
    tokio::time::sleep(SECOND / 5).await;
    assert!(waiting.is_woken());
    assert_pending!(waiting.poll());
    assert_called_with(&mut handle, "token-1");
    let mut next = task::spawn(service.clone().oneshot(get(API)));
    assert_pending!(next.poll());
    assert_called_with(&mut handle, "token-1");
    assert_eq!(source.under_way(), 1, "the flight is in progress all the time");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_less_lets_the_next_one_wait() {
    let (layer, source) = warm().await;
    source.clone().then(Answer::Hang);
    let (service, mut handle) = over_mock(&layer);
    let _rejected = rejected_call(&service, &mut handle).await;
    let (impatient, mut theirs) = over_mock(&layer.max_wait(SECOND));
    let mut impatient = task::spawn(impatient.oneshot(get(API)));
    assert_pending!(impatient.poll());
    tokio::time::sleep(SECOND + SECOND / 10).await;
    assert_pending!(impatient.poll());
    assert_called_with(&mut theirs, "token-1");
    let mut next = task::spawn(service.clone().oneshot(get(API)));
    assert_pending!(next.poll());
    assert_not_called(&mut handle);
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_flight_a_call_goes_on_with_the_token() {
    let (layer, source) = warm().await;
    source.clone().delay(SECOND).then_error(TokenErrorKind::Rejected);
    let (service, mut handle) = over_mock(&layer);
    let rejected = rejected_call(&service, &mut handle).await;
    let mut waiting = task::spawn(service.clone().oneshot(get(API)));
    assert_pending!(waiting.poll());
    tokio::time::sleep(SECOND).await;
    assert_pending!(waiting.poll());
    assert_called_with(&mut handle, "token-1").send_response(success());
    assert_success(&assert_ready_ok!(waiting.poll()));
    drop(rejected);
}

#[tokio::test(start_paused = true)]
async fn a_revocation_seconds_after_an_accepted_token_heals() {
    let (layer, source) = warm().await;
    let revoked: Arc<AtomicU64> = Arc::default();
    let api = revoking(&revoked);
    let uploads = layer.clone().replay(NoReplay).layer(api.clone());
    let calls = layer.layer(api);
    for generation in 1..=2 {
        revoked.store(generation, Ordering::SeqCst);
        assert_is_the_rejection(uploads.clone().oneshot(get(API)).await.unwrap()).await;
        settle().await;
        for _ in 0..3 {
            assert_success(&calls.clone().oneshot(get(API)).await.unwrap());
            tokio::time::sleep(SECOND).await;
        }
    }
    assert_eq!(source.requests(), 3);
    assert_eq!(calls.refresher().unwrap().status().rejection_backoff, None);
}
