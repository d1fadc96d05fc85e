//! Tokens, and where they come from.

mod access_token;
mod issued_token;
mod source;
mod status;

pub use self::{
    access_token::AccessToken,
    issued_token::IssuedToken,
    source::TokenSource,
    status::{TokenState, TokenStatus},
};
pub(crate) use self::{
    access_token::Inner,
    issued_token::is_visible_ascii,
    source::DynTokenSource,
    status::{Reason, Summary},
};
