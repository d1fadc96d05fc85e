//! [`ApplicationKey`]: the credentials of an application at Verification and Voice v1.
//!
//! A key that no server could accept is refused here, before any I/O. The secret is wiped from memory when dropped
//! and has no getter. What is signed with it, and how, is decided in [`signing`](crate::signing).

use std::fmt;

use base64::{
    Engine,
    alphabet::{Alphabet, STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use super::field;
use crate::{error::CredentialsError, token::is_visible_ascii};

/// An application key and its secret: for Verification and Voice v1, whose requests are signed.
///
/// Make an application in the [Sinch dashboard](https://dashboard.sinch.com/verification/apps), which shows both.
/// `Debug` redacts the secret, dropping wipes it.
///
/// # Examples
///
/// ```
/// # use tower_sinch_auth::ApplicationKey;
/// let key = ApplicationKey::new("669E367E-6BBA-48AB-AF15-266871C28135", "BeIukql3pTKJ8RGL5zo0DA==")?;
/// assert!(!format!("{key:?}").contains("BeIukql3pTKJ8RGL5zo0DA"));
/// # Ok::<(), tower_sinch_auth::CredentialsError>(())
/// ```
#[derive(Clone)]
pub struct ApplicationKey {
    key: String,
    /// Decoded.
    secret: Zeroizing<Vec<u8>>,
}

/// What the errors call the two.
const KEY: &str = "application key";
const SECRET: &str = "application secret";

// === impl ApplicationKey ===

impl ApplicationKey {
    /// Creates an application key from the key and its secret, which is base64 (RFC 4648 §4 or §5), padded or not.
    ///
    /// # Errors
    ///
    /// If the key is empty, or has a `:` or a character other than visible ASCII; or if the secret is empty, has a
    /// control character (a line break at the end, most often), or is not base64, because a character of it is missing,
    /// for example.
    pub fn new(key: impl Into<String>, secret_base64: impl Into<String>) -> Result<Self, CredentialsError> {
        let secret_base64 = Zeroizing::new(secret_base64.into());
        let key = key.into();
        field::check(KEY, &key)?;
        field::check(SECRET, &secret_base64)?;
        if !is_visible_ascii(&key) {
            return Err(CredentialsError::not_visible_ascii(KEY));
        }
        if key.contains(':') {
            return Err(CredentialsError::colon(KEY, SECRET));
        }
        let secret = decode(&secret_base64).ok_or(CredentialsError::not_base64(SECRET))?;
        if secret.is_empty() {
            return Err(CredentialsError::empty(SECRET));
        }
        Ok(Self { key, secret })
    }

    /// Reads the application key from the environment: `SINCH_APPLICATION_KEY` and `SINCH_APPLICATION_SECRET`.
    ///
    /// # Errors
    ///
    /// As [`ApplicationKey::new`], and if a variable is not set; the error names it.
    pub fn from_env() -> Result<Self, CredentialsError> {
        Self::new(field::variable("SINCH_APPLICATION_KEY")?, field::variable("SINCH_APPLICATION_SECRET")?)
    }

    /// Returns the key without its secret. It is part of every request, and no secret.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for ApplicationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationKey").field("key", &self.key).field("secret", &"[redacted]").finish()
    }
}

/// Decodes base64 into a buffer that is allocated once, and wiped when dropped, also if `text` is no base64.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    let mut secret = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length = engine(alphabet).decode_slice(text, &mut secret).ok()?;
    secret.truncate(length);
    Some(secret)
}

/// Takes base64 with and without padding.
fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

#[cfg(test)]
mod tests;
