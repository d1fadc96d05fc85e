//! `RedisStore` against real servers. `tests/redis/run` finds one and runs this; plain `cargo test` does not.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod failures;
mod proxy;
mod server;
mod store;
