//! [`SignedRequestLayer`]: the settings, and what makes a [`SignedRequest`] of a service.

use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{options::Options, service::SignedRequest};
use crate::{
    audience::Audience,
    sinch::ApplicationKey,
    switches::{ExistingAuthorization, OutsideAudience},
};

/// Signs every request of the service it wraps with an application key: for Verification and Voice v1.
///
/// These two products take no token. Each request carries a signature over its method, path, `Content-Type` and body,
/// and over the time at which it is sent. All other products take tokens: see
/// [`SinchAuthLayer`](crate::SinchAuthLayer).
///
/// # Behavior
///
/// The body is collected, the clock is read, and the request goes out with two headers more:
/// `Authorization: Application {key}:{signature}`, marked sensitive, and `x-timestamp`, which replaces one that is there.
/// Trailers are dropped, because they are not signed.
///
/// | situation | what is sent | what the caller sees |
/// | --- | --- | --- |
/// | body ready at once | the request, signed | the answer |
/// | body not ready yet | nothing; then the request, signed, when body and inner service are ready | the answer |
/// | body longer than [`body_limit`](Self::body_limit) | nothing | a [`BodyLimitError`](crate::BodyLimitError) |
/// | body fails | nothing | its error, as it is |
/// | body hangs | nothing | nothing, until a timeout outside of this layer ends the call |
/// | `401` | nothing more | the `401` |
/// | host outside the [`Audience`] | nothing | an [`AudienceError`](crate::AudienceError), which says what that host takes |
/// | several `Content-Type` fields | nothing | a [`SigningError`](crate::SigningError) |
/// | system clock before 1970, or after 9999 | nothing | a [`SigningError`](crate::SigningError) |
/// | system clock wrong by more than Sinch allows | the request, signed | `401` with the `errorCode` 40101 |
/// | wrong secret, or the request was changed inside of this layer | the request, signed | `401` with the `errorCode` 40102 |
/// | `Authorization` present already, or [`RequestAuth::skip`](crate::RequestAuth::skip) | the request, untouched, its body as a stream | the answer |
///
/// [`ApplicationKey::sign`] says what exactly is signed of a path and a `Content-Type`.
///
/// # In a stack
///
/// This layer belongs **inside** of retries and redirects: a signature is good for one path and for a short time, so
/// each sending needs one of its own. Outside of them a retry would send an old timestamp again, and end as `401` with
/// 40101; a redirect would send the signature of another path, and end as `401` with 40102. Inside of this layer
/// nothing may change the method, the path, the `Content-Type` or the body of a request, as compression does: that ends
/// as 40102, too.
///
/// A timeout of the whole call belongs outside, and so does what rewrites paths. Retries belong inside of a
/// [`SinchAuthLayer`](crate::SinchAuthLayer), on the contrary: its token does not depend on the request.
///
/// Verification redirects some calls to carriers. With the redirect layer outside, each hop is checked:
/// [`OutsideAudience::Forward`] sends it without a signature, [`OutsideAudience::Refuse`], the default, ends the call.
///
/// There is **no retry on a `401`**: the same key, asked again, would sign the same request. A clock that is wrong is
/// still wrong, and so is a secret.
///
/// One client may serve both: each layer refuses the other's hosts, and its error says which layer to use.
///
/// # Clock
///
/// The system clock is read when a request is sent, after its body was collected. Sinch compares the timestamp with its
/// own clock, and does not document how far they may be apart: keep the system clock synchronized (NTP).
///
/// # Cloning
///
/// All services made by a layer, and all clones of it, share one copy of the secret.
///
/// # Examples
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, Response};
/// # use http_body_util::Full;
/// # use tower::{ServiceBuilder, ServiceExt};
/// # use tower_sinch_auth::{ApplicationKey, BoxError, SignedRequestLayer};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// # let client = tower::service_fn(|request: Request<Full<Bytes>>| async move {
/// #     assert!(request.headers()["authorization"].to_str()?.starts_with("Application my-key:"));
/// #     Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
/// # });
/// # let key = ApplicationKey::new("my-key", "BeIukql3pTKJ8RGL5zo0DA==")?;
/// // In your service: `ApplicationKey::from_env()?`, from SINCH_APPLICATION_KEY and SINCH_APPLICATION_SECRET.
/// let verification = ServiceBuilder::new().layer(SignedRequestLayer::new(key)).service(client);
///
/// let request = Request::post("https://verification.api.sinch.com/verification/v1/verifications")
///     .header("content-type", "application/json")
///     .body(Full::from(r#"{"identity": {"type": "number", "endpoint": "+46700000000"}, "method": "sms"}"#))?;
/// let response = verification.oneshot(request).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SignedRequestLayer {
    options: Arc<Options>,
}

// === impl SignedRequestLayer ===

impl SignedRequestLayer {
    /// Creates a layer that signs with `key`.
    #[must_use]
    pub fn new(key: ApplicationKey) -> Self {
        Self { options: Arc::new(Options::new(key)) }
    }

    /// Sets where signed requests may go. Default: [`Audience::application_apis`].
    #[must_use]
    pub fn audience(mut self, audience: Audience) -> Self {
        self.options.observer.invalid_hosts(&audience);
        self.options_mut().audience = audience;
        self
    }

    /// Sets what happens to requests outside the audience. Default: [`OutsideAudience::Refuse`].
    #[must_use]
    pub fn outside_audience(mut self, outside_audience: OutsideAudience) -> Self {
        self.options_mut().outside_audience = outside_audience;
        self
    }

    /// Sets what happens to requests that have an `Authorization` header. Default: [`ExistingAuthorization::Keep`].
    #[must_use]
    pub fn existing_authorization(mut self, existing_authorization: ExistingAuthorization) -> Self {
        self.options_mut().existing_authorization = existing_authorization;
        self
    }

    /// Sets how much of a body is collected, in bytes. Default: 64 KiB.
    ///
    /// The hash of the body is sent before the body, so all of it has to be in memory. A longer one is not sent, and
    /// the call fails with a [`BodyLimitError`](crate::BodyLimitError): before anything is read, if the body knows its
    /// size. Requests that are not signed have no limit.
    #[must_use]
    pub fn body_limit(mut self, body_limit: usize) -> Self {
        self.options_mut().body_limit = body_limit;
        self
    }

    #[cfg(test)]
    pub(super) fn clock(mut self, clock: crate::schedule::Clock) -> Self {
        self.options_mut().clock = clock;
        self
    }

    /// Other layers and services keep the settings that they have.
    fn options_mut(&mut self) -> &mut Options {
        Arc::make_mut(&mut self.options)
    }
}

impl<S> Layer<S> for SignedRequestLayer {
    type Service = SignedRequest<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SignedRequest::new(inner, Arc::clone(&self.options))
    }
}

impl fmt::Debug for SignedRequestLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt_as("SignedRequestLayer", f)
    }
}
