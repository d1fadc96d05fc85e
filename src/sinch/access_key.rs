//! [`AccessKey`] and [`AccessKeySource`]: the credentials of an account at Sinch's OAuth2 issuer.
//!
//! A key that no server could accept is refused here, before any I/O. The secret is wiped from memory when dropped
//! and has no getter.

use std::{fmt, future::Future, pin::Pin};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use percent_encoding::percent_encode_byte;
use zeroize::Zeroizing;

use super::field;
use crate::error::CredentialsError;
#[cfg(feature = "__client")]
use crate::fleet::Subject;

/// A Sinch access key: KEY ID and KEY SECRET, which are an OAuth2 `client_id` and `client_secret`.
///
/// Make one in the [Sinch dashboard](https://dashboard.sinch.com/settings/access-keys). The secret is shown once,
/// when the key is made. `Debug` redacts it, dropping wipes it.
///
/// # Encoding
///
/// HTTP Basic carries both halves (RFC 7617). RFC 6749 §2.3.1 wants them form-encoded, which most servers and clients
/// ignore. So only the two characters that form-decoding would change are percent-encoded: `%` and `+`. All others,
/// `é` or a space included, are sent as they are, and both kinds of servers read the same key.
///
/// A server that reads the halves raw refuses a key with a `%` or a `+` and says `invalid_client`. Sinch's keys have
/// neither. For such a server choose a key without them.
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

/// The scheme of HTTP Basic, up to the base64.
const BASIC: &str = "Basic ";

/// [`AccessKeySource`] behind a pointer.
pub(super) trait DynAccessKeySource: Send + Sync {
    fn dyn_access_key(&self) -> DynAccessKey<'_>;
}

type DynAccessKey<'a> = Pin<Box<dyn Future<Output = Result<AccessKey, CredentialsError>> + Send + 'a>>;

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
            return Err(CredentialsError::colon("KEY ID", "KEY SECRET"));
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

    /// Builds the HTTP Basic value (RFC 7617) of this key, marked sensitive.
    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.basic_value()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Returns whose token it is that a fleet shares.
    #[cfg(feature = "__client")]
    pub(super) fn subject<'a>(&'a self, endpoint: &'a str) -> Subject<'a> {
        Subject { endpoint, key_id: &self.key_id, key_secret: &self.key_secret }
    }

    /// Returns whether `text` holds the secret: as it is, as it is sent, or as others write the same pair.
    pub(super) fn leaks_into(&self, text: &str) -> bool {
        let (raw, sent) = (self.raw_pair(), self.encoded_pair());
        let holds_pair = |pair: &str| text.contains(base64(pair).trim_end_matches('='));
        let sent_secret = sent.split_once(':').map(|(_, secret)| secret);
        text.contains(self.key_secret.as_str())
            || sent_secret.is_some_and(|secret| text.contains(secret))
            || holds_pair(&raw)
            || holds_pair(&sent)
    }
}

// The buffers that hold the secret. Each is wiped when dropped and allocated once, at its final size: a buffer that grew
// would leave an unwiped copy of its beginning behind.
impl AccessKey {
    /// KEY ID and KEY SECRET as they are, with a colon between.
    fn raw_pair(&self) -> Zeroizing<String> {
        let mut pair = buffer(self.key_id.len() + 1 + self.key_secret.len());
        pair.push_str(&self.key_id);
        pair.push(':');
        pair.push_str(&self.key_secret);
        pair
    }

    /// KEY ID and KEY SECRET as they are sent, with a colon between.
    fn encoded_pair(&self) -> Zeroizing<String> {
        let mut pair = buffer(encoded_len(&self.key_id) + 1 + encoded_len(&self.key_secret));
        push_encoded(&mut pair, &self.key_id);
        pair.push(':');
        push_encoded(&mut pair, &self.key_secret);
        pair
    }

    fn basic_value(&self) -> Zeroizing<String> {
        let encoded = base64(&self.encoded_pair());
        let mut value = buffer(BASIC.len() + encoded.len());
        value.push_str(BASIC);
        value.push_str(&encoded);
        value
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

fn buffer(len: usize) -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(len))
}

/// `encode` allocates its result at its final size. `encode_string` would copy through a buffer on the stack.
fn base64(text: &str) -> Zeroizing<String> {
    Zeroizing::new(BASE64_STANDARD.encode(text))
}

/// Whether form-decoding (RFC 6749 §2.3.1) would change `char`. It leaves everything else as it is, raw UTF-8 included.
fn is_form_special(char: char) -> bool {
    matches!(char, '%' | '+')
}

fn encoded_len(half: &str) -> usize {
    half.len() + 2 * half.chars().filter(|char| is_form_special(*char)).count()
}

fn push_encoded(pair: &mut String, half: &str) {
    for char in half.chars() {
        match u8::try_from(char) {
            Ok(byte) if is_form_special(char) => pair.push_str(percent_encode_byte(byte)),
            _ => pair.push(char),
        }
    }
}

#[cfg(test)]
mod tests;
