//! With your client: hyper, reqwest, axum, tonic; and what a compile error means.
//!
//! The layer wraps any `Service<http::Request<B>>` that is `Clone` and whose answer is an `http::Response<ResBody>` with
//! `ResBody: http_body::Body`. What differs from client to client is the body.
//!
//! # hyper
//!
//! `hyper_util`'s client is such a service. Its body is the one that it was built for: with `Full<Bytes>`, which is `Clone`,
//! the default policy suits. With a body that is not `Clone`, build it for what the policy sends, [`ReplayBody`]:
//!
//! ```
//! # #[cfg(feature = "client")] {
//! use bytes::Bytes;
//! use http_body_util::combinators::BoxBody;
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use tower::ServiceBuilder;
//! use tower_sinch_auth::{AccessKey, BoxError, BufferBody, ReplayBody, SinchAuthLayer};
//!
//! type Body = BoxBody<Bytes, BoxError>;
//!
//! # fn stack(key: AccessKey) {
//! let client = Client::builder(TokioExecutor::new()).build_http::<ReplayBody<Body>>();
//! let layer = SinchAuthLayer::new(key).replay(BufferBody::up_to(64 * 1024));
//! let sinch = ServiceBuilder::new().layer(layer).service(client);
//! # fn is_a_client(_: impl tower::Service<http::Request<Body>>) {}
//! # is_a_client(sinch);
//! # }
//! # }
//! ```
//!
//! # reqwest
//!
//! A `reqwest::Client` is a service for requests of its own. So a `service_fn` translates, both ways, and requests can still
//! be built by reqwest, with `.json()` or `.multipart()`. Turn redirects off there, because they would happen inside of the
//! layer.
//!
//! ```
//! # #[cfg(feature = "client")] {
//! use http::{Request, Response};
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_sinch_auth::{AccessKey, BoxError, BufferBody, ReplayBody, SinchAuthLayer};
//!
//! async fn send(client: reqwest::Client, key: AccessKey) -> Result<reqwest::Response, BoxError> {
//!     let request = client.post("https://fax.api.sinch.com/v3/projects/my-project/faxes").body("to=...").build()?;
//!     let inner = service_fn(move |request: Request<ReplayBody<reqwest::Body>>| {
//!         let client = client.clone();
//!         async move {
//!             let request = request.map(reqwest::Body::wrap).try_into()?;
//!             Ok::<_, BoxError>(Response::from(client.execute(request).await?))
//!         }
//!     });
//!     let layer = SinchAuthLayer::new(key).replay(BufferBody::up_to(64 * 1024));
//!     let mut sinch = ServiceBuilder::new().layer(layer).service(inner);
//!     let request = Request::<reqwest::Body>::try_from(request)?;
//!     Ok(sinch.ready().await?.call(request).await?.into())
//! }
//! # }
//! ```
//!
//! # axum
//!
//! A handler that passes a request on has an `axum::body::Body`, which is not `Clone`. `BufferBody` changes the type that the
//! inner service gets; `map_request` changes it back.
//!
//! ```
//! # #[cfg(feature = "client")] {
//! use axum::body::Body;
//! use http::Request;
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use tower::ServiceBuilder;
//! use tower_sinch_auth::{AccessKey, BufferBody, ReplayBody, SinchAuthLayer};
//!
//! # fn stack(key: AccessKey) {
//! let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
//! let sinch = ServiceBuilder::new()
//!     .layer(SinchAuthLayer::new(key).replay(BufferBody::up_to(64 * 1024)))
//!     .map_request(|request: Request<ReplayBody<Body>>| request.map(Body::new))
//!     .service(client);
//! # fn is_a_client(_: impl tower::Service<Request<Body>>) {}
//! # is_a_client(sinch);
//! # }
//! # }
//! ```
//!
//! # tonic, kube, octocrab
//!
//! Their channels are services of `http::Request`, with bodies that are not `Clone`: choose `.replay(NoReplay)`, or
//! [`BufferBody`] and a `map_request` as with axum. These three are not tried by our tests.
//!
//! gRPC says `UNAUTHENTICATED` in a trailer of a `200`. The layer reads no trailers, so such a call is not retried, and
//! forces no refresh.
//!
//! # What a compile error means
//!
//! Most say that a method of `ServiceExt`, such as `ready` or `oneshot`, "exists, but its trait bounds were not satisfied".
//!
//! | cause | fix |
//! | --- | --- |
//! | the request's body is not `Clone` | `.replay(BufferBody::up_to(bytes))` or `.replay(NoReplay)` |
//! | the inner service takes another body, since `BufferBody` wraps it | build the client for [`ReplayBody`], or `map_request` as above |
//! | the inner service is not `Clone`: tower's rate limit, for one | `.buffer(n)` between it and this layer |
//! | the inner service is a bare `reqwest::Client` | a `service_fn`, as above |
//! | the error of the inner service does not become a [`BoxError`] | `.map_err(..)` inside of this layer |
//! | the inner service's answer is no `http::Response` of a `Body` | `.map_response(..)` inside of this layer |
//!
//! To see which it is, call the service by its trait: `Service::call(&mut sinch, request)` names the bound.
//!
//! [`BoxError`]: crate::BoxError
//! [`BufferBody`]: crate::BufferBody
//! [`ReplayBody`]: crate::ReplayBody
