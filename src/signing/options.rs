//! [`Options`]: the settings of a layer, which its services share.

use std::{fmt, sync::Arc};

use crate::{
    audience::Audience,
    schedule::Clock,
    sinch::ApplicationKey,
    switches::{ExistingAuthorization, OutsideAudience},
    telemetry::Observer,
};

#[derive(Clone)]
pub(super) struct Options {
    pub(super) key: ApplicationKey,
    pub(super) audience: Audience,
    pub(super) outside_audience: OutsideAudience,
    pub(super) existing_authorization: ExistingAuthorization,
    pub(super) body_limit: usize,
    pub(super) clock: Clock,
    pub(super) observer: Arc<Observer>,
}

/// What FakeSinch keeps of a body, and far more than Verification and Voice v1 take of parameters.
const BODY_LIMIT: usize = 64 * 1024;

// === impl Options ===

impl Options {
    pub(super) fn new(key: ApplicationKey) -> Self {
        Self {
            observer: Arc::new(Observer::named(key.key())),
            key,
            audience: Audience::application_apis(),
            outside_audience: OutsideAudience::default(),
            existing_authorization: ExistingAuthorization::default(),
            body_limit: BODY_LIMIT,
            clock: Clock::SYSTEM,
        }
    }

    /// Formats the settings as those of the public type `name`.
    pub(super) fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("key", &self.key)
            .field("audience", &self.audience)
            .field("outside_audience", &self.outside_audience)
            .field("existing_authorization", &self.existing_authorization)
            .field("body_limit", &self.body_limit)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("Options", f)
    }
}
