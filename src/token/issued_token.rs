//! [`IssuedToken`]: what one attempt to get a token brings.

use std::{fmt, time::Duration};

use http::HeaderValue;

use crate::{
    audience::Audience,
    error::{TokenError, token::Kind},
    schedule::Lifetime,
};

/// What a [`TokenSource`](crate::TokenSource) brings: a token and how long it lives.
#[derive(Clone)]
pub struct IssuedToken {
    authorization: HeaderValue,
    lifetime: Lifetime,
    audience: Audience,
}

// === impl IssuedToken ===

impl IssuedToken {
    /// Creates a bearer token (RFC 6750) that lives for `lifetime` from when its request was sent.
    ///
    /// `None`: the issuer did not say; the refresher's `default_lifetime` applies. Less than 1 s counts as 1 s from
    /// receipt, more than 365 days as 365 days.
    ///
    /// # Errors
    ///
    /// [`TokenErrorKind::InvalidResponse`](crate::TokenErrorKind::InvalidResponse) if the token is empty or has a
    /// character other than visible ASCII (RFC 6750 §2.1).
    pub fn bearer(token: impl AsRef<str>, lifetime: Option<Duration>) -> Result<Self, TokenError> {
        let lifetime = lifetime.map_or(Lifetime::Unknown, Lifetime::Of);
        Ok(Self { authorization: bearer(token.as_ref())?, lifetime, audience: Audience::any() })
    }

    /// Sets where this token may travel, in addition to what its source says of all its tokens.
    ///
    /// A request is inside if both allow it. So a source that wraps another one, to log or to count, does not let its tokens
    /// go further. [`ClientCredentials`](crate::ClientCredentials) sets it for the tokens of Sinch's issuer. Default:
    /// [`Audience::any`].
    #[must_use]
    pub fn audience(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }

    /// Keeps the token within the audience of its source.
    pub(crate) fn within(self, source_audience: &Audience) -> Self {
        Self { audience: source_audience.and(&self.audience), ..self }
    }

    /// Creates a bearer token of which the issuer never issues another: a service plan's.
    pub(crate) fn never_expires(token: &str) -> Result<Self, TokenError> {
        Ok(Self { authorization: bearer(token)?, lifetime: Lifetime::Static, audience: Audience::any() })
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// Takes apart the token: its header, and where it may travel.
    pub(crate) fn into_parts(self) -> (HeaderValue, Audience) {
        (self.authorization, self.audience)
    }

    pub(crate) fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken")
            .field("authorization", &"[redacted]")
            .field("lifetime", &self.lifetime)
            .field("audience", &self.audience)
            .finish()
    }
}

/// Builds `Bearer {token}`, sensitive, from a token of visible ASCII (RFC 6750 §2.1 allows no more).
fn bearer(token: &str) -> Result<HeaderValue, TokenError> {
    if !is_visible_ascii(token) {
        return Err(TokenError::of(Kind::TokenCharacters));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| TokenError::of(Kind::TokenCharacters))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns whether `text` is not empty and has no space, control or non-ASCII character.
pub(crate) fn is_visible_ascii(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
