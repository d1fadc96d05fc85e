//! [`SinchAuthLayer`]: the settings, and what makes a [`SinchAuth`] of a service.

use std::{fmt, time::Duration};

use tower_layer::Layer;

use super::{options::Options, replay::CloneBody, service::SinchAuth};
use crate::{
    audience::Audience,
    refresher::TokenRefresher,
    switches::{ExistingAuthorization, OutsideAudience},
    telemetry::Observer,
};
#[cfg(feature = "__client")]
use crate::{error::CredentialsError, sinch::AccessKey};

/// Adds Sinch's access token to every request of the service it wraps.
///
/// # Behavior
///
/// Every request gets `Authorization: Bearer …`. On a `401` the token is refreshed, once for all requests that met
/// it, and the request is sent once more; see the [crate documentation](crate#what-happens-to-a-request).
///
/// # Cloning
///
/// All services made by a layer, and all clones of it, share one [`TokenRefresher`].
///
/// # Examples
///
/// ```
/// # use tower_sinch_auth::{BoxError, IssuedToken, SinchAuthLayer};
/// # use http::{Request, Response};
/// use tower::ServiceBuilder;
///
/// # let tokens = || async { IssuedToken::bearer("abc", None) };
/// # let client = tower::service_fn(|_: Request<String>| async { Ok::<_, BoxError>(Response::new(String::new())) });
/// let service = ServiceBuilder::new().layer(SinchAuthLayer::new(tokens)).service(client);
/// ```
#[derive(Clone)]
pub struct SinchAuthLayer<R = CloneBody> {
    options: Options<R>,
}

// === impl SinchAuthLayer ===

impl SinchAuthLayer {
    /// Creates a layer that takes its tokens from `tokens`: an [access key](crate::AccessKey), a
    /// [`ServicePlan`](crate::ServicePlan), a [`ClientCredentials`](crate::ClientCredentials), a closure, or a
    /// [`TokenRefresher`] that others use, too.
    #[must_use]
    pub fn new(tokens: impl Into<TokenRefresher>) -> Self {
        Self { options: Options::new(Some(tokens.into())) }
    }

    /// Creates a layer for many accounts: each request gets the token of the [`Account`](crate::Account) in its extensions.
    ///
    /// There is no default: a request without one is not sent, and fails with an [`AccountError`](crate::AccountError). Such
    /// are those that a redirect layer makes anew: put the account in inside of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use tower_sinch_auth::{Account, BoxError, IssuedToken, SinchAuthLayer, TokenRefresher};
    /// # use http::{Request, Response};
    /// # use tower::{ServiceBuilder, ServiceExt};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// # let client = tower::service_fn(|_: Request<String>| async { Ok::<_, BoxError>(Response::new(String::new())) });
    /// # let tokens = TokenRefresher::new(|| async { IssuedToken::bearer("abc", None) });
    /// let service = ServiceBuilder::new().layer(SinchAuthLayer::per_request()).service(client);
    ///
    /// let mut request = Request::new(String::new());
    /// request.extensions_mut().insert(Account::from(&tokens));
    /// let response = service.oneshot(request).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn per_request() -> Self {
        Self { options: Options::new(None) }
    }

    /// Creates a layer with the access key in the environment: `SINCH_KEY_ID` and `SINCH_KEY_SECRET`.
    ///
    /// # Errors
    ///
    /// As [reading the key](crate::AccessKey::from_env).
    #[cfg(feature = "__client")]
    pub fn from_env() -> Result<Self, CredentialsError> {
        Ok(Self::new(AccessKey::from_env()?))
    }
}

impl<R> SinchAuthLayer<R> {
    /// Sets where the token may travel. Default: what the source says of all its tokens,
    /// [`TokenSource::audience`](crate::TokenSource::audience), and what the issuer says of each,
    /// [`IssuedToken::audience`](crate::IssuedToken::audience).
    #[must_use]
    pub fn audience(mut self, audience: Audience) -> Self {
        match &self.options.tokens {
            Some(tokens) => tokens.warn_of_invalid_hosts(&audience),
            None => Observer::default().invalid_hosts(&audience),
        }
        self.options.audience = Some(audience);
        self
    }

    /// Sets what happens to requests outside the audience. Default: [`OutsideAudience::Refuse`].
    #[must_use]
    pub fn outside_audience(mut self, outside_audience: OutsideAudience) -> Self {
        self.options.outside_audience = outside_audience;
        self
    }

    /// Sets what happens to requests that have an `Authorization` header. Default: [`ExistingAuthorization::Keep`].
    #[must_use]
    pub fn existing_authorization(mut self, existing_authorization: ExistingAuthorization) -> Self {
        self.options.existing_authorization = existing_authorization;
        self
    }

    /// Sets how long a call waits for a token, each time that it has to. Default: as long as the refresher's
    /// [`flight_timeout`](crate::TokenRefresherBuilder::flight_timeout), and 2 s.
    ///
    /// Choose less than the timeout around the call: then a call that finds no token fails with a
    /// [`TokenError`](crate::TokenError) that says why, instead of a timeout that does not. Its kind is
    /// [`TimedOut`](crate::TokenErrorKind::TimedOut), and its source is what the last token request failed with. The token
    /// request goes on, for the next calls. After a `401` such a wait ends with that `401`.
    #[must_use]
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.options.max_wait = Some(max_wait);
        self
    }

    /// Sets how request bodies are kept for the retry. Default: [`CloneBody`], which needs bodies that are `Clone`.
    ///
    /// For other bodies, and for those whose clones share what is left to send, choose
    /// [`BufferBody`](crate::BufferBody) or [`NoReplay`](crate::NoReplay). If a `SinchAuth` "is not
    /// a service" for your body, this is what to set: a method call such as `oneshot` does not show the reason.
    #[must_use]
    pub fn replay<R2>(self, replay: R2) -> SinchAuthLayer<R2> {
        SinchAuthLayer { options: self.options.replay(replay) }
    }

    /// Returns the shared refresher: for health endpoints, warm-up, and other layers of the same access key. A layer
    /// [for many accounts](SinchAuthLayer::per_request) has none.
    #[must_use]
    pub fn refresher(&self) -> Option<&TokenRefresher> {
        self.options.tokens.as_ref()
    }
}

impl<S, R: Clone> Layer<S> for SinchAuthLayer<R> {
    type Service = SinchAuth<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        SinchAuth::new(inner, self.options.clone())
    }
}

impl<R> fmt::Debug for SinchAuthLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt_as("SinchAuthLayer", f)
    }
}
