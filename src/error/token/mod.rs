//! Why there is no token.

mod kind;
mod message;
mod token_error;

pub(crate) use self::kind::Fault;
pub use self::{kind::TokenErrorKind, token_error::TokenError};
