//! Whatever is in a store: a token that the fleet has sealed, or the issuer's own; one attempt, which ends in its time.
//!
//! The layout of the input is that of [`chest`](tower_sinch_auth_fuzz::chest).

#![no_main]
#![expect(clippy::expect_used, clippy::panic, reason = "a fuzz target fails by panicking")]

use std::{future::ready, time::Duration};

use libfuzzer_sys::fuzz_target;
use tower_sinch_auth::{TokenErrorKind, TokenRefresher};
use tower_sinch_auth_fuzz::{
    block_on,
    chest::{Chest, attempt},
    elapsed, key, shown,
};

/// How long a flight is.
const FLIGHT: Duration = Duration::from_secs(30);

fuzz_target!(|input: &[u8]| {
    let chest = Chest::parse(input);
    let body = r#"{"access_token":"own","expires_in":3600}"#;
    let ((result, asked), took) = elapsed(|| attempt(&chest, key::key(), 200, body));
    assert!(took <= FLIGHT, "{took:?}");
    let seen = chest.seen();
    match result {
        Ok(issued) => {
            let tokens = TokenRefresher::new(move || ready(Ok(issued.clone())));
            let token = block_on(tokens.token()).expect("the token");
            match token.authorization().to_str().expect("visible ASCII") {
                "Bearer own" => assert_eq!(asked, 1),
                "Bearer shared" => assert!(seen.token, "it was not sealed"),
                other => panic!("{other}"),
            }
            assert!(asked <= 1);
        }
        Err(error) => {
            assert!(seen.refusal, "{error:?}");
            assert_eq!((error.kind(), asked), (TokenErrorKind::Throttled, 0));
            key::assert_hides_the_secret(&shown(&error));
        }
    }
});
