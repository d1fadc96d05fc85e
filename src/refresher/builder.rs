//! [`TokenRefresherBuilder`]: the settings of a refresher.

use std::{fmt, sync::Arc, time::Duration};

use super::{shared::SharedState, token_refresher::TokenRefresher};
use crate::{
    audience::Audience,
    schedule::{Clock, Settings},
    telemetry::Observer,
    token::{DynTokenSource, TokenSource},
};

/// Builds a [`TokenRefresher`] with other settings than the defaults.
pub struct TokenRefresherBuilder {
    source: Arc<dyn DynTokenSource>,
    audience: Audience,
    settings: Settings,
    clock: Clock,
    key_id_label: bool,
}

// === impl TokenRefresher ===

impl TokenRefresher {
    /// Creates a refresher with the default settings.
    #[must_use]
    pub fn new(source: impl TokenSource) -> Self {
        Self::builder(source).build()
    }

    /// Starts to build a refresher with other settings.
    #[must_use]
    pub fn builder(source: impl TokenSource) -> TokenRefresherBuilder {
        TokenRefresherBuilder::new(source)
    }
}

/// Takes any source, with the default settings: what [`SinchAuthLayer::new`](crate::SinchAuthLayer::new) accepts.
// Without a client, an `AccessKey` lacks its own `From`; it is no closure that lacks `Fn()`, as the error would say.
#[cfg_attr(not(feature = "__client"), diagnostic::do_not_recommend)]
impl<T: TokenSource> From<T> for TokenRefresher {
    fn from(source: T) -> Self {
        Self::new(source)
    }
}

// === impl TokenRefresherBuilder ===

impl TokenRefresherBuilder {
    fn new(source: impl TokenSource) -> Self {
        Self {
            audience: source.audience(),
            source: Arc::new(source),
            settings: Settings::default(),
            clock: Clock::SYSTEM,
            key_id_label: true,
        }
    }

    /// Sets how long before its expiry a token is refreshed. Default: 20 min.
    ///
    /// It is at most half of the token's lifetime. Up to 50 % more is drawn for each token, so that many processes do not
    /// refresh at the same instant. A lead below the margin means that calls wait for each refresh.
    #[must_use]
    pub fn refresh_lead(mut self, lead: Duration) -> Self {
        self.settings.refresh_lead = lead;
        self
    }

    /// Sets how long before its expiry a token is not used any more. Default: 30 s.
    ///
    /// At most a tenth of the token's lifetime. It covers the way to the API and clocks that differ.
    #[must_use]
    pub fn expiry_margin(mut self, margin: Duration) -> Self {
        self.settings.expiry_margin = margin;
        self
    }

    /// Sets how long a token lives whose issuer does not say (RFC 6749 §5.1 allows that). Default: 5 min.
    #[must_use]
    pub fn default_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.default_lifetime = lifetime;
        self
    }

    /// Sets how often a flight asks for a token, the first attempt included, while failures are transient.
    /// Default: 4, as Sinch's SDKs do. 0 counts as 1.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.settings.max_attempts = attempts;
        self
    }

    /// Sets how long a flight may take, all attempts and the pauses between them included. Default: 30 s.
    ///
    /// A call waits for a token at most 2 s longer; [`SinchAuthLayer::max_wait`](crate::SinchAuthLayer::max_wait) shortens
    /// that.
    #[must_use]
    pub fn flight_timeout(mut self, timeout: Duration) -> Self {
        self.settings.flight_timeout = timeout;
        self
    }

    /// Sets whether metrics say whose they are, by the label `key_id`. Default: `true`.
    ///
    /// With hundreds of accounts, each would be several time series. With `false` counters and histograms have an empty
    /// label, so that the accounts add up, and no gauges are set, because they would overwrite each other. Spans, events
    /// and [`TokenStatus::key_id`](crate::TokenStatus::key_id) always say it.
    #[must_use]
    pub fn key_id_label(mut self, label: bool) -> Self {
        self.key_id_label = label;
        self
    }

    /// Reads the wall clock by `now`, to test what a suspended machine or a clock that is set back does.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn wall_clock(mut self, now: fn() -> std::time::SystemTime) -> Self {
        self.clock.wall = now;
        self
    }

    /// Builds the refresher. Requests nothing yet.
    #[must_use]
    pub fn build(self) -> TokenRefresher {
        let Self { source, audience, settings, clock, key_id_label } = self;
        let observer = Observer::new(key_id_label);
        // Here rather than by the layer, which does not meet the refreshers of the accounts in requests.
        observer.invalid_hosts(&audience);
        TokenRefresher::from_shared(SharedState::new(source, audience, settings, clock, observer))
    }
}

impl fmt::Debug for TokenRefresherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRefresherBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
