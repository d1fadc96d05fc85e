//! Every error of the crate, and every message in one place.
//!
//! A message says what happened and what to do next; a cause is in `source()`, never also in `Display`;
//! no message holds a secret, a token or a body that the endpoint sent.

pub(crate) mod audience;
mod box_error;
mod credentials;
mod token;

pub(crate) use self::token::Fault;
pub use self::{
    audience::AudienceError,
    box_error::BoxError,
    credentials::CredentialsError,
    token::{TokenError, TokenErrorKind},
};

#[cfg(test)]
mod tests;
