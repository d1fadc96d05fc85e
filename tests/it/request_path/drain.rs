//! The first answer's body: read within its bound before the retry, untouched otherwise.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt};
use tower_sinch_auth::BoxError;

use crate::support::{
    Answer,
    api::{API, BodyStep, ScriptedBody, get, rejection_with, scripted, token_of, warm},
};

const KIB: usize = 1024;
static PIECE: [u8; 4 * KIB] = [0; 4 * KIB];

/// Answers `token-1` with a 401 that has this body.
async fn answer_first(
    body: ScriptedBody,
    request: Request<Full<Bytes>>,
) -> Result<Response<ScriptedBody>, Infallible> {
    Ok(match token_of(request.headers()) {
        Some("token-1") => rejection_with(body),
        _ => Response::new(ScriptedBody::data(&["second"])),
    })
}

/// How much is read of the body of a first 401 that is retried.
async fn drained(body: ScriptedBody) -> usize {
    let read = body.counter();
    let (layer, _) = scripted();
    let service = layer.layer(tower::service_fn(move |request| answer_first(body.clone(), request)));
    let response = service.oneshot(get(API)).await.unwrap();
    let of_the_first = read.load(Ordering::SeqCst);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "second");
    of_the_first
}

#[tokio::test(start_paused = true)]
async fn a_short_body_is_read_to_its_end() {
    assert_eq!(drained(ScriptedBody::data(&["token ", "expired"])).await, "token expired".len());
    assert_eq!(drained(ScriptedBody::new(vec![BodyStep::Data(&PIECE); 3])).await, 3 * PIECE.len());
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_is_read_up_to_16_kib() {
    assert_eq!(drained(ScriptedBody::new([BodyStep::Endless(&PIECE)])).await, 16 * KIB);
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_of_empty_frames_ends_the_reading_too() {
    assert_eq!(drained(ScriptedBody::new([BodyStep::Endless(b"")])).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_yet_is_not_waited_for() {
    assert_eq!(drained(ScriptedBody::data(&["token"]).then(BodyStep::Pending)).await, "token".len());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_does_not_keep_the_request_from_its_retry() {
    assert_eq!(drained(ScriptedBody::data(&["token"]).then(BodyStep::Error("reset"))).await, "token".len());
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_401_that_is_not_retried_is_untouched() {
    let (layer, source) = warm().await;
    source.clone().then(Answer::Token("token-1", None));
    let body = ScriptedBody::data(&["token ", "expired"]);
    let read = body.counter();
    let service = layer.layer(tower::service_fn(move |request| answer_first(body.clone(), request)));
    let response = service.oneshot(get(API)).await.unwrap();
    assert_eq!(read.load(Ordering::SeqCst), 0);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "token expired");
}

#[tokio::test(start_paused = true)]
async fn the_first_body_is_gone_before_the_request_is_sent_again() {
    let held = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicUsize::new(0));
    let (watched, counted) = (Arc::clone(&held), Arc::clone(&calls));
    let inner = tower::service_fn(move |_: Request<Full<Bytes>>| {
        assert!(!watched.load(Ordering::SeqCst), "the first body is still there");
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        let body = Held::new(first, &watched);
        async move {
            let body = ScriptedBody::new([BodyStep::Pending]).map_frame(move |frame| {
                let _held = &body;
                frame
            });
            let response = rejection_with(body);
            Ok::<_, BoxError>(response)
        }
    });
    let (layer, _) = scripted();
    let _answer = layer.layer(inner).oneshot(get(API)).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

/// Marks the flag until dropped.
struct Held(Option<Arc<AtomicBool>>);

impl Held {
    fn new(marks: bool, flag: &Arc<AtomicBool>) -> Self {
        flag.store(marks, Ordering::SeqCst);
        Self(marks.then(|| Arc::clone(flag)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(flag) = &self.0 {
            flag.store(false, Ordering::SeqCst);
        }
    }
}
