//! Every error of the crate, and every message in one place.
//!
//! A message says what happened and what to do next; a cause is in `source()`, never also in `Display`;
//! no message holds a secret, a token or a body that the endpoint sent.

mod audience;
mod box_error;
mod credentials;
mod token;

pub use self::{
    audience::AudienceError,
    box_error::BoxError,
    credentials::CredentialsError,
    token::{TokenError, TokenErrorKind},
};
pub(crate) use self::{audience::Refusal, token::Fault};

#[cfg(test)]
mod tests;
