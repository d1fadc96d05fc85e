//! [`ServicePlan`]: the credentials of an account at the SMS API by service plan, which are its token, too.
//!
//! A plan that no server could accept is refused here, before any I/O. The API token is wiped from memory when dropped
//! and has no getter.

use std::fmt;

use zeroize::Zeroizing;

use super::field;
use crate::{
    audience::Audience,
    error::{CredentialsError, TokenError},
    telemetry::record_key_id,
    token::{IssuedToken, TokenSource, is_visible_ascii},
};

/// An SMS service plan: Service Plan ID and API token.
///
/// For the SMS API by service plan (`{region}.sms.api.sinch.com`) only: the API token is static, is sent as it is,
/// is never refreshed, and a `401` comes back as it came. For every other API, and for SMS by project
/// (`zt.{region}.sms.api.sinch.com`), use an [`AccessKey`](crate::AccessKey).
#[derive(Clone)]
pub struct ServicePlan {
    service_plan_id: String,
    api_token: Zeroizing<String>,
}

// === impl ServicePlan ===

impl ServicePlan {
    /// Creates a service plan from its Service Plan ID and API token.
    ///
    /// # Errors
    ///
    /// If the ID is empty or has a control character, or if the API token is empty or has a character other than
    /// visible ASCII.
    pub fn new(
        service_plan_id: impl Into<String>,
        api_token: impl Into<String>,
    ) -> Result<Self, CredentialsError> {
        let api_token = Zeroizing::new(api_token.into());
        let service_plan_id = service_plan_id.into();
        field::check("Service Plan ID", &service_plan_id)?;
        field::check("API token", &api_token)?;
        if !is_visible_ascii(&api_token) {
            return Err(CredentialsError::not_visible_ascii("API token"));
        }
        Ok(Self { service_plan_id, api_token })
    }

    /// Reads the service plan from the environment: `SINCH_SERVICE_PLAN_ID` and `SINCH_API_TOKEN`.
    ///
    /// # Errors
    ///
    /// As [`ServicePlan::new`], and if a variable is not set; the error names it.
    pub fn from_env() -> Result<Self, CredentialsError> {
        Self::new(field::variable("SINCH_SERVICE_PLAN_ID")?, field::variable("SINCH_API_TOKEN")?)
    }

    /// Returns the Service Plan ID, which is part of the API's paths and no secret.
    #[must_use]
    pub fn service_plan_id(&self) -> &str {
        &self.service_plan_id
    }
}

impl TokenSource for ServicePlan {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        record_key_id(self.service_plan_id());
        IssuedToken::never_expires(&self.api_token)
    }

    fn audience(&self) -> Audience {
        Audience::sms_service_plans()
    }
}

impl fmt::Debug for ServicePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServicePlan")
            .field("service_plan_id", &self.service_plan_id)
            .field("api_token", &"[redacted]")
            .finish()
    }
}

#[cfg(test)]
mod tests;
