//! [`IssuedToken`]: what one attempt to get a token brings.

use std::{fmt, time::Duration};

use http::HeaderValue;

use super::status::TokenOrigin;
use crate::{
    audience::Audience,
    error::{TokenError, token::Kind},
    schedule::{Lifetime, Moment, Now},
};

/// What a [`TokenSource`](crate::TokenSource) brings: a token and how long it lives.
#[derive(Clone)]
pub struct IssuedToken {
    authorization: HeaderValue,
    lifetime: Lifetime,
    audience: Audience,
    issued: Issued,
    origin: TokenOrigin,
}

/// When a token was issued.
#[derive(Clone, Copy, Debug)]
enum Issued {
    /// So long before the attempt that brought it.
    Ago(Duration),
    #[cfg(feature = "__client")]
    At(Moment),
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
        Ok(Self::new(bearer(token.as_ref())?, lifetime))
    }

    fn new(authorization: HeaderValue, lifetime: Lifetime) -> Self {
        Self {
            authorization,
            lifetime,
            audience: Audience::any(),
            issued: Issued::Ago(Duration::ZERO),
            origin: TokenOrigin::Issuer,
        }
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

    /// Sets that the token was issued `age` before the attempt that brought it began: its lifetime is counted from then.
    ///
    /// For a source that hands on tokens which others asked for. Default: zero. A lifetime of 1 s or less counts from receipt
    /// nevertheless.
    #[must_use]
    pub fn issued_ago(self, age: Duration) -> Self {
        Self { issued: Issued::Ago(age), ..self }
    }

    /// Sets that the token was got from a store, and issued at `moment`.
    #[cfg(feature = "__client")]
    pub(crate) fn adopted(self, moment: Moment) -> Self {
        Self { issued: Issued::At(moment), origin: TokenOrigin::Store, ..self }
    }

    /// Sets when the token was issued, of which its own attempt is too late to tell.
    #[cfg(feature = "__client")]
    pub(crate) fn issued_at(self, moment: Moment) -> Self {
        Self { issued: Issued::At(moment), ..self }
    }

    /// Returns when the token was issued, if the attempt that brought it began at `began`.
    pub(crate) fn issued(&self, began: Now) -> Moment {
        match self.issued {
            Issued::Ago(before) => Moment { reading: began, before },
            #[cfg(feature = "__client")]
            Issued::At(moment) => moment,
        }
    }

    pub(crate) fn origin(&self) -> TokenOrigin {
        self.origin
    }

    /// Keeps the token within the audience of its source.
    pub(crate) fn within(self, source_audience: &Audience) -> Self {
        Self { audience: source_audience.and(&self.audience), ..self }
    }

    /// Creates a bearer token of which the issuer never issues another: a service plan's.
    pub(crate) fn never_expires(token: &str) -> Result<Self, TokenError> {
        Ok(Self::new(bearer(token)?, Lifetime::Static))
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
            .field("issued", &self.issued)
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
