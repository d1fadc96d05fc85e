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
use tracing::Level;

use super::{Observed, scenario::MINUTE};
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

/// A process whose tokens are due at once, so that each call asks the store or the issuer.
fn busy(store: &MemoryStore) -> TokenRefresher {
    let issuer = tower::service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(r#"{"access_token":"abc","expires_in":0}"#)))
    });
    let key = AccessKey::new("fleet", "key-secret").unwrap();
    TokenRefresher::new(ClientCredentials::with_client(issuer, key).shared_in(store.clone()))
}

async fn call_for_a_minute(tokens: &TokenRefresher) {
    for _ in 0..60 {
        tokens.token().await.unwrap();
        sleep(MINUTE / 60).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_store_is_one_warning_and_its_end_one_line() {
    let observed = Observed::start();
    let (down, back) = ("token store unavailable", "token store answers again");
    let seen = |name| observed.log.events_named(name).iter().map(|event| event.level).collect::<Vec<_>>();
    let store = MemoryStore::new();
    let tokens = busy(&store);
    call_for_a_minute(&tokens).await;
    assert_eq!((seen(down), seen(back)), (vec![], vec![]), "it never failed");
    store.refuse(true);
    call_for_a_minute(&tokens).await;
    assert_eq!((seen(down), seen(back)), (vec![Level::WARN], vec![]));
    let warning = observed.log.events_named(down).remove(0);
    assert!(warning.field("error").contains("the issuer is asked meanwhile"), "{warning:?}");
    store.refuse(false);
    call_for_a_minute(&tokens).await;
    assert_eq!((seen(down), seen(back)), (vec![Level::WARN], vec![Level::INFO]));
}

#[tokio::test(start_paused = true)]
async fn the_name_under_which_a_token_is_shared_is_logged_once() {
    let observed = Observed::start();
    call_for_a_minute(&busy(&MemoryStore::new())).await;
    let names = observed.log.events_named("token shared");
    assert_eq!((names.len(), names[0].level), (1, Level::DEBUG));
    assert!(names[0].field("store.entry").ends_with(":token"), "{names:?}");
}
