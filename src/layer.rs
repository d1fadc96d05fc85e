//! [`SinchAuthLayer`]: the settings, and what makes a [`SinchAuth`] of a service.

use std::fmt;

use http::Request;
use tower_layer::Layer;

use crate::{Audience, CloneBody, SinchAuth, TokenRefresher, handles::Handles};

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
    pub(crate) tokens: Handles,
    pub(crate) audience: Audience,
    pub(crate) outside_audience: OutsideAudience,
    pub(crate) existing_authorization: ExistingAuthorization,
    pub(crate) replay: R,
}

/// What happens to a request whose host is outside the token's [`Audience`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutsideAudience {
    /// It is not sent, and fails with an [`AudienceError`](crate::AudienceError).
    #[default]
    Refuse,
    /// It is sent as it came, without the token.
    Forward,
}

/// What happens to a request that has an `Authorization` header already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExistingAuthorization {
    /// It is sent as it came: not checked against the audience, not retried, and a `401` is not reported.
    #[default]
    Keep,
    /// The header is replaced by the token's, all its values; for gateways that pass on requests of others.
    Replace,
}

/// Switches for a single request: put it into the request's extensions.
///
/// # Examples
///
/// ```
/// # use tower_sinch_auth::RequestAuth;
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(RequestAuth::without_retry());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestAuth {
    pub(crate) skip: bool,
    pub(crate) no_retry: bool,
}

// === impl SinchAuthLayer ===

impl SinchAuthLayer {
    /// Creates a layer that takes its tokens from `tokens`: an [`AccessKey`](crate::AccessKey), a
    /// [`ServicePlan`](crate::ServicePlan), a [`ClientCredentials`](crate::ClientCredentials), a closure, or a
    /// [`TokenRefresher`] that others use, too.
    #[must_use]
    pub fn new(tokens: impl Into<TokenRefresher>) -> Self {
        let tokens = tokens.into();
        Self {
            audience: tokens.audience().clone(),
            tokens: Handles::of(&tokens),
            outside_audience: OutsideAudience::default(),
            existing_authorization: ExistingAuthorization::default(),
            replay: CloneBody,
        }
    }

    /// Creates a layer with the access key in the environment: `SINCH_KEY_ID` and `SINCH_KEY_SECRET`.
    ///
    /// # Errors
    ///
    /// As [`AccessKey::from_env`](crate::AccessKey::from_env).
    #[cfg(feature = "__client")]
    pub fn from_env() -> Result<Self, crate::CredentialsError> {
        Ok(Self::new(crate::AccessKey::from_env()?))
    }
}

impl<R> SinchAuthLayer<R> {
    /// Sets where the token may travel. Default: the source's own,
    /// [`TokenSource::audience`](crate::TokenSource::audience).
    #[must_use]
    pub fn audience(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }

    /// Sets what happens to requests outside the audience. Default: [`OutsideAudience::Refuse`].
    #[must_use]
    pub fn outside_audience(mut self, outside_audience: OutsideAudience) -> Self {
        self.outside_audience = outside_audience;
        self
    }

    /// Sets what happens to requests that have an `Authorization` header. Default: [`ExistingAuthorization::Keep`].
    #[must_use]
    pub fn existing_authorization(mut self, existing_authorization: ExistingAuthorization) -> Self {
        self.existing_authorization = existing_authorization;
        self
    }

    /// Sets how request bodies are kept for the retry. Default: [`CloneBody`], which needs bodies that are `Clone`.
    ///
    /// For other bodies [`BufferBody`](crate::BufferBody) or [`NoReplay`](crate::NoReplay). If a `SinchAuth` "is not
    /// a service" for your body, this is what to set: a method call such as `oneshot` does not show the reason.
    #[must_use]
    pub fn replay<R2>(self, replay: R2) -> SinchAuthLayer<R2> {
        SinchAuthLayer {
            tokens: self.tokens,
            audience: self.audience,
            outside_audience: self.outside_audience,
            existing_authorization: self.existing_authorization,
            replay,
        }
    }

    /// Returns the shared refresher: for health endpoints, warm-up, and other layers of the same access key.
    pub fn refresher(&self) -> &TokenRefresher {
        self.tokens.here()
    }
}

impl<S, R: Clone> Layer<S> for SinchAuthLayer<R> {
    type Service = SinchAuth<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        SinchAuth::new(inner, self.clone())
    }
}

impl<R> fmt::Debug for SinchAuthLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinchAuthLayer")
            .field("tokens", &self.tokens)
            .field("audience", &self.audience)
            .field("outside_audience", &self.outside_audience)
            .field("existing_authorization", &self.existing_authorization)
            .finish_non_exhaustive()
    }
}

// === impl RequestAuth ===

impl RequestAuth {
    /// Sends the request as it is: no token, no check against the audience, no retry.
    #[must_use]
    pub const fn skip() -> Self {
        Self { skip: true, no_retry: false }
    }

    /// Sends the request once: it gets the token, a `401` is returned as it came, and heals the next request.
    #[must_use]
    pub const fn without_retry() -> Self {
        Self { skip: false, no_retry: true }
    }

    #[inline]
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or_default()
    }
}
