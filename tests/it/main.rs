//! One binary for all integration tests; a module for each subject.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod accounts;
mod allocations;
mod architecture;
mod auto_traits;
mod composition;
mod contract;
mod endpoint;
mod environment;
mod fake_sinch;
#[cfg(feature = "__client")]
mod fleet;
mod observe;
mod refresher;
mod regressions;
mod replay;
mod request_path;
mod security;
mod signing;
mod store;
mod support;
mod wire;
