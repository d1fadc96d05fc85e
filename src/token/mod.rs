//! A token: how it is issued, in use, and seen from outside; and why another one is asked for.

mod access_token;
mod attempt;
mod issued_token;
mod reason;
mod source;
mod status;

pub use self::{
    access_token::AccessToken,
    issued_token::IssuedToken,
    source::TokenSource,
    status::{StoreState, TokenOrigin, TokenState, TokenStatus},
};
pub(crate) use self::{
    access_token::{CachedToken, RefresherId},
    attempt::Attempt,
    issued_token::is_visible_ascii,
    reason::{Reason, RetryOutcome},
    source::DynTokenSource,
};
