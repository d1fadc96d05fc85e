//! A token: how it is issued, in use, and seen from outside; and why another one is asked for.

mod access_token;
mod issued_token;
mod reason;
mod source;
mod status;

pub use self::{
    access_token::AccessToken,
    issued_token::IssuedToken,
    source::TokenSource,
    status::{TokenState, TokenStatus},
};
pub(crate) use self::{
    access_token::{CachedToken, RefresherId},
    issued_token::is_visible_ascii,
    reason::{Reason, RetryOutcome},
    source::DynTokenSource,
};
