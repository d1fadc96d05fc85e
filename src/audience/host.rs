//! [`Host`]: a host as audiences compare it.

use std::net::{IpAddr, Ipv6Addr};

/// A host without one trailing dot, and without the brackets of an IPv6 address.
#[derive(Clone, Copy)]
pub(super) struct Host<'h>(&'h str);

/// A host below a suffix, without the suffix.
pub(super) struct Subdomain<'h> {
    pub(super) prefix: &'h str,
    /// The last label of `prefix`.
    pub(super) label: &'h str,
}

// === impl Host ===

impl<'h> Host<'h> {
    pub(super) fn normalize(host: &'h str) -> Self {
        let host = host.strip_suffix('.').unwrap_or(host);
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        Self(bracketed.filter(|address| address.parse::<Ipv6Addr>().is_ok()).unwrap_or(host))
    }

    pub(super) fn as_str(self) -> &'h str {
        self.0
    }

    /// Whether this is the host `name`, in any case.
    pub(super) fn is(self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }

    /// Whether this names the machine itself.
    pub(super) fn is_loopback(self) -> bool {
        self.is("localhost")
            || self.0.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// Splits the host into the part before `suffix` and that part's last label. `None` if an empty label, a port,
    /// userinfo or a bracket is left.
    pub(super) fn subdomain(self, suffix: &str) -> Option<Subdomain<'h>> {
        let (prefix, end) = self.0.split_at_checked(self.0.len().checked_sub(suffix.len())?)?;
        if !end.eq_ignore_ascii_case(suffix) || !is_name(prefix) {
            return None;
        }
        let label = prefix.rsplit('.').next()?;
        Some(Subdomain { prefix, label })
    }
}

/// Whether `host` consists of labels of letters, digits, `-` and `_`. No other byte is part of a name.
pub(super) fn is_name(host: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    host.split('.').all(|label| !label.is_empty() && label.bytes().all(is_allowed))
}
