//! [`State`]: what the server knows, under one lock that is never held across an await.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use tokio::time::Instant;

use super::{answer::Rules, bucket::Bucket, challenge::Challenge, counts::Counts, exchange::Endpoint};
use crate::{
    schedule::{Clock, deadline},
    sinch::AccessKey,
};

/// The state that the handles and the tasks of one server share.
#[derive(Debug)]
pub(super) struct State(Mutex<Known>);

#[derive(Debug)]
pub(super) struct Known {
    pub(super) key: AccessKey,
    /// The tokens that nobody revoked, each with the time when it expires.
    pub(super) live: HashMap<String, Instant>,
    pub(super) lifetime: Duration,
    pub(super) bucket: Bucket,
    pub(super) challenge: Challenge,
    pub(super) counts: Counts,
    /// The requests to the token endpoint that are in progress.
    token_requests: u64,
    on_token: Rules,
    on_api: Rules,
}

/// Counts a request as in progress until dropped, however it ends.
pub(super) struct InProgress<'a> {
    state: &'a State,
    endpoint: Endpoint,
}

/// The lifetime of Sinch's tokens.
const LIFETIME: Duration = Duration::from_secs(3599);
/// The length of an RS256 signature with the usual key of 2048 bits.
const SIGNATURE: usize = 256;

// === impl State ===

impl State {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Known {
            key: random_key(),
            live: HashMap::new(),
            lifetime: LIFETIME,
            bucket: Bucket::full(now()),
            challenge: Challenge::default(),
            counts: Counts::default(),
            token_requests: 0,
            on_token: Rules::default(),
            on_api: Rules::default(),
        }))
    }

    /// A panic under the lock leaves nothing half-done: the lock outlives it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request whose head has arrived.
    pub(super) fn begin(&self, endpoint: Endpoint) -> InProgress<'_> {
        let known = &mut *self.lock();
        let counts = &mut known.counts;
        match endpoint {
            Endpoint::Token => {
                known.token_requests += 1;
                counts.token_requests += 1;
                counts.token_requests_at_once = counts.token_requests_at_once.max(known.token_requests);
            }
            Endpoint::Api => counts.api_requests += 1,
        }
        InProgress { state: self, endpoint }
    }
}

// === impl Known ===

impl Known {
    pub(super) fn rules(&mut self, endpoint: Endpoint) -> &mut Rules {
        match endpoint {
            Endpoint::Token => &mut self.on_token,
            Endpoint::Api => &mut self.on_api,
        }
    }

    /// Issues a token. It is unlike all others.
    pub(super) fn issue(&mut self) -> String {
        self.counts.tokens_issued += 1;
        let token = jwt(self.key.key_id(), self.counts.tokens_issued);
        let now = now();
        self.live.retain(|_, expires| *expires > now);
        self.live.insert(token.clone(), deadline(now, self.lifetime));
        token
    }

    pub(super) fn is_live(&self, token: &str) -> bool {
        self.live.get(token).is_some_and(|expires| *expires > now())
    }
}

// === impl InProgress ===

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        if let Endpoint::Token = self.endpoint {
            self.state.lock().token_requests -= 1;
        }
    }
}

/// Reads the server's clock, which obeys `tokio::time::pause`.
pub(super) fn now() -> Instant {
    Clock::SYSTEM.now().mono
}

/// Makes up a key as the dashboard shows them: a UUID, and a secret with a `:`, which the Basic pair must survive.
#[expect(clippy::expect_used, reason = "a key may have all characters of hexadecimal and base64url")]
pub(super) fn random_key() -> AccessKey {
    let key_id = format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        fastrand::u32(..),
        fastrand::u16(..),
        fastrand::u16(..0x1000),
        fastrand::u16(..0x1000),
        fastrand::u64(..1 << 48),
    );
    let key_secret = format!("{}:{}", random(9), random(9));
    AccessKey::new(key_id, key_secret).expect("a valid access key")
}

/// Builds a token in the shape of a JWT (RFC 7519). Nobody signs it.
fn jwt(client_id: &str, number: u64) -> String {
    let part = |json: String| BASE64_URL_SAFE_NO_PAD.encode(json);
    let header = part(r#"{"alg":"RS256","kid":"fake-sinch","typ":"JWT"}"#.to_owned());
    let claims = part(format!(r#"{{"client_id":"{client_id}","jti":"{number}","scp":[]}}"#));
    format!("{header}.{claims}.{}", random(SIGNATURE))
}

/// Draws `length` random bytes, in base64url.
fn random(length: usize) -> String {
    let bytes: Vec<u8> = (0..length).map(|_| fastrand::u8(..)).collect();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
