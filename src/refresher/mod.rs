//! The cache of one token, and the one flight that renews it.

mod builder;
mod flight;
mod handles;
mod shared;
mod state;
mod token_refresher;

pub use self::{builder::TokenRefresherBuilder, token_refresher::TokenRefresher};
pub(crate) use self::{
    handles::{Handle, Handles},
    state::{Goal, Verdict},
    token_refresher::{Acquired, Joined},
};
