//! Sinch's hosts, by the credential that each takes.
//!
//! | product | hosts | credential |
//! | --- | --- | --- |
//! | every other one, those to come included | `*.api.sinch.com` | OAuth token |
//! | SMS by project | `zt.{region}.sms.api.sinch.com` | OAuth token |
//! | SMS by service plan | `{region}.sms.api.sinch.com` | the service plan's API token |
//! | Verification | `verification.api.sinch.com` | signature with an application key |
//! | Voice v1 | `calling.api.sinch.com`, `calling-{region}.api.sinch.com` | signature with an application key |
//! | Sinch Engage, another platform | `{region}.app.api.sinch.com` | its own |
//!
//! The label next to the suffix names the product.

use super::host::{Host, Subdomain};

/// Whether `host` issues Sinch's tokens.
pub(super) fn is_issuer(host: Host<'_>) -> bool {
    host.is("auth.sinch.com") || host.subdomain(".auth.sinch.com").is_some()
}

/// Whether `host` takes OAuth tokens.
pub(super) fn takes_oauth(host: Host<'_>) -> bool {
    let Some(Subdomain { prefix, label: product }) = host.subdomain(".api.sinch.com") else { return false };
    !product.eq_ignore_ascii_case("verification")
        && !product.eq_ignore_ascii_case("app")
        && !starts_with(product, "calling")
        && (!product.eq_ignore_ascii_case("sms") || starts_with(prefix, "zt."))
}

/// Whether `host` takes the API tokens of service plans.
pub(super) fn takes_service_plan(host: Host<'_>) -> bool {
    let region = host.subdomain(".sms.api.sinch.com");
    region.is_some_and(|Subdomain { prefix, label }| prefix == label && !label.eq_ignore_ascii_case("zt"))
}

/// Whether `name` starts with `start`, in any case.
fn starts_with(name: &str, start: &str) -> bool {
    name.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}
