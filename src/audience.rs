//! [`Audience`]: where a token may travel.
//!
//! A token that reaches the wrong host is a leaked credential, so hosts are compared strictly: case-insensitively,
//! without a trailing dot, ignoring userinfo and port; what cannot be read is outside.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use http::{
    HeaderMap, Uri,
    header::HOST,
    uri::{Authority, Scheme},
};

use crate::error::{AudienceError, Refusal};

/// The hosts that may see a token.
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

#[derive(Clone)]
enum Hosts {
    Any,
    SinchApis,
    SmsServicePlans,
    /// Lower case, without trailing dot; a leading dot means "any subdomain".
    Listed(Arc<[Box<str>]>),
}

/// What stands before a suffix of a host.
struct Below<'h> {
    prefix: &'h str,
    /// The last one of `prefix`.
    label: &'h str,
}

/// What all of Sinch's API hosts end in.
const API_SUFFIX: &str = ".api.sinch.com";

// === impl Audience ===

impl Audience {
    /// Allows every host, over any scheme. The default for tokens of a source that does not say otherwise.
    #[must_use]
    pub fn any() -> Self {
        Self(Hosts::Any)
    }

    /// Allows Sinch's OAuth APIs: `https` hosts below `.api.sinch.com`, and loopback for tests.
    ///
    /// Not the hosts below it that take another credential: `verification`, `calling*` (Voice v1), and
    /// `{region}.sms` (SMS by service plan) without `zt.`. The default for tokens issued by `auth.sinch.com`.
    #[must_use]
    pub fn sinch_apis() -> Self {
        Self(Hosts::SinchApis)
    }

    /// Allows the SMS API by service plan: `https://{region}.sms.api.sinch.com`, and loopback for tests.
    ///
    /// The default for a [`ServicePlan`](crate::ServicePlan).
    #[must_use]
    pub fn sms_service_plans() -> Self {
        Self(Hosts::SmsServicePlans)
    }

    /// Allows the listed hosts: `"a.b"` is that host only, `".b"` any host below `b` but not `b` itself.
    ///
    /// Over `https`, except for hosts on loopback, which are allowed only if they are listed. An entry is a host name
    /// or an IP address, without scheme, port or path.
    #[must_use]
    pub fn hosts<I>(hosts: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Self(Hosts::Listed(hosts.into_iter().map(|host| normal(host.as_ref()).into()).collect()))
    }

    /// Decides whether a request to `uri` with these headers may carry the token.
    #[inline]
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), AudienceError> {
        match self.0 {
            Hosts::Any => Ok(()),
            _ => self.check_hosts(uri, headers),
        }
    }

    fn check_hosts(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), AudienceError> {
        if let Some(authority) = uri.authority() {
            let host = trimmed(authority.host());
            if !self.allows(host) {
                return Err(AudienceError::new(Some(host), Refusal::Host));
            }
            if uri.scheme() != Some(&Scheme::HTTPS) && !names_loopback(host) {
                return Err(AudienceError::new(Some(host), Refusal::NotHttps));
            }
        }
        if headers.keys().any(|name| name == HOST) { self.check_host_header(headers) } else { Ok(()) }
    }

    #[cold]
    fn check_host_header(&self, headers: &HeaderMap) -> Result<(), AudienceError> {
        for host in headers.get_all(HOST) {
            let authority = Authority::try_from(host.as_bytes()).ok();
            let host = authority.as_ref().map(|authority| trimmed(authority.host()));
            if !host.is_some_and(|host| self.allows(host)) {
                return Err(AudienceError::new(host, Refusal::Host));
            }
        }
        Ok(())
    }

    /// Whether `host`, which is [`trimmed`], is among these.
    fn allows(&self, host: &str) -> bool {
        match &self.0 {
            Hosts::Any => true,
            Hosts::SinchApis => below(host, API_SUFFIX).is_some_and(takes_oauth) || names_loopback(host),
            Hosts::SmsServicePlans => {
                below(host, ".sms.api.sinch.com").is_some_and(is_sms_region) || names_loopback(host)
            }
            Hosts::Listed(hosts) => hosts.iter().any(|listed| {
                if listed.starts_with('.') {
                    below(host, listed).is_some()
                } else {
                    host.eq_ignore_ascii_case(listed)
                }
            }),
        }
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Hosts::Any => f.write_str("Audience::any()"),
            Hosts::SinchApis => f.write_str("Audience::sinch_apis()"),
            Hosts::SmsServicePlans => f.write_str("Audience::sms_service_plans()"),
            Hosts::Listed(hosts) => write!(f, "Audience::hosts({hosts:?})"),
        }
    }
}

/// Whether `host` is a name for this machine. IPv6 literals may come in brackets, as URIs have them.
pub(crate) fn is_loopback(host: &str) -> bool {
    names_loopback(trimmed(host))
}

/// Whether `host`, which is [`trimmed`], is a name for this machine.
fn names_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether `host` issues Sinch's tokens.
pub(crate) fn is_sinch_issuer(host: &str) -> bool {
    let host = trimmed(host);
    host.eq_ignore_ascii_case("auth.sinch.com") || below(host, ".auth.sinch.com").is_some()
}

/// Whether a host below `.api.sinch.com` takes OAuth tokens. The label next to the suffix names the product.
fn takes_oauth(Below { prefix, label: product }: Below<'_>) -> bool {
    let starts_with = |start: &str| product.get(..start.len()).is_some_and(|p| p.eq_ignore_ascii_case(start));
    let by_project = || prefix.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("zt."));
    !product.eq_ignore_ascii_case("verification")
        && !starts_with("calling")
        && (!product.eq_ignore_ascii_case("sms") || by_project())
}

/// Whether a host below `.sms.api.sinch.com` is that of a region.
fn is_sms_region(Below { prefix, label }: Below<'_>) -> bool {
    prefix.len() == label.len() && !prefix.eq_ignore_ascii_case("zt")
}

/// `host` up to `suffix`, if it ends in that and a name stands before it, and nothing but a name.
fn below<'h>(host: &'h str, suffix: &str) -> Option<Below<'h>> {
    let (prefix, end) = host.split_at_checked(host.len().checked_sub(suffix.len())?)?;
    if !end.eq_ignore_ascii_case(suffix) || !is_name(prefix) {
        return None;
    }
    let label = prefix.rsplit('.').next()?;
    Some(Below { prefix, label })
}

/// Whether `host` is labels of letters, digits, `-` and `_`: no other byte of an authority belongs to a name.
fn is_name(host: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    host.split('.').all(|label| !label.is_empty() && label.bytes().all(is_of_name))
}

/// `host` without one trailing dot and without the brackets of an IPv6 address.
fn trimmed(host: &str) -> &str {
    let host = host.strip_suffix('.').unwrap_or(host);
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bracketed.filter(|address| address.parse::<Ipv6Addr>().is_ok()).unwrap_or(host)
}

fn normal(host: &str) -> String {
    trimmed(host.trim()).to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
