//! `CloneBody`, and what all policies have in common, end to end.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{BoxError, BufferBody, NoReplay};

use crate::support::api::{
    BodyStep, MockApi, ScriptedBody, assert_is_the_rejection, assert_success, scripted, settle, trailers,
    upload,
};

const TEXT: &str = "the whole body";

fn body() -> ScriptedBody {
    ScriptedBody::data(&["the ", "whole ", "body"]).then(BodyStep::Trailers(trailers()))
}

#[track_caller]
fn assert_sent_twice(api: &MockApi) {
    api.assert_tokens(&["token-1", "token-2"]);
    for seen in api.received() {
        assert_eq!(seen.body, TEXT);
        assert_eq!(seen.trailers, Some(trailers()));
    }
}

#[tokio::test(start_paused = true)]
async fn clone_body_sends_data_and_trailers_again() {
    let (layer, _) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.layer(api.clone());
    assert_success(&service.oneshot(upload(body())).await.unwrap());
    assert_sent_twice(&api);
}

#[tokio::test(start_paused = true)]
async fn buffer_body_sends_data_and_trailers_again() {
    let (layer, _) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.replay(BufferBody::up_to(TEXT.len())).layer(api.clone());
    assert_success(&service.oneshot(upload(body())).await.unwrap());
    assert_sent_twice(&api);
}

/// A body whose clones share what is left of it.
#[derive(Clone)]
struct Shared(Arc<Mutex<ScriptedBody>>);

impl Body for Shared {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut script = self.0.lock().unwrap();
        if script.is_end_stream() {
            return Poll::Ready(None);
        }
        Pin::new(&mut *script).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap().is_end_stream()
    }
}

#[tokio::test(start_paused = true)]
async fn clones_that_share_state_are_sent_again_by_buffer_body_alone() {
    let shared = || Shared(Arc::new(Mutex::new(body().with_size_hint())));
    let api = MockApi::rejecting(&["token-1"]);
    let service = scripted().0.replay(BufferBody::up_to(TEXT.len())).layer(api.clone());
    assert_success(&service.oneshot(upload(shared())).await.unwrap());
    assert_sent_twice(&api);
    // As the docs of `CloneBody` warn.
    let api = MockApi::rejecting(&["token-1"]);
    let service = scripted().0.layer(api.clone());
    assert_success(&service.oneshot(upload(shared())).await.unwrap());
    assert_eq!(api.received()[1].body, "");
}

#[tokio::test(start_paused = true)]
async fn no_replay_sends_once_and_the_next_request_gets_a_new_token() {
    let (layer, _) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.replay(NoReplay).layer(api.clone());
    let first = service.clone().oneshot(upload(body())).await.unwrap();
    assert_is_the_rejection(first).await;
    settle().await;
    assert_success(&service.oneshot(upload(body())).await.unwrap());
    assert_sent_twice(&api);
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_is_never_over_the_cap() {
    let (layer, _) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.replay(BufferBody::up_to(0)).layer(api.clone());
    let request = upload(Full::<Bytes>::default());
    assert_success(&service.oneshot(request).await.unwrap());
    api.assert_tokens(&["token-1", "token-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_cap_is_sent_once_and_the_token_replaced() {
    let (layer, source) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.replay(BufferBody::up_to(TEXT.len() - 1)).layer(api.clone());
    for first in [body(), body().with_size_hint()] {
        let seen = api.received().len();
        let response = service.clone().oneshot(upload(first)).await.unwrap();
        if seen == 0 {
            assert_is_the_rejection(response).await;
            settle().await;
        } else {
            assert_success(&response);
        }
    }
    assert_sent_twice(&api);
    assert_eq!(source.requests(), 2);
}
