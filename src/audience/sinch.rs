//! [`Product`]: Sinch's hosts, by the credential that each takes.
//!
//! The label next to `.api.sinch.com` names the product. New ones appear there, and take OAuth tokens.

use super::host::{Host, SINCH_APIS, Subdomain};

/// What a host of Sinch serves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    /// `zt.{region}.sms.api.sinch.com`: takes OAuth tokens.
    SmsByProject,
    /// `{region}.sms.api.sinch.com`: takes the API token of a service plan.
    SmsByServicePlan,
    /// `sms.api.sinch.com` and others below it: no documented host.
    OtherSms,
    /// `verification.api.sinch.com`, and Voice v1 at `calling.api.sinch.com`, `calling-{region}.api.sinch.com` and
    /// `callingapi.sinch.com`: takes requests signed with an application key.
    Signed,
    /// What has such a name or a similar one, but is no documented host: it gets neither token nor signature.
    OtherSigned,
    /// Sinch Engage at `{region}.app.api.sinch.com`: another platform with credentials of its own.
    Engage,
    /// Any other host below `.api.sinch.com`: takes OAuth tokens.
    OAuth,
}

// === impl Product ===

impl Product {
    /// Returns what `host` serves, or `None` if it is no API of Sinch.
    pub(super) fn of(host: Host<'_>) -> Option<Self> {
        let Some(Subdomain { prefix, label }) = host.subdomain(SINCH_APIS) else {
            return host.is("callingapi.sinch.com").then_some(Self::Signed);
        };
        Some(if label.eq_ignore_ascii_case("sms") {
            Self::of_sms(prefix)
        } else if label.eq_ignore_ascii_case("verification") || starts_with(label, "calling") {
            Self::of_signed(prefix)
        } else if label.eq_ignore_ascii_case("app") {
            Self::Engage
        } else {
            Self::OAuth
        })
    }

    /// Returns which SMS API has `prefix` before `.api.sinch.com`.
    #[inline(never)]
    fn of_sms(prefix: &str) -> Self {
        match prefix.split('.').count() {
            _ if starts_with(prefix, "zt.") => Self::SmsByProject,
            2 => Self::SmsByServicePlan,
            _ => Self::OtherSms,
        }
    }

    /// Returns whether an API that takes signed requests has `prefix` before `.api.sinch.com`.
    fn of_signed(prefix: &str) -> Self {
        let is_region = |region: &str| !region.is_empty() && !region.contains('.');
        let region = prefix.get("calling".len()..).unwrap_or_default().strip_prefix('-');
        let is_known = prefix.eq_ignore_ascii_case("verification")
            || prefix.eq_ignore_ascii_case("calling")
            || (starts_with(prefix, "calling-") && region.is_some_and(is_region));
        if is_known { Self::Signed } else { Self::OtherSigned }
    }

    pub(super) fn takes_oauth(self) -> bool {
        matches!(self, Self::OAuth | Self::SmsByProject)
    }

    pub(super) fn is_sms(self) -> bool {
        matches!(self, Self::SmsByProject | Self::SmsByServicePlan | Self::OtherSms)
    }
}

/// Whether `host` issues Sinch's tokens.
pub(super) fn is_issuer(host: Host<'_>) -> bool {
    host.is("auth.sinch.com") || host.subdomain(".auth.sinch.com").is_some()
}

/// Whether `name` starts with `start`, in any case.
fn starts_with(name: &str, start: &str) -> bool {
    name.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}
