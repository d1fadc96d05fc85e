//! [`Audience`]: where a token or a signed request may travel.
//!
//! A token that reaches the wrong host is a leaked credential, so hosts are compared strictly: case-insensitively,
//! without a trailing dot, ignoring userinfo and port. A host that cannot be read is outside.

use std::{fmt, sync::Arc};

use http::{
    HeaderMap, Uri,
    header::HOST,
    uri::{Authority, Scheme},
};

use self::{host::Host, listed::Listed, sinch::Product};
use crate::error::{AudienceError, audience::Kind};

mod host;
mod listed;
mod sinch;

/// The hosts that may see a token, or a signed request.
///
/// A request without authority in its URI (origin-form: the connection decides where it goes) is inside. A `Host`
/// header, where there is one, must name an allowed host, too. Off loopback (`localhost`, `127.0.0.0/8`, `::1`)
/// a host is allowed over `https` only.
///
/// # Examples
///
/// ```
/// # use tower_sinch_auth::Audience;
/// // One host, and every host below another domain (but not `example.org` itself).
/// let audience = Audience::hosts(["api.example.com", ".example.org"]);
/// ```
#[derive(Clone)]
pub struct Audience(Hosts);

#[derive(Clone, PartialEq, Eq)]
enum Hosts {
    Any,
    SinchApis,
    SmsServicePlans,
    ApplicationApis,
    Listed(Arc<Listed>),
    /// What both allow.
    Both(Arc<(Hosts, Hosts)>),
}

// === impl Audience ===

impl Audience {
    /// Allows every host, over any scheme. This is the default for tokens of a source that does not say otherwise.
    #[must_use]
    pub fn any() -> Self {
        Self(Hosts::Any)
    }

    /// Allows Sinch's OAuth APIs: `https` hosts below `.api.sinch.com`, and loopback for tests.
    ///
    /// Outside are the hosts below it that take another credential: `verification`, `calling*` (Voice v1),
    /// `{region}.app` (Sinch Engage), and `{region}.sms` (SMS by service plan) without `zt.`. This is the default for
    /// tokens issued by `auth.sinch.com`.
    #[must_use]
    pub fn sinch_apis() -> Self {
        Self(Hosts::SinchApis)
    }

    /// Allows the SMS API by service plan: `https://{region}.sms.api.sinch.com`, and loopback for tests.
    ///
    /// This is the default for a [`ServicePlan`](crate::ServicePlan).
    #[must_use]
    pub fn sms_service_plans() -> Self {
        Self(Hosts::SmsServicePlans)
    }

    /// Allows the APIs that take signed requests: `https://verification.api.sinch.com`, Voice v1 at
    /// `https://calling.api.sinch.com`, `https://calling-{region}.api.sinch.com` and `https://callingapi.sinch.com`,
    /// and loopback for tests.
    ///
    /// This is the default of the layer that signs, which is in the feature `signing`.
    #[must_use]
    pub fn application_apis() -> Self {
        Self(Hosts::ApplicationApis)
    }

    /// Allows the listed hosts: `"a.b"` is that host only, `".b"` and `"*.b"` are any host below `b` but not `b` itself.
    ///
    /// Over `https`, except for hosts on loopback, which are allowed only if they are listed. An entry is read for its
    /// host, a name (in Punycode, if it is an international one) or an IP address: scheme, userinfo, port and path
    /// are cut off, and `"http://a.b:8443/v1"` is `"a.b"`, over `https` and on every port. An entry that is no host
    /// even then matches nothing, and a `WARN` event names it when a layer, or a refresher of such a source, is built.
    #[must_use]
    pub fn hosts<I>(hosts: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Self(Hosts::Listed(Arc::new(hosts.into_iter().collect())))
    }

    /// Returns the entries of [`Audience::hosts`] that name no host. Userinfo in them is hidden.
    pub(crate) fn invalid_entries(&self) -> Vec<&str> {
        self.0.invalid_entries()
    }

    /// Returns an audience that allows what both allow.
    pub(crate) fn and(&self, other: &Self) -> Self {
        if self.0.is_within(&other.0) {
            self.clone()
        } else if other.0.is_within(&self.0) {
            other.clone()
        } else {
            Self(Hosts::Both(Arc::new((self.0.clone(), other.0.clone()))))
        }
    }

    /// Decides whether a request to `uri` with these headers may carry the token.
    #[inline]
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), AudienceError> {
        match self.0 {
            Hosts::Any => Ok(()),
            _ => self.check_hosts(uri, headers),
        }
    }

    /// Decides whether a request to `uri` with these headers may be signed. An API that takes tokens is not merely
    /// outside, whatever the audience.
    #[cfg(feature = "signing")]
    pub(crate) fn check_signed(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), AudienceError> {
        self.check(uri, headers).map_err(|error| {
            let product = error.host().and_then(|host| Product::of(Host::normalize(host)));
            let kind = match (error.kind(), product) {
                (Kind::Outside, Some(product)) if product.is_sms() => Kind::Sms,
                (Kind::Outside, Some(Product::OAuth)) => Kind::TakesAccessKey,
                (kind, _) => kind,
            };
            error.of_signature(kind)
        })
    }

    fn check_hosts(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), AudienceError> {
        if let Some(authority) = uri.authority() {
            let host = Host::of(authority);
            self.check_host(host)?;
            if uri.scheme() != Some(&Scheme::HTTPS) && !host.is_loopback() {
                return Err(AudienceError::new(Some(host.as_str()), Kind::NotHttps));
            }
        }
        if headers.keys().any(|name| name == HOST) { self.check_host_header(headers) } else { Ok(()) }
    }

    #[cold]
    fn check_host_header(&self, headers: &HeaderMap) -> Result<(), AudienceError> {
        for field in headers.get_all(HOST) {
            match Authority::try_from(field.as_bytes()) {
                Ok(authority) => self.check_host(Host::of(&authority))?,
                Err(_) => return Err(AudienceError::new(None, Kind::Unreadable)),
            }
        }
        Ok(())
    }

    fn check_host(&self, host: Host<'_>) -> Result<(), AudienceError> {
        if self.0.allows(host) { Ok(()) } else { Err(self.0.refuse(host)) }
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Hosts ===

impl Hosts {
    fn allows(&self, host: Host<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::SinchApis => Product::of(host).is_some_and(Product::takes_oauth) || host.is_loopback(),
            Self::SmsServicePlans => {
                Product::of(host) == Some(Product::SmsByServicePlan) || host.is_loopback()
            }
            Self::ApplicationApis => Product::of(host) == Some(Product::Signed) || host.is_loopback(),
            Self::Listed(listed) => listed.contains(host),
            Self::Both(both) => both.0.allows(host) && both.1.allows(host),
        }
    }

    /// Whether `other` is known to allow all that this allows.
    fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Any) => true,
            (_, Self::Both(other)) if self.is_within(&other.0) && self.is_within(&other.1) => true,
            (Self::Both(this), _) => this.0.is_within(other) || this.1.is_within(other),
            _ => self == other,
        }
    }

    fn invalid_entries(&self) -> Vec<&str> {
        match self {
            Self::Any | Self::SinchApis | Self::SmsServicePlans | Self::ApplicationApis => Vec::new(),
            Self::Listed(listed) => listed.invalid().iter().map(AsRef::as_ref).collect(),
            Self::Both(both) => [both.0.invalid_entries(), both.1.invalid_entries()].concat(),
        }
    }

    #[cold]
    fn refuse(&self, host: Host<'_>) -> AudienceError {
        match host.as_str() {
            "" => AudienceError::new(None, Kind::Unreadable),
            name => AudienceError::new(Some(name), self.refusal(host)),
        }
    }

    /// Returns why `host` is outside. A host that takes another credential is not merely [`Kind::Outside`], whose
    /// message advises to widen the audience.
    fn refusal(&self, host: Host<'_>) -> Kind {
        match (Product::of(host), self) {
            (_, Self::Both(both)) => {
                let refusing = [&both.0, &both.1].into_iter().filter(|hosts| !hosts.allows(host));
                let mut kinds = refusing.map(|hosts| hosts.refusal(host));
                kinds.find(|kind| *kind != Kind::Outside).unwrap_or(Kind::Outside)
            }
            (Some(Product::Signed | Product::OtherSigned), _) => Kind::TakesSignature,
            (Some(Product::Engage), _) => Kind::Engage,
            (Some(product), Self::SinchApis | Self::SmsServicePlans) if product.is_sms() => Kind::Sms,
            (Some(Product::OAuth), Self::SmsServicePlans) => Kind::TakesAccessKey,
            _ => Kind::Outside,
        }
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("Audience::any()"),
            Self::SinchApis => f.write_str("Audience::sinch_apis()"),
            Self::SmsServicePlans => f.write_str("Audience::sms_service_plans()"),
            Self::ApplicationApis => f.write_str("Audience::application_apis()"),
            Self::Listed(listed) => write!(f, "Audience::hosts({listed:?})"),
            Self::Both(both) => write!(f, "{:?} and {:?}", both.0, both.1),
        }
    }
}

/// Whether `host` names the machine itself. An IPv6 address may have the brackets that URIs give it.
pub(crate) fn is_loopback(host: &str) -> bool {
    Host::normalize(host).is_loopback()
}

/// Whether `host` issues Sinch's tokens.
pub(crate) fn is_sinch_issuer(host: &str) -> bool {
    sinch::is_issuer(Host::normalize(host))
}

#[cfg(test)]
mod tests;
