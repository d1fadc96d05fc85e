//! What happens to processes that share a token, so that it can be seen.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::sleep;
use tower_sinch_auth::{AccessKey, BoxError, ClientCredentials, TokenRefresher, testing::MemoryStore};

use super::scenario::MINUTE;
use crate::support::{HOUR, api::settle};

/// A process whose store fails and comes back, and one that takes what the other one got: a refusal, and a token.
pub(super) async fn an_outage_and_refusals() {
    let refused = Arc::new(AtomicBool::new(false));
    let issuer = tower::service_fn({
        let refused = Arc::clone(&refused);
        move |_: Request<Full<Bytes>>| {
            let refused = refused.swap(false, Ordering::Relaxed);
            async move {
                let answer = r#"{"access_token":"abc","expires_in":3600}"#;
                let mut answer = Response::new(Full::<Bytes>::from(answer));
                if refused {
                    *answer.status_mut() = StatusCode::BAD_GATEWAY;
                }
                Ok::<_, BoxError>(answer)
            }
        }
    });
    let store = MemoryStore::new();
    let process = || {
        let key = AccessKey::new("fleet", "key-secret").unwrap();
        let credentials = ClientCredentials::with_client(issuer.clone(), key).shared_in(store.clone());
        TokenRefresher::builder(credentials).max_attempts(1).build()
    };
    let (one, two) = (process(), process());
    store.refuse(true);
    one.token().await.unwrap();
    store.refuse(false);
    sleep(MINUTE).await;
    refused.store(true, Ordering::Relaxed);
    one.refresh(&one.cached().unwrap()).await.unwrap_err();
    two.token().await.unwrap_err();
    sleep(MINUTE).await;
    two.token().await.unwrap();
    // With a token at hand, it is told of another process' refusal.
    sleep(HOUR / 2).await;
    let three = process();
    refused.store(true, Ordering::Relaxed);
    three.refresh(&three.token().await.unwrap()).await.unwrap_err();
    two.refresh(&two.cached().unwrap()).await.unwrap_err();
    settle().await;
}
