//! Which hosts may see a token, decided naively: label by label, from a table of the hosts of Sinch.

use std::net::{IpAddr, Ipv6Addr};

use http::uri::Authority;

/// An audience, as the naive reading knows it.
#[derive(Clone, Copy, Debug)]
pub enum Rule<'a> {
    /// `Audience::sinch_apis()`
    SinchApis,
    /// `Audience::sms_service_plans()`
    SmsServicePlans,
    /// `Audience::application_apis()`
    ApplicationApis,
    /// `Audience::hosts(…)`
    Listed(&'a [String]),
}

/// Where a request goes, as far as it says so: scheme and host, both in lower case.
#[derive(Debug, PartialEq)]
pub struct Destination {
    scheme: String,
    host: String,
}

// === impl Rule ===

impl Rule<'_> {
    /// Whether a request may go there.
    pub fn allows(self, to: &Destination) -> bool {
        self.allows_host(&to.host) && (to.scheme == "https" || is_loopback(&to.host))
    }

    /// Whether `host`, as [`host`] reads it, may see the token.
    pub fn allows_host(self, host: &str) -> bool {
        let labels: Vec<&str> = host.split('.').collect();
        match self {
            Self::Listed(listed) => {
                listed.iter().filter_map(|listed| entry(listed)).any(|entry| match entry.strip_prefix('.') {
                    Some(domain) => {
                        let above: Vec<&str> = domain.split('.').collect();
                        labels.ends_with(&above) && is_name(&labels, above.len())
                    }
                    None => host == entry,
                })
            }
            _ if is_loopback(host) => true,
            Self::ApplicationApis if host == "callingapi.sinch.com" => true,
            _ if !is_name(&labels, "api.sinch.com".split('.').count()) => false,
            Self::SinchApis => match *labels {
                // SMS by project is `zt.{region}`.
                [first, .., "sms", "api", "sinch", "com"] => first == "zt",
                [.., product, "api", "sinch", "com"] => {
                    !matches!(product, "app" | "sms" | "verification") && !product.starts_with("calling")
                }
                _ => false,
            },
            Self::SmsServicePlans => {
                matches!(*labels, [region, "sms", "api", "sinch", "com"] if region != "zt")
            }
            Self::ApplicationApis => match *labels {
                [product, "api", "sinch", "com"] => {
                    matches!(product, "verification" | "calling")
                        || product.strip_prefix("calling-").is_some_and(|region| !region.is_empty())
                }
                _ => false,
            },
        }
    }
}

// === impl Destination ===

impl Destination {
    /// The host that [`entry_by_url`] or [`by_url`](Self::by_url) read.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether this is an IP address, which has more than one spelling.
    pub fn is_address(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }

    /// Reads an absolute URI by the book (RFC 3986 §3): `None` if it names no host.
    pub fn of(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        Some(Self { scheme: scheme.to_ascii_lowercase(), host: host(authority) })
    }

    /// The same for a URI in authority-form (RFC 9112 §3.2.3), `host:port`.
    pub fn of_authority(authority: &str) -> Self {
        Self { scheme: String::new(), host: host(authority) }
    }

    /// Reads the same URI with the `url` crate.
    pub fn by_url(uri: &str) -> Option<Self> {
        let url = url::Url::parse(uri).ok()?;
        Some(Self { scheme: url.scheme().into(), host: normalize(url.host_str()?) })
    }
}

/// The host of an authority: neither what is before `@` nor the port.
pub fn host(authority: &str) -> String {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match (host.starts_with('['), host.find(']')) {
        (true, Some(end)) => host.get(..=end).unwrap_or_default(),
        _ => host.split(':').next().unwrap_or_default(),
    };
    normalize(host)
}

/// The host that an entry of a list names, or its domain behind a dot: `None` if it names neither.
pub fn entry(text: &str) -> Option<String> {
    let text = text.trim();
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some(text.to_ascii_lowercase());
    }
    let authority = authority(text);
    Authority::try_from(authority).ok()?;
    let after_userinfo = authority.rsplit('@').next()?;
    let bracketed = after_userinfo.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let port = match bracketed {
        Some((_, "")) => None,
        Some((_, behind)) => Some(behind.strip_prefix(':')?),
        None => after_userinfo.split_once(':').map(|(_, port)| port),
    };
    if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let host = host(authority);
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        ["" | "*", domain @ .., last] if last.chars().any(|c| !c.is_ascii_digit()) => {
            let domain = [domain, &[*last]].concat();
            is_name(&domain, 0).then(|| format!(".{}", domain.join(".")))
        }
        labels if is_name(labels, 0) || host.parse::<Ipv6Addr>().is_ok() => Some(host),
        _ => None,
    }
}

/// The `url` crate's reading of the same entry, without a star, if it has one.
pub fn entry_by_url(text: &str) -> Option<Destination> {
    let to = Destination::by_url(&format!("https://{}", authority(text.trim())))?;
    Some(Destination { host: to.host.strip_prefix('*').map_or(to.host.clone(), str::to_owned), ..to })
}

/// What is left of an entry without scheme, path, query and fragment.
fn authority(entry: &str) -> &str {
    let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let start =
        entry.find("://").filter(|end| entry.get(..*end).is_some_and(is_scheme)).map_or(0, |end| end + 3);
    let rest = entry.get(start..).unwrap_or_default();
    rest.find(['/', '?', '#']).and_then(|end| rest.get(..end)).unwrap_or(rest)
}

fn normalize(host: &str) -> String {
    let host = host.trim();
    let host = host.strip_suffix('.').unwrap_or(host);
    let within = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    within.filter(|address| address.parse::<Ipv6Addr>().is_ok()).unwrap_or(host).to_ascii_lowercase()
}

/// Whether what is below the last `above` labels is a name: one label at least, none empty, and none with a byte that is
/// not of a name.
fn is_name(labels: &[&str], above: usize) -> bool {
    let below = labels.len().checked_sub(above).and_then(|below| labels.get(..below)).unwrap_or_default();
    let is_label = |label: &&str| {
        !label.is_empty() && label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
    };
    !below.is_empty() && below.iter().all(is_label)
}

fn is_loopback(host: &str) -> bool {
    match host.parse() {
        Ok(IpAddr::V4(address)) => address.octets()[0] == 127,
        Ok(IpAddr::V6(address)) => match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => true,
            [0, 0, 0, 0, 0, 0xffff, high, _] => high >> 8 == 127,
            _ => false,
        },
        Err(_) => host == "localhost",
    }
}
