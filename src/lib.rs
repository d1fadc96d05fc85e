//! A tower layer that puts Sinch access tokens on requests.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod audience;
mod builder;
mod challenge;
#[cfg(feature = "__client")]
mod client;
mod credentials;
mod endpoint;
mod error;
mod flight;
pub mod future;
mod layer;
mod ledger;
mod refresher;
mod rejections;
mod replay;
mod response;
mod schedule;
mod service;
mod source;
mod status;
#[cfg(feature = "test-util")]
pub mod testing;
mod token;

#[cfg(feature = "__client")]
pub use self::client::HttpsClient;
pub use self::{
    audience::Audience,
    builder::TokenRefresherBuilder,
    credentials::{AccessKey, AccessKeySource, ServicePlan},
    endpoint::ClientCredentials,
    error::{AudienceError, BoxError, CredentialsError, TokenError, TokenErrorKind},
    layer::{ExistingAuthorization, OutsideAudience, RequestAuth, SinchAuthLayer},
    refresher::TokenRefresher,
    replay::{BufferBody, CloneBody, NoReplay, Replay, ReplayBody},
    service::SinchAuth,
    source::{IssuedToken, TokenSource},
    status::{TokenState, TokenStatus},
    token::AccessToken,
};
