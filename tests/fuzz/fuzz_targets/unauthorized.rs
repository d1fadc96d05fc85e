//! Calls to three APIs that share one refresher: what `401`s, failures, clocks and callers that go away may cause.
//!
//! The input is a script, which `src/unauthorized/mod.rs` describes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_sinch_auth_fuzz::{
    block_on_anew,
    unauthorized::{Player, Script},
};

fuzz_target!(|input: &[u8]| {
    let script = Script::read(input);
    // The crate draws on the same thread, from the same generator.
    fastrand::seed(script.seed);
    block_on_anew(Player::play(&script));
});
