//! [`Host`]: a host as audiences compare it.

use std::net::{IpAddr, Ipv6Addr};

use http::uri::Authority;

/// A host without one trailing dot, and without the brackets of an IPv6 address.
#[derive(Clone, Copy)]
pub(super) struct Host<'h> {
    text: &'h str,
    /// It consists of labels of letters, digits, `-` and `_`.
    is_name: bool,
}

/// The domain of Sinch's APIs. The label before it names the product.
pub(super) const SINCH_APIS: &str = ".api.sinch.com";

/// A host below a suffix, without the suffix.
pub(super) struct Subdomain<'h> {
    pub(super) prefix: &'h str,
    /// The last label of `prefix`.
    pub(super) label: &'h str,
}

// === impl Host ===

impl<'h> Host<'h> {
    /// Reads the host of `authority`. Most authorities are a name, and nothing stands beside it.
    pub(super) fn of(authority: &'h Authority) -> Self {
        let host = Self::normalize(authority.as_str());
        if host.is_name { host } else { Self::normalize(authority.host()) }
    }

    pub(super) fn normalize(host: &'h str) -> Self {
        let host = host.strip_suffix(".").unwrap_or(host);
        if is_name(host) { Self { text: host, is_name: true } } else { Self::unnamed(host) }
    }

    #[cold]
    fn unnamed(host: &'h str) -> Self {
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let address = bracketed.filter(|address| address.parse::<Ipv6Addr>().is_ok());
        Self { text: address.unwrap_or(host), is_name: false }
    }

    pub(super) fn as_str(self) -> &'h str {
        self.text
    }

    /// Whether this is the host `name`, in any case.
    pub(super) fn is(self, name: &str) -> bool {
        is_same(self.text, name)
    }

    /// Whether this names the machine itself.
    #[cold]
    pub(super) fn is_loopback(self) -> bool {
        self.is("localhost")
            || self.text.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// Splits the host into the part before `suffix` and that part's last label. `None` if nothing is left, or if this is
    /// no name.
    #[inline]
    pub(super) fn subdomain(self, suffix: &str) -> Option<Subdomain<'h>> {
        let (prefix, end) = self.text.split_at_checked(self.text.len().checked_sub(suffix.len())?)?;
        if !self.is_name || prefix.is_empty() || !is_same(end, suffix) {
            return None;
        }
        let label = prefix.bytes().rev().take_while(|byte| *byte != b'.').count();
        prefix.get(prefix.len() - label..).map(|label| Subdomain { prefix, label })
    }
}

/// Whether `host` consists of labels of letters, digits, `-` and `_`. No other byte is part of a name.
pub(super) fn is_name(host: &str) -> bool {
    // Most hosts end in labels that need not be read again.
    let labels = host.strip_suffix(SINCH_APIS).unwrap_or(host);
    let (mut before, mut wrong) = (DOT, 0);
    for byte in labels.bytes() {
        let class = CLASSES.get(usize::from(byte)).copied().unwrap_or(OTHER);
        // A byte that is none of a name, or a dot without a label before it.
        wrong |= class & (OTHER | before);
        before = class;
    }
    (wrong | before) & (OTHER | DOT) == 0
}

/// What a byte is in a name, as bits: nothing wrong, a dot, or none of a name.
const OF_LABEL: u8 = 0;
const DOT: u8 = 1;
const OTHER: u8 = 2;

static CLASSES: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut byte = 0;
    while byte < classes.len() {
        #[expect(clippy::indexing_slicing, reason = "it is computed when this compiles")]
        let class = &mut classes[byte];
        *class = match byte as u8 {
            b'.' => DOT,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => OF_LABEL,
            _ => OTHER,
        };
        byte += 1;
    }
    classes
};

/// Whether two hosts are the same, in any case. Most are in lower case, which is cheaper to see.
#[inline]
fn is_same(host: &str, other: &str) -> bool {
    host == other || host.eq_ignore_ascii_case(other)
}
