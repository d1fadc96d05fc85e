//! [`Tokens`]: the tokens that live. Each says in its claims whose it is.

use std::{collections::HashMap, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::schedule::deadline;

/// The tokens that live: none that was revoked is among them.
#[derive(Default)]
pub(super) struct Tokens {
    expire_at: HashMap<String, Instant>,
}

/// What the payload of a token says, in the names that Sinch's tokens have.
#[derive(Deserialize, Serialize)]
struct Claims {
    client_id: String,
    jti: String,
    scp: [(); 0],
}

/// The length of an RS256 signature with the usual key of 2048 bits.
const SIGNATURE: usize = 256;

// === impl Tokens ===

impl Tokens {
    /// Issues a token to a KEY ID. It is unlike all others.
    pub(super) fn issue(&mut self, key_id: &str, number: u64, now: Instant, lifetime: Duration) -> String {
        let token = jwt(key_id, number);
        self.expire_at.retain(|_, expires| *expires > now);
        self.expire_at.insert(token.clone(), deadline(now, lifetime));
        token
    }

    pub(super) fn is_live(&self, token: &str, now: Instant) -> bool {
        self.expire_at.get(token).is_some_and(|expires| *expires > now)
    }

    pub(super) fn revoke_all(&mut self) {
        self.expire_at.clear();
    }

    pub(super) fn revoke_of(&mut self, key_id: &str) {
        self.expire_at.retain(|token, _| owner(token).as_deref() != Some(key_id));
    }
}

/// Reads the KEY ID that a token was issued to, whether the token lives or not.
pub(super) fn owner(token: &str) -> Option<String> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Some(claims.client_id)
}

/// Builds a token in the shape of a JWT (RFC 7519). Nobody signs it.
fn jwt(key_id: &str, number: u64) -> String {
    let claims = Claims { client_id: key_id.to_owned(), jti: number.to_string(), scp: [] };
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"fake-sinch","typ":"JWT"}"#);
    // Two texts and an empty list always are JSON.
    let claims = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap_or_default());
    format!("{header}.{claims}.{}", random(SIGNATURE))
}

/// Draws `length` random bytes, in base64url.
pub(super) fn random(length: usize) -> String {
    let bytes: Vec<u8> = (0..length).map(|_| fastrand::u8(..)).collect();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
