//! What the issuer refuses, and what keeps a process from reaching it.

use std::time::Duration;

use http::StatusCode;
use tokio::time::sleep;
use tower_sinch_auth::{TokenErrorKind, TokenRefresher, testing::MemoryStore};

use super::{Issuer, headers, tokens};

const INVALID_CLIENT: &str = r#"{"error":"invalid_client","error_description":"no such client"}"#;

#[tokio::test(start_paused = true)]
async fn a_refusal_is_one_token_request_for_all() {
    let issuer = Issuer::new().then(StatusCode::UNAUTHORIZED, INVALID_CLIENT);
    let store = MemoryStore::new();
    for result in tokens(&issuer.processes(20, &store)).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Rejected);
        assert_eq!(error.oauth_error(), Some("invalid_client"));
        assert!(error.retry_after().is_some_and(|wait| wait <= Duration::from_secs(5)), "{error:?}");
    }
    assert_eq!(issuer.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_time_of_a_refusal_is_over_one_process_asks_again() {
    let issuer = Issuer::new().then(StatusCode::UNAUTHORIZED, INVALID_CLIENT);
    let store = MemoryStore::new();
    let processes = issuer.processes(20, &store);
    tokens(&processes).await;
    sleep(Duration::from_secs(6)).await;
    assert!(headers(&processes).await.iter().all(|header| header == "Bearer token-1"));
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_relayed_refusal_is_no_failed_token_request() {
    let issuer = Issuer::new().then(StatusCode::UNAUTHORIZED, INVALID_CLIENT);
    let store = MemoryStore::new();
    issuer.process(&store).token().await.unwrap_err();
    let other = issuer.process(&store);
    other.token().await.unwrap_err();
    let status = other.status();
    assert_eq!((status.token_requests, status.consecutive_failures), (0, 1));
    assert_eq!(status.last_error.unwrap().oauth_error(), Some("invalid_client"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_passes_is_waited_for_by_all() {
    let issuer = Issuer::new().then(StatusCode::SERVICE_UNAVAILABLE, "").then(StatusCode::BAD_GATEWAY, "");
    let headers = headers(&issuer.processes(20, &MemoryStore::new())).await;
    assert!(headers.iter().all(|header| header == "Bearer token-1"));
    assert_eq!(issuer.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn refusals_in_a_row_last_longer_whoever_met_them() {
    let mut issuer = Issuer::new();
    for _ in 0..40 {
        issuer = issuer.then(StatusCode::UNAUTHORIZED, INVALID_CLIENT);
    }
    let store = MemoryStore::new();
    let processes = issuer.processes(5, &store);
    for _ in 0..600 {
        tokens(&processes).await;
        sleep(Duration::from_secs(1)).await;
    }
    // Alone, one process makes some 15 in 10 minutes.
    assert!((8..=30).contains(&issuer.requests()), "{}", issuer.requests());
}

#[tokio::test(start_paused = true)]
async fn who_cannot_reach_the_issuer_does_not_keep_the_others_from_it() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let unreachable = tower::service_fn(|_| async {
        Err::<http::Response<http_body_util::Full<bytes::Bytes>>, _>(std::io::Error::from(
            std::io::ErrorKind::ConnectionRefused,
        ))
    });
    let key = tower_sinch_auth::AccessKey::new("key-id", "key-secret").unwrap();
    let credentials = tower_sinch_auth::ClientCredentials::with_client(unreachable, key);
    let cut_off = TokenRefresher::builder(credentials.shared_in(store.clone())).max_attempts(1).build();
    assert_eq!(cut_off.token().await.unwrap_err().kind(), TokenErrorKind::Unavailable);
    issuer.process(&store).token().await.unwrap();
    assert_eq!(issuer.requests(), 1);
    sleep(Duration::from_secs(2)).await;
    // What the others got, it can use.
    cut_off.token().await.unwrap();
}
