//! One token for a fleet: what processes that share an access key keep in a store, and how they agree on who asks.

pub use store::{Stored, TokenStore};

mod store;
