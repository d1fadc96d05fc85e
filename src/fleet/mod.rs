//! One token for a fleet: what processes that share an access key keep in a store, and how they agree on who asks the
//! issuer.
//!
//! [`store`] is what is needed of a store. [`protocol`] decides, [`shared`] and [`run`] carry it out, [`seal`] keeps secrets
//! from who can read the store, [`entries`] judges what is in it, [`memory`] is what a process remembers, and
//! [`breaker`] leaves a store alone that fails.

#[cfg(feature = "__client")]
mod breaker;
#[cfg(feature = "__client")]
mod entries;
#[cfg(feature = "__client")]
mod memory;
#[cfg(feature = "__client")]
mod protocol;
#[cfg(feature = "redis")]
mod redis_store;
#[cfg(feature = "__client")]
mod run;
#[cfg(feature = "__client")]
mod seal;
#[cfg(feature = "__client")]
mod shared;
mod store;

#[cfg(feature = "redis")]
pub use self::redis_store::RedisStore;
#[cfg(feature = "__client")]
pub(crate) use self::shared::{Fleet, Subject};
pub use self::store::{Stored, TokenStore};
