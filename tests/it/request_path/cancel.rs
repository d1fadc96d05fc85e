//! Dropping the response future, in each state: nothing stays behind.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio_test::{assert_pending, task};
use tower::{Service, ServiceExt};

use super::{assert_another_request_passes, assert_called_with, hold, one_at_a_time};
use crate::support::api::{API, get, rejection, scripted, settle, warm};

/// A request that shows by the count of the second whether it, or a copy, is still there.
fn marked() -> (Request<Full<Bytes>>, Arc<()>) {
    let marker = Arc::new(());
    let mut request = get(API);
    request.extensions_mut().insert(Arc::clone(&marker));
    (request, marker)
}

#[track_caller]
fn assert_gone(marker: &Arc<()>) {
    assert_eq!(Arc::strong_count(marker), 1, "the request is still there");
}

#[tokio::test(start_paused = true)]
async fn dropped_while_authorizing() {
    let (layer, source) = scripted();
    source.clone().delay(Duration::from_secs(1));
    let tokens = layer.refresher().unwrap().clone();
    let (mut service, mut handle) = one_at_a_time(layer);
    let (request, marker) = marked();
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(request));
    assert_pending!(call.poll());
    settle().await;
    drop(call);
    assert_gone(&marker);
    assert_another_request_passes(&service, &mut handle).await;
    // The token request belongs to no call: it goes on, and the next one has its token.
    assert_eq!(source.under_way(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(tokens.cached().is_some());
    assert_eq!((source.under_way(), source.requests()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn dropped_before_the_first_poll() {
    let (layer, _) = scripted();
    let (mut service, mut handle) = one_at_a_time(layer);
    let (request, marker) = marked();
    service.ready().await.unwrap();
    drop(service.call(request));
    assert_gone(&marker);
    assert_another_request_passes(&service, &mut handle).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_while_the_inner_service_is_not_ready() {
    let (layer, _) = scripted();
    let (mut service, mut handle) = one_at_a_time(layer);
    let (request, marker) = marked();
    let mut holder = service.clone();
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(request));
    assert_pending!(call.poll());
    settle().await;
    hold(&mut holder);
    assert_pending!(call.poll());
    drop(call);
    assert_gone(&marker);
    drop(holder);
    assert_another_request_passes(&service, &mut handle).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_while_called() {
    let (layer, _) = warm().await;
    let (service, mut handle) = one_at_a_time(layer);
    let (request, marker) = marked();
    let mut call = task::spawn(service.clone().oneshot(request));
    assert_pending!(call.poll());
    drop(assert_called_with(&mut handle, "token-1"));
    drop(call);
    assert_gone(&marker);
    assert_another_request_passes(&service, &mut handle).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_while_refreshing() {
    let (layer, source) = warm().await;
    source.clone().delay(Duration::from_secs(1));
    let (service, mut handle) = one_at_a_time(layer);
    let (request, marker) = marked();
    let mut call = task::spawn(service.clone().oneshot(request));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    drop(call);
    assert_gone(&marker);
    assert_another_request_passes(&service, &mut handle).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((source.under_way(), source.requests()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn dropped_while_retrying() {
    let (layer, _) = warm().await;
    let (service, mut handle) = one_at_a_time(layer);
    let (request, marker) = marked();
    let mut holder = service.clone();
    let mut call = task::spawn(service.clone().oneshot(request));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    hold(&mut holder);
    settle().await;
    assert_pending!(call.poll());
    drop(call);
    assert_gone(&marker);
    drop(holder);
    assert_another_request_passes(&service, &mut handle).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_while_retried() {
    let (layer, _) = warm().await;
    let (service, mut handle) = one_at_a_time(layer);
    let (request, marker) = marked();
    let mut call = task::spawn(service.clone().oneshot(request));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    settle().await;
    assert_pending!(call.poll());
    drop(assert_called_with(&mut handle, "token-2"));
    drop(call);
    assert_gone(&marker);
    assert_another_request_passes(&service, &mut handle).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_call_and_service_ends_the_token_request() {
    let (layer, source) = scripted();
    source.clone().delay(Duration::from_secs(1));
    let (mut service, _handle) = one_at_a_time(layer);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(get(API)));
    assert_pending!(call.poll());
    settle().await;
    assert_eq!(source.under_way(), 1);
    drop(service);
    drop(call);
    settle().await;
    assert_eq!(source.under_way(), 0);
}
