//! [`Listed`]: the hosts that an application lists itself.

use std::{fmt, net::Ipv6Addr};

use http::uri::Authority;

use super::host::{Host, is_name};

/// What the entries of a list name.
#[derive(PartialEq, Eq)]
pub(super) struct Listed {
    /// Normalized and in lower case. A leading dot means any subdomain.
    hosts: Box<[Box<str>]>,
    /// The entries that name no host.
    invalid: Box<[Box<str>]>,
}

// === impl Listed ===

impl Listed {
    pub(super) fn contains(&self, host: Host<'_>) -> bool {
        self.hosts.iter().any(|listed| {
            if listed.starts_with('.') { host.subdomain(listed).is_some() } else { host.is(listed) }
        })
    }

    /// Returns the entries that match nothing, as they were given but for their userinfo.
    pub(super) fn invalid(&self) -> &[Box<str>] {
        &self.invalid
    }
}

impl<E: AsRef<str>> FromIterator<E> for Listed {
    fn from_iter<I: IntoIterator<Item = E>>(entries: I) -> Self {
        let (mut hosts, mut invalid) = (Vec::new(), Vec::new());
        for entry in entries {
            match read(entry.as_ref()) {
                Some(host) => hosts.push(host),
                None => invalid.push(redact(entry.as_ref())),
            }
        }
        Self { hosts: hosts.into(), invalid: invalid.into() }
    }
}

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.hosts)?;
        if self.invalid.is_empty() { Ok(()) } else { write!(f, ", invalid: {:?}", self.invalid) }
    }
}

/// Reads the host, or the domain with its leading dot, that `entry` names.
fn read(entry: &str) -> Option<Box<str>> {
    let entry = entry.trim();
    // An IPv6 address alone needs no brackets.
    if is_ipv6(entry) {
        return Some(entry.to_ascii_lowercase().into());
    }
    let authority = Authority::try_from(authority(entry)).ok().filter(has_sound_port)?;
    let host = Host::normalize(authority.host()).as_str();
    let host = host.strip_prefix('*').filter(|domain| domain.starts_with('.')).unwrap_or(host);
    let is_sound = match host.strip_prefix('.') {
        Some(domain) => is_name(domain) && !ends_in_number(domain),
        None => is_name(host) || is_ipv6(host),
    };
    is_sound.then(|| host.to_ascii_lowercase().into())
}

/// Cuts scheme, path, query and fragment off.
fn authority(entry: &str) -> &str {
    let rest = match entry.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => entry,
    };
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether `text` has the bytes of a scheme only, unlike a path that holds a URI.
fn is_scheme(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Whether a port is digits, if there is one. Otherwise `https:/a.b` would be the host `https`.
fn has_sound_port(authority: &Authority) -> bool {
    let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = host_and_port.strip_prefix(authority.host()).unwrap_or_default();
    let is_number = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    port.is_empty() || port.strip_prefix(':').is_some_and(is_number)
}

/// Whether what ends in `domain` is an IPv4 address, which has no subdomains.
fn ends_in_number(domain: &str) -> bool {
    domain.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_ipv6(host: &str) -> bool {
    host.parse::<Ipv6Addr>().is_ok()
}

/// Hides userinfo, which may hold a password: invalid entries are logged.
fn redact(entry: &str) -> Box<str> {
    match entry.rsplit_once('@') {
        Some((_, rest)) => format!("***@{rest}").into(),
        None => entry.into(),
    }
}
