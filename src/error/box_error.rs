//! [`BoxError`]: the error of the layer.

use std::error::Error;

/// A type-erased error, as tower uses it: what the services of this crate fail with.
///
/// Errors of the inner service come through unwrapped; reach ours with
/// `error.downcast_ref::<TokenError>()` and `error.downcast_ref::<AudienceError>()`.
pub type BoxError = Box<dyn Error + Send + Sync>;
