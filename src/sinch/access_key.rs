//! [`AccessKey`] and [`AccessKeySource`]: the credentials of an account at Sinch's OAuth2 issuer.
//!
//! A key that no server could accept is refused here, before any I/O. The secret is wiped from memory when dropped
//! and has no getter.

use std::{fmt, future::Future, pin::Pin};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use zeroize::Zeroizing;

use super::field;
use crate::error::CredentialsError;

/// A Sinch access key: KEY ID and KEY SECRET, which are an OAuth2 `client_id` and `client_secret`.
///
/// Make one in the [Sinch dashboard](https://dashboard.sinch.com/settings/access-keys). The secret is shown once,
/// when the key is made. `Debug` redacts it, dropping wipes it.
///
/// # Examples
///
/// ```
/// # use tower_sinch_auth::AccessKey;
/// let key = AccessKey::new("6f3c6c9e-3d4a-4d39-b0a5-0d8a3c9d1f2e", "a key secret")?;
/// assert!(!format!("{key:?}").contains("a key secret"));
/// # Ok::<(), tower_sinch_auth::CredentialsError>(())
/// ```
#[derive(Clone)]
pub struct AccessKey {
    key_id: String,
    key_secret: Zeroizing<String>,
}

/// A source of access keys. It is read before every token request, so that a rotated key is used without a restart.
///
/// Implemented by [`AccessKey`] itself and by closures `Fn() -> impl Future<Output = Result<AccessKey, _>>`.
///
/// # Examples
///
/// ```
/// # use tower_sinch_auth::{AccessKey, AccessKeySource, CredentialsError};
/// async fn from_the_vault() -> Result<AccessKey, CredentialsError> {
///     let secret = std::fs::read_to_string("/run/secrets/sinch").map_err(CredentialsError::other)?;
///     AccessKey::new("6f3c6c9e-3d4a-4d39-b0a5-0d8a3c9d1f2e", secret.trim_end())
/// }
/// fn is_a_source(_: impl AccessKeySource) {}
/// is_a_source(from_the_vault);
/// ```
pub trait AccessKeySource: Send + Sync + 'static {
    /// Reads the access key. Reading and token request share `ClientCredentials::attempt_timeout`.
    ///
    /// # Errors
    ///
    /// Any error of the source, wrapped by [`CredentialsError::other`]. The token request then fails with
    /// [`TokenErrorKind::Credentials`](crate::TokenErrorKind::Credentials).
    fn access_key(&self) -> impl Future<Output = Result<AccessKey, CredentialsError>> + Send;
}

/// [`AccessKeySource`] behind a pointer.
pub(super) trait DynAccessKeySource: Send + Sync {
    fn dyn_access_key(&self) -> DynAccessKey<'_>;
}

type DynAccessKey<'a> = Pin<Box<dyn Future<Output = Result<AccessKey, CredentialsError>> + Send + 'a>>;

/// What fosite's form-decoding of the Basic pair (RFC 6749 §2.3.1) would change, while `curl -u` sends it raw: both
/// kinds of servers read the rest alike. `utf8_percent_encode` encodes what is not ASCII by itself.
const FORM_SPECIAL: &AsciiSet = &CONTROLS.add(b'%').add(b'+');

// === impl AccessKey ===

impl AccessKey {
    /// Creates an access key from its KEY ID and KEY SECRET.
    ///
    /// # Errors
    ///
    /// If either is empty or has a control character (a line break at the end, most often), or if the KEY ID has a
    /// `:`, which HTTP Basic cannot carry (RFC 7617 §2).
    pub fn new(key_id: impl Into<String>, key_secret: impl Into<String>) -> Result<Self, CredentialsError> {
        let key_secret = Zeroizing::new(key_secret.into());
        let key_id = key_id.into();
        field::check("KEY ID", &key_id)?;
        field::check("KEY SECRET", &key_secret)?;
        if key_id.contains(':') {
            return Err(CredentialsError::colon());
        }
        Ok(Self { key_id, key_secret })
    }

    /// Reads the access key from the environment: `SINCH_KEY_ID` and `SINCH_KEY_SECRET`.
    ///
    /// # Errors
    ///
    /// As [`AccessKey::new`], and if a variable is not set; the error names it.
    pub fn from_env() -> Result<Self, CredentialsError> {
        Self::new(field::variable("SINCH_KEY_ID")?, field::variable("SINCH_KEY_SECRET")?)
    }

    /// Returns the KEY ID, which is no secret: Sinch bills by it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Builds what HTTP Basic carries: both halves with [`FORM_SPECIAL`] encoded, and a colon between.
    fn encoded_pair(&self) -> Zeroizing<String> {
        // The capacity is the most that encoding makes of it, so that no half-grown copy is left in memory.
        let mut pair =
            Zeroizing::new(String::with_capacity(3 * (self.key_id.len() + self.key_secret.len()) + 1));
        pair.extend(utf8_percent_encode(&self.key_id, FORM_SPECIAL));
        pair.push(':');
        pair.extend(utf8_percent_encode(&self.key_secret, FORM_SPECIAL));
        pair
    }

    /// Builds the HTTP Basic value (RFC 7617) of this key, marked sensitive.
    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        let pair = self.encoded_pair();
        let mut value = Zeroizing::new(String::with_capacity(6 + pair.len().div_ceil(3) * 4));
        value.push_str("Basic ");
        BASE64_STANDARD.encode_string(pair.as_bytes(), &mut value);
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Whether `text` gives away the secret: as it is, as it travels, or as others write the same pair.
    pub(super) fn leaks_into(&self, text: &str) -> bool {
        let travels = self.basic();
        let encoded = travels.as_ref().and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
        let pair = Zeroizing::new(format!("{}:{}", self.key_id, self.key_secret.as_str()));
        let plain = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
        let holds = |encoded: &str| text.contains(encoded.trim_end_matches('='));
        let sent = self.encoded_pair();
        let secret_as_sent = sent.split_once(':').map(|(_, secret)| secret);
        text.contains(self.key_secret.as_str())
            || secret_as_sent.is_some_and(|secret| text.contains(secret))
            || holds(&plain)
            || encoded.is_some_and(holds)
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("key_id", &self.key_id).field("key_secret", &"[redacted]").finish()
    }
}

impl AccessKeySource for AccessKey {
    async fn access_key(&self) -> Result<AccessKey, CredentialsError> {
        Ok(self.clone())
    }
}

// === impl AccessKeySource ===

impl<F, Fut> AccessKeySource for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<AccessKey, CredentialsError>> + Send,
{
    fn access_key(&self) -> impl Future<Output = Result<AccessKey, CredentialsError>> + Send {
        self()
    }
}

impl<K: AccessKeySource> DynAccessKeySource for K {
    fn dyn_access_key(&self) -> DynAccessKey<'_> {
        Box::pin(self.access_key())
    }
}

#[cfg(test)]
mod tests;
