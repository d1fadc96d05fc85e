//! [`FakeSinch`]: an in-process server that behaves as Sinch does, to test your own stack with. And [`MemoryStore`]: a
//! store for a fleet in one process; [`check_store`] checks any other.
//!
//! The server speaks HTTP/1.1 on a free port of 127.0.0.1. `/oauth2/token` issues tokens to the server's access key, and
//! to those that a test [adds](FakeSinch::add_access_key), with Sinch's rate limit and error bodies. Every other path is
//! an API: it answers `401`, or, to a live token, `200` and what it saw. A test scripts both, and asks for the counts of
//! what they saw, in all or of one key.
//!
//! The API's `200` is a JSON object: `method` and `path` of the request, `client_id`, which is the KEY ID whose token the
//! request had, `body_length`, and `body`, or `null` if that is not text or longer than 64 KiB.
//!
//! The rate limit is one for all keys: Sinch does not document what its limit is keyed by.
//!
//! # Examples
//!
//! A caller never sees that its token was revoked, unless Sinch issues no other:
//!
//! ```
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_sinch_auth::{SinchAuthLayer, testing::{Answer, FakeSinch}};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tower_sinch_auth::BoxError> {
//!
//! let sinch = FakeSinch::start().await?;
//! let auth = SinchAuthLayer::new(sinch.credentials());
//! let client = ServiceBuilder::new().layer(auth).service(sinch.client());
//! let request = Request::get(sinch.api("/v1/numbers")).body(Default::default())?;
//!
//! assert_eq!(client.clone().oneshot(request.clone()).await?.status(), 200);
//! sinch.revoke_tokens();
//! assert_eq!(client.clone().oneshot(request.clone()).await?.status(), 200); // the caller never saw the 401
//! assert_eq!((sinch.counts().api_unauthorized, sinch.counts().token_requests), (1, 2));
//!
//! sinch.revoke_tokens();
//! sinch.on_token().always(Answer::status(http::StatusCode::FORBIDDEN));
//! assert_eq!(client.oneshot(request).await?.status(), 401); // the API's own answer
//! # Ok(()) }
//! ```
//!
//! # Signed requests
//!
//! With the feature `signing`, the paths under `/verification/` and `/calling/` are those of the APIs that take signed
//! requests instead of tokens. They check each signature against the server's
//! [`application_key`](https://docs.rs/tower-sinch-auth/latest/tower_sinch_auth/testing/struct.FakeSinch.html#method.application_key),
//! by code that shares nothing with the layer that signs, and answer `200` as the other paths do: `client_id` is the
//! application key then. All else is a `401` whose JSON body has an `errorCode`:
//!
//! | `errorCode` | the request has |
//! | --- | --- |
//! | 40100 | no `Authorization`, or one that is not `Application {key}:{signature}` |
//! | 40101 | no `x-timestamp`, or one that is more than 5 minutes from the system clock: Sinch does not document how far it may be |
//! | 40102 | another signature |
//! | 40107 | an unknown application key |
//!
//! Sinch documents the range of these codes; what 40100 and 40107 stand for here is an assumption. Without that feature
//! these paths are like all others.
//!
//! # Time
//!
//! Requests and answers cross a real socket. Under `tokio::time::pause` the clock jumps ahead whenever all tasks wait,
//! even for a socket, and timeouts fire at once. Run a test that has timeouts in real time, and make them short.

mod answer;
mod api;
#[cfg(feature = "signing")]
mod applications;
mod authorization;
mod challenge;
mod check_store;
mod checked;
mod counts;
mod exchange;
mod fake_sinch;
mod keys;
mod memory_store;
mod reply;
mod script;
mod server;
#[cfg(feature = "signing")]
mod signature;
#[cfg(feature = "signing")]
mod signed_api;
mod state;
mod token_endpoint;
mod tokens;

pub use self::{
    answer::Answer,
    challenge::Challenge,
    check_store::check_store,
    counts::Counts,
    fake_sinch::{FakeSinch, HttpClient},
    memory_store::MemoryStore,
    script::Script,
};
