//! A [tower] layer that puts [Sinch] access tokens on HTTP requests, keeps them fresh with one shared refresher, and
//! sends a request once more when an API answers `401`.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_sinch_auth::{BoxError, SinchAuthLayer};
//! # use tower_sinch_auth::{IssuedToken, TokenRefresher};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
//! # let client = tower::service_fn(|request: Request<Full<Bytes>>| async move {
//! #     assert_eq!(request.headers()["authorization"], "Bearer abc");
//! #     Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
//! # });
//! # let tokens = || async { IssuedToken::bearer("abc", None) };
//! // In your service: `SinchAuthLayer::from_env()?`, which reads SINCH_KEY_ID and SINCH_KEY_SECRET.
//! let layer = SinchAuthLayer::new(tokens);
//! let mut sinch = ServiceBuilder::new().layer(layer).service(client);
//!
//! let request = Request::get("https://numbers.api.sinch.com/v1/projects/my-project/availableRegions")
//!     .body(Full::default())?;
//! let response = sinch.ready().await?.call(request).await?;
//! # Ok(()) }
//! ```
//!
//! # What happens to a request
//!
//! 1. It gets `Authorization: Bearer …` and goes to the inner service. That takes no lock and waits for nothing.
//! 2. If the token is soon to expire, one call starts a token request in the background, and goes on.
//! 3. If there is no usable token, the call waits for the one token request that all calls share. It holds nothing of
//!    the inner service meanwhile.
//! 4. If the answer is a `401`, the token is refreshed, once for all calls that met it, and the request is sent a
//!    second time. The caller sees that answer, or the original `401` if the refresh fails. Calls to the same API that
//!    start meanwhile wait for the new token, up to 2 s.
//!
//! # Behavior
//!
//! | situation | what is sent | what the caller sees |
//! | --- | --- | --- |
//! | token fresh | the request, with the token | the answer |
//! | refresh due (20 to 30 min before expiry; at most half to three quarters of the lifetime) | the request; one token request beside it | the answer, at once |
//! | no token yet, or expired (30 s before expiry, at most a tenth of the lifetime) | one token request for all, then the request | the answer |
//! | `401`, whatever its challenge | one token request for all, then the request again | the second answer |
//! | `401`, and the second answer is a `401`, too | nothing more | the second `401`; this API's `401`s force no refresh for 1 s, doubling to 60 s |
//! | an API that answers `401` at random | at most 10 token requests at once, then one every 10 s; 20 and 5 s for all APIs together | the second answer; over that the `401` |
//! | `401` with `insufficient_scope` or `invalid_request`; `403`, `404`, `407` | nothing more | the answer |
//! | `401` to a request that cannot be sent again | one token request, for the next calls, which wait for it | the `401` |
//! | token request fails, token still valid | the request; token requests spaced 1 to 30 s (8 s after a `429`) | the answer |
//! | token request fails, no valid token | up to 4 attempts within 30 s | a [`TokenError`], the same for all who waited |
//! | wrong key | one token request after 1 to 5 s, then twice as long each time, up to 60 s, while there are calls | [`TokenErrorKind::Rejected`], at once |
//! | a call waits longer than [`max_wait`](SinchAuthLayer::max_wait) | nothing; the token request goes on | [`TokenErrorKind::TimedOut`], with what the last attempt failed with |
//! | host outside the [`Audience`] | nothing | an [`AudienceError`] |
//! | `Authorization` present already | the request, untouched | the answer |
//! | no [`Account`], and the layer is [for many](SinchAuthLayer::per_request) | nothing | an [`AccountError`] |
//! | no calls | nothing: no background task, no timer | |
//!
//! # In a stack
//!
//! From the outside in: what limits the whole call (timeout, load shedding, tracing of the call), then this layer, then
//! what belongs to each sending (retries of other failures, rate limits, tracing of the exchange), then the client.
//!
//! - **Redirects** from Sinch to other hosts are real: storage links, carriers. With a Sinch token put the redirect layer
//!   outside of this one and choose [`OutsideAudience::Forward`]: each hop is checked, and a foreign host gets the
//!   request without the token ([`Refuse`](OutsideAudience::Refuse), the default, ends the call instead). A token whose
//!   audience is [`Audience::any`] would be added on every hop: give it an audience. Inside of this layer only a policy
//!   that never carries credentials to another origin is safe, such as `SameOrigin`; the standard policy of older
//!   tower-http gives the header back on a second hop within the foreign host.
//! - **Bodies**: the default, [`CloneBody`], needs bodies that are `Clone`. For others choose
//!   `.replay(BufferBody::up_to(bytes))` or `.replay(NoReplay)`. So for a body that is `Clone`, but whose clones share
//!   what they send.
//! - **Inner services** must be `Clone`; tower's rate limit, for one, is not until it has a `.buffer(n)` in front. A
//!   `ServiceExt` method that "exists, but its trait bounds were not satisfied" on [`SinchAuth`] means this or a body
//!   that is not `Clone`: [`docs::clients`] has the whole table, and stacks for hyper, reqwest and axum.
//! - **One refresher** per access key: clone the [`TokenRefresher`] into every layer that uses the key.
//! - **Errors** of the inner service come through as they are, boxed; `downcast_ref` finds them.
//!
//! # When there is no token
//!
//! ```
//! use std::time::Duration;
//! use tower_sinch_auth::{AudienceError, BoxError, TokenError, TokenErrorKind};
//!
//! /// Whether a failed call is worth another try, and when.
//! fn try_again_in(error: &BoxError) -> Option<Duration> {
//!     if error.is::<AudienceError>() {
//!         return None; // A bug: the request would have carried the token to the wrong host.
//!     }
//!     let error = error.downcast_ref::<TokenError>()?;
//!     match error.kind() {
//!         TokenErrorKind::Rejected | TokenErrorKind::Credentials => None, // Page someone: the key is wrong.
//!         TokenErrorKind::Throttled => Some(error.retry_after().unwrap_or(Duration::from_secs(5))),
//!         _ if error.is_transient() => Some(Duration::from_secs(1)),
//!         _ => None,
//!     }
//! }
//! ```
//!
//! # Access keys and service plans
//!
//! An [`AccessKey`] is for every API with OAuth2: its tokens go to [`Audience::sinch_apis`]. A [`ServicePlan`] is for
//! SMS by service plan only: its static API token goes to [`Audience::sms_service_plans`], is never refreshed, and a
//! `401` comes back as it came. Any other source of tokens is a closure or a [`TokenSource`].
//!
//! Verification and Voice v1 take neither: see [Signed requests](#signed-requests).
//!
//! # Signed requests
//!
//! Verification and Voice v1 take no token: each request is signed with an application key. With the feature `signing`,
//! [`SignedRequestLayer`] does that in the same stacks, with the same switches, and only for
//! [`Audience::application_apis`]. It belongs inside of retries and redirects, because each sending needs a signature of its own,
//! and does not retry a `401`. Its docs say what the caller sees of a body over the limit, a wrong clock or a wrong
//! secret.
//! [`ApplicationKey::sign`] signs a request that goes another way. The example `verification` starts one by SMS.
//!
//! # Many accounts
//!
//! The access key decides which Sinch account is billed. One process may serve many: make the layer by
//! [`SinchAuthLayer::per_request`], and put an [`Account`] into the extensions of each request. Keep the refreshers in a map
//! or a cache of your choice. A dropped one that is in use harms no call. The example `many_accounts` shows a pool with
//! capacity and idle eviction, one client for all with a rate limit, and a tenant that is deleted while calls run.
//!
//! # Secrets
//!
//! Secrets of keys are wiped from memory when dropped, have no getter, and appear in no `Debug`, no error and no log;
//! header values are marked sensitive, which keeps them out of HTTP/2's compression tables and of `Debug`. What a
//! header value held cannot be wiped. Tokens go over `https` only, except on loopback, unless their audience is
//! [`Audience::any`]. [`docs::security`] says what is protected, against whom, and what is not.
//!
//! # Observability
//!
//! Each token request is a [`tracing`](https://docs.rs/tracing) span, and what an operator should know is an event; with
//! the feature `metrics` there are counters, histograms and gauges, too. [`docs::observability`] lists all of them, with the
//! alert that one would put on each, and shows a health check. [`docs::prometheus`] has them as rules, which the package
//! has as files. [`TokenRefresher::status`] says how the token is.
//! [`docs::architecture`] is for those who carry this crate on.
//!
//! # Features
//!
//! - `client` (default): [`HttpsClient`], the client behind `ClientCredentials::new`: hyper-util and rustls with the
//!   `aws-lc-rs` provider, which is rustls' own default. A provider that the process has installed is used
//!   instead; none is installed, and none needs to be.
//! - `client-ring`: the same with the `ring` provider, for binaries whose rustls already uses that: take it with
//!   `default-features = false`. (With two providers compiled in, rustls' `ClientConfig::builder()` panics in code
//!   that has not installed one. With both features on, `aws-lc-rs` is used.)
//! - `metrics`: counters, histograms and gauges through the [`metrics`](https://docs.rs/metrics) facade.
//! - `redis`: [`RedisStore`](https://docs.rs/tower-sinch-auth/latest/tower_sinch_auth/struct.RedisStore.html), a
//!   [`TokenStore`] in Redis or Valkey, over a connection of the crate `redis`.
//! - `signing`: [`SignedRequestLayer`] and [`ApplicationKey`], for Verification and Voice v1.
//! - `test-util`: [`testing::FakeSinch`](https://docs.rs/tower-sinch-auth/latest/tower_sinch_auth/testing/), a server
//!   that behaves as Sinch does, for your own tests. And a store in memory, and a check of any [`TokenStore`].
//!
//! Without any, [`ClientCredentials::with_client`] works over your own client.
//!
//! # Compatibility
//!
//! Types of these crates are part of this crate's API, on purpose, and a new major version of one is a new major version
//! of ours: `http` (requests, responses, addresses, header values, status codes), `http-body` (bounds on bodies),
//! `http-body-util` and `bytes` (`Full<Bytes>`, the body of token requests; `BoxBody`, that of what [`HttpsClient`]
//! answers), `tower-layer` and `tower-service` (the traits), `serde` ([`TokenStatus`] serializes); with `test-util` also
//! `hyper-util`, with `redis` also `redis` (a bound on connections). All others can change unseen, those that [`HttpsClient`] is made of included. The oldest Rust that
//! compiles this is the package's `rust-version`, which rises in minor versions only.
//!
//! [`ApplicationKey`]: https://docs.rs/tower-sinch-auth/latest/tower_sinch_auth/struct.ApplicationKey.html
//! [`ApplicationKey::sign`]: https://docs.rs/tower-sinch-auth/latest/tower_sinch_auth/struct.ApplicationKey.html#method.sign
//! [`SignedRequestLayer`]: https://docs.rs/tower-sinch-auth/latest/tower_sinch_auth/struct.SignedRequestLayer.html
//! [tower]: https://docs.rs/tower
//! [Sinch]: https://developers.sinch.com

#![cfg_attr(docsrs, feature(doc_cfg))]

/// The README's example, as a test.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;

mod audience;
pub mod docs;
mod error;
mod fleet;
mod origin;
mod readiness;
mod refresher;
mod request;
mod schedule;
#[cfg(feature = "signing")]
mod signing;
mod sinch;
mod switches;
mod telemetry;
#[cfg(feature = "test-util")]
pub mod testing;
mod token;

#[cfg(feature = "redis")]
pub use self::fleet::RedisStore;
#[cfg(feature = "__client")]
pub use self::sinch::HttpsClient;
pub use self::{
    audience::Audience,
    error::{AccountError, AudienceError, BoxError, CredentialsError, TokenError, TokenErrorKind},
    fleet::{Stored, TokenStore},
    refresher::{TokenRefresher, TokenRefresherBuilder},
    request::{
        Account, BufferBody, CloneBody, NoReplay, Replay, ReplayBody, SinchAuth, SinchAuthLayer, future,
    },
    sinch::{AccessKey, AccessKeySource, ClientCredentials, ServicePlan},
    switches::{ExistingAuthorization, OutsideAudience, RequestAuth},
    token::{AccessToken, IssuedToken, StoreState, TokenOrigin, TokenSource, TokenState, TokenStatus},
};
#[cfg(feature = "signing")]
pub use self::{
    error::{BodyLimitError, SigningError},
    signing::{SignedRequest, SignedRequestLayer, SignedResponseFuture},
    sinch::ApplicationKey,
};
