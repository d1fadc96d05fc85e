//! Every error of the crate, and every message in one place.
//!
//! A message says what happened and what to do next; a cause is in `source()`, never also in `Display`;
//! no message holds a secret, a token or a body that the endpoint sent.

mod audience;
mod credentials;
mod token;

pub use self::{
    audience::AudienceError,
    credentials::CredentialsError,
    token::{TokenError, TokenErrorKind},
};
pub(crate) use self::{audience::Refusal, token::Fault};

use std::error::Error;

/// A type-erased error, as tower uses it: what [`SinchAuth`](crate::SinchAuth) fails with.
///
/// Errors of the inner service come through unwrapped; reach ours with
/// `error.downcast_ref::<TokenError>()` and `error.downcast_ref::<AudienceError>()`.
pub type BoxError = Box<dyn Error + Send + Sync>;

#[cfg(test)]
mod tests;
