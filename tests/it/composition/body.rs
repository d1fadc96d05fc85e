//! tower-http's layers, which change headers and bodies, under us and over us.

use http::{HeaderName, HeaderValue};
use tower::ServiceBuilder;
use tower_http::{
    compression::CompressionLayer, decompression::DecompressionLayer, set_header::SetRequestHeaderLayer,
    trace::TraceLayer,
};

use super::assert_same;

fn set_header() -> SetRequestHeaderLayer<HeaderValue> {
    SetRequestHeaderLayer::overriding(
        HeaderName::from_static("user-agent"),
        HeaderValue::from_static("a stack"),
    )
}

#[tokio::test(start_paused = true)]
async fn trace_under_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(auth).layer(TraceLayer::new_for_http()).service(api))
        .await;
}

#[tokio::test(start_paused = true)]
async fn trace_over_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(TraceLayer::new_for_http()).layer(auth).service(api))
        .await;
}

#[tokio::test(start_paused = true)]
async fn set_request_header_under_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(auth).layer(set_header()).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn set_request_header_over_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(set_header()).layer(auth).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn compression_under_us() {
    assert_same(|auth, api| {
        ServiceBuilder::new()
            .layer(DecompressionLayer::new())
            .layer(auth)
            .layer(CompressionLayer::new())
            .service(api)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn compression_over_us() {
    assert_same(|auth, api| {
        ServiceBuilder::new()
            .layer(DecompressionLayer::new())
            .layer(CompressionLayer::new())
            .layer(auth)
            .service(api)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn decompression_under_us() {
    assert_same(|auth, api| {
        ServiceBuilder::new()
            .layer(auth)
            .layer(DecompressionLayer::new())
            .layer(CompressionLayer::new())
            .service(api)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn decompression_over_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(DecompressionLayer::new()).layer(auth).service(api))
        .await;
}
