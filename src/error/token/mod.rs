//! [`TokenError`]: an error getting a token, its kinds and its wording.

mod kind;
mod message;
mod token_error;

pub(crate) use self::kind::Kind;
pub use self::{kind::TokenErrorKind, token_error::TokenError};
