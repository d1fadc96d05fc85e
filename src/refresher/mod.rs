//! The cache of one token, and the one flight that refreshes it.

mod acquire;
mod builder;
mod channel;
mod flight;
mod shared;
mod state;
mod token_refresher;

pub(crate) use self::token_refresher::NotAuthorized;
pub(crate) use self::{
    acquire::{Acquired, Waiter},
    shared::UsableToken,
    state::Rejected,
};
pub use self::{builder::TokenRefresherBuilder, token_refresher::TokenRefresher};
