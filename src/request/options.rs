//! [`Options`]: the settings of a layer.

use std::{fmt, time::Duration};

use http::Request;

use super::{account::Account, replay::CloneBody};
use crate::{
    audience::Audience,
    refresher::TokenRefresher,
    switches::{ExistingAuthorization, OutsideAudience, Untouched},
    telemetry::Observer,
    token::AccessToken,
};

/// The settings of a layer, which its services share.
#[derive(Clone)]
pub(super) struct Options<R> {
    /// Whose token a request gets that names no account; `None`: it is not sent.
    pub(super) tokens: Option<TokenRefresher>,
    /// Where tokens may travel; `None`: where their own audience lets them.
    pub(super) audience: Option<Audience>,
    pub(super) outside_audience: OutsideAudience,
    pub(super) existing_authorization: ExistingAuthorization,
    pub(super) max_wait: Option<Duration>,
    pub(super) replay: R,
}

// === impl Options ===

impl Options<CloneBody> {
    pub(super) fn new(tokens: Option<TokenRefresher>) -> Self {
        Self {
            audience: None,
            tokens,
            outside_audience: OutsideAudience::default(),
            existing_authorization: ExistingAuthorization::default(),
            max_wait: None,
            replay: CloneBody,
        }
    }
}

impl<R> Options<R> {
    pub(super) fn replay<R2>(self, replay: R2) -> Options<R2> {
        let Self { tokens, audience, outside_audience, existing_authorization, max_wait, replay: _ } = self;
        Options { tokens, audience, outside_audience, existing_authorization, max_wait, replay }
    }

    /// Returns whose token `request` gets, if anyone's: the account that it names, else that of the layer.
    #[inline]
    pub(super) fn tokens_for<'a, B>(&'a self, request: &'a Request<B>) -> Option<&'a TokenRefresher> {
        Account::of(request).or(self.tokens.as_ref())
    }

    /// Records a request that is sent as it came.
    #[cold]
    pub(super) fn passed_untouched(&self, why: Untouched) {
        match &self.tokens {
            Some(tokens) => tokens.passed_untouched(why),
            None => Observer::of_nobody().passed_untouched(why),
        }
    }

    /// Returns where a request may go that has none of these `tokens` yet.
    pub(super) fn audience_for<'a>(&'a self, tokens: &'a TokenRefresher) -> &'a Audience {
        self.audience.as_ref().unwrap_or(tokens.source_audience())
    }

    /// Returns where a request with `token` may go.
    pub(super) fn audience_of<'a>(&'a self, token: &'a AccessToken) -> &'a Audience {
        self.audience.as_ref().unwrap_or(token.audience())
    }

    /// Formats the settings as those of the public type `name`.
    pub(super) fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.tokens.as_ref().map(TokenRefresher::source_audience);
        f.debug_struct(name)
            .field("tokens", &self.tokens)
            .field("audience", &self.audience.as_ref().or(own))
            .field("outside_audience", &self.outside_audience)
            .field("existing_authorization", &self.existing_authorization)
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for Options<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("Options", f)
    }
}
