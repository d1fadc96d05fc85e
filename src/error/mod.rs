//! Every error of the crate, and every message in one place.
//!
//! A message says what happened and what to do next. A cause is in `source()` or in `Display`, never in both. No
//! message holds a secret, a token or a body that the endpoint sent.

mod account;
pub(crate) mod audience;
#[cfg(feature = "signing")]
mod body_limit;
mod box_error;
mod credentials;
#[cfg(feature = "signing")]
mod signing;
pub(crate) mod token;

pub use self::{
    account::AccountError,
    audience::AudienceError,
    box_error::BoxError,
    credentials::CredentialsError,
    token::{TokenError, TokenErrorKind},
};
#[cfg(feature = "signing")]
pub use self::{body_limit::BodyLimitError, signing::SigningError};

#[cfg(test)]
mod tests;
