//! What happens to a request that is signed with an application key.
//!
//! ```text
//! Collecting => Collected | end
//! Collected  => Called | end
//! Called     => end
//! Failed     => end
//! ```
//!
//! - **Collecting**: the body was not ready at once. Nothing of the inner service is held meanwhile. An error of the
//!   body, or a body over the limit, is the end.
//! - **Collected**: readiness of the inner service is asked for; its error is the end. Then the clock is read, and the
//!   request is signed and sent. One that cannot be signed ends with the reason, and is not sent.
//! - **Called**: the request is on its way. Most begin here: their bodies were ready at once. Whatever comes is the
//!   end, a `401` included, because the same key would sign the same request again.
//! - **Failed**: the request was refused before it was sent. The end is the error.

mod collector;
mod future;
mod layer;
mod options;
mod service;
mod signature;
mod state;
mod timestamp;
mod unsigned;

pub use self::{future::SignedResponseFuture, layer::SignedRequestLayer, service::SignedRequest};

#[cfg(test)]
mod tests;
