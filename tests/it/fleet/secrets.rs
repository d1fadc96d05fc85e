//! What who can read a store learns, and what who can write to it can do.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use tower_sinch_auth::{BoxError, Stored, TokenStore, testing::MemoryStore};

use super::{Issuer, headers};

/// Everything that a store is told and tells.
#[derive(Clone, Default)]
struct Spy {
    inner: MemoryStore,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Spy {
    fn hear(&self, bytes: &[u8]) {
        self.heard.lock().unwrap().extend_from_slice(bytes);
    }
}

impl TokenStore for Spy {
    async fn load(&self, name: &str) -> Result<Option<Stored>, BoxError> {
        self.hear(name.as_bytes());
        self.inner.load(name).await
    }

    async fn compare_and_set(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, BoxError> {
        for bytes in [name.as_bytes(), expected.unwrap_or_default(), value] {
            self.hear(bytes);
        }
        self.inner.compare_and_set(name, expected, value, ttl).await
    }

    async fn compare_and_remove(&self, name: &str, expected: &[u8]) -> Result<bool, BoxError> {
        for bytes in [name.as_bytes(), expected] {
            self.hear(bytes);
        }
        self.inner.compare_and_remove(name, expected).await
    }
}

#[tokio::test(start_paused = true)]
async fn who_can_read_the_store_gets_no_token_and_no_secret() {
    let (issuer, store) = (Issuer::new(), Spy::default());
    headers(&issuer.processes(5, &store)).await;
    let heard = store.heard.lock().unwrap();
    assert!(heard.len() > 100);
    let basic = BASE64_STANDARD.encode("key-id:key-secret");
    for secret in ["token-1", "key-secret", "key-id", &basic, "Bearer", "sinch.com"] {
        let found = heard.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_by_who_does_not_know_the_secret_is_not_sent() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    headers(&issuer.processes(1, &store)).await;
    // Another fleet's entry, put under this one's name.
    let spy = Spy { inner: store.clone(), heard: Arc::default() };
    headers(&issuer.processes(1, &spy)).await;
    let name = String::from_utf8(spy.heard.lock().unwrap().clone()).unwrap();
    let there = store.load(&name).await.unwrap().unwrap();
    let mut forged = there.value.to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let hour = Duration::from_secs(3_600);
    assert!(store.compare_and_set(&name, Some(&there.value), &forged, hour).await.unwrap());
    assert_eq!(headers(&issuer.processes(1, &store)).await, ["Bearer token-2"]);
}
