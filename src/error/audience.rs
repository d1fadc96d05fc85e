//! [`AudienceError`]: why a request was not sent.

use std::{error::Error, fmt};

/// A request was not sent because its host is outside the [`Audience`](crate::Audience): of the token, or of the layer
/// that signs.
#[derive(Clone, Debug)]
pub struct AudienceError {
    host: Option<Box<str>>,
    kind: Kind,
    credential: Credential,
}

/// What the request would have carried to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Credential {
    Token,
    #[cfg(feature = "signing")]
    Signature,
}

/// Why a host must not see the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The audience does not contain the host.
    Outside,
    /// The audience contains the host, but the request would travel in the clear.
    NotHttps,
    /// The request names no host that can be read.
    Unreadable,
    /// The SMS API takes another token at another host.
    Sms,
    /// The host takes the tokens of access keys, not that of a service plan.
    TakesAccessKey,
    /// The host takes signed requests, not tokens.
    TakesSignature,
    /// The host is Sinch Engage's.
    Engage,
}

// === impl AudienceError ===

impl AudienceError {
    pub(crate) fn new(host: Option<&str>, kind: Kind) -> Self {
        Self { host: host.map(Box::from), kind, credential: Credential::Token }
    }

    /// The same of a request that would have been signed, for `kind`.
    #[cfg(feature = "signing")]
    pub(crate) fn of_signature(self, kind: Kind) -> Self {
        Self { kind, credential: Credential::Signature, ..self }
    }

    #[cfg(feature = "signing")]
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the host that must not see the credential, or `None` if the request names none that can be read.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    fn fmt_of_token(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host().unwrap_or_default();
        match self.kind {
            Kind::Outside => write!(
                f,
                "{host} is outside the token's audience; allow it with `SinchAuthLayer::audience`, or mark the \
                 request with `RequestAuth::skip()`"
            ),
            Kind::NotHttps => write!(f, "the token may go to {host} over https only; use https"),
            Kind::Unreadable => f.write_str(
                "the request names no host that can be read, so its token could go anywhere; correct its URI or its \
                 `Host` header",
            ),
            Kind::Sms => {
                let region = sms_region(host);
                write!(
                    f,
                    "{host} does not take this token; use zt.{region}.sms.api.sinch.com with an access key, or \
                     {region}.sms.api.sinch.com with a `ServicePlan`"
                )
            }
            Kind::TakesAccessKey => write!(
                f,
                "{host} takes the token of an access key, not that of a service plan; use a layer with an `AccessKey`"
            ),
            Kind::TakesSignature => write!(
                f,
                "{host} takes requests that are signed with an application key, not tokens; use a \
                 `SignedRequestLayer`, of the feature `signing`, or sign the request, and mark it with \
                 `RequestAuth::skip()`"
            ),
            Kind::Engage => write!(
                f,
                "{host} is Sinch Engage, another platform with credentials of its own; add those to the request, and \
                 mark it with `RequestAuth::skip()`"
            ),
        }
    }

    #[cfg(feature = "signing")]
    fn fmt_of_signature(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host().unwrap_or_default();
        match self.kind {
            Kind::Outside | Kind::TakesSignature => write!(
                f,
                "{host} is outside the audience of signed requests; allow it with `SignedRequestLayer::audience`, or \
                 mark the request with `RequestAuth::skip()`"
            ),
            Kind::NotHttps => write!(f, "a signed request may go to {host} over https only; use https"),
            Kind::Unreadable => f.write_str(
                "the request names no host that can be read, so its signature could go anywhere; correct its URI or \
                 its `Host` header",
            ),
            Kind::Sms => {
                let region = sms_region(host);
                write!(
                    f,
                    "{host} does not take signed requests; use a `SinchAuthLayer`, with an access key for \
                     zt.{region}.sms.api.sinch.com, with a `ServicePlan` for {region}.sms.api.sinch.com"
                )
            }
            Kind::TakesAccessKey => write!(
                f,
                "{host} takes the token of an access key, not a signed request; use a `SinchAuthLayer` with an \
                 `AccessKey`"
            ),
            Kind::Engage => write!(
                f,
                "{host} is Sinch Engage, another platform with credentials of its own; add those to the request, and \
                 mark it with `RequestAuth::skip()`"
            ),
        }
    }
}

impl fmt::Display for AudienceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not sent: ")?;
        match self.credential {
            Credential::Token => self.fmt_of_token(f),
            #[cfg(feature = "signing")]
            Credential::Signature => self.fmt_of_signature(f),
        }
    }
}

/// The region in a host of the SMS API, or what stands for it.
fn sms_region(host: &str) -> &str {
    let host = host.strip_prefix("zt.").unwrap_or(host);
    host.split_once(".sms.").map_or("{region}", |(region, _)| region)
}

impl Error for AudienceError {}
