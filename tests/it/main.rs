//! One binary for all integration tests; a module for each part of DESIGN.md.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod endpoint;
mod fake_sinch;
mod refresher;
mod support;
mod wire;
