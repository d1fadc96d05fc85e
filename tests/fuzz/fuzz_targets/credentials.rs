//! Any KEY ID and KEY SECRET: an error that does not depend on the secret, or a Basic header that decodes to both.
//!
//! The input's first line is the KEY ID, the rest the KEY SECRET, which is a service plan's API token, too.

#![no_main]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a fuzz target fails by panicking")]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Full};
use libfuzzer_sys::fuzz_target;
use tower::service_fn;
use tower_sinch_auth::{AccessKey, BoxError, ClientCredentials, ServicePlan, TokenRefresher, TokenSource};
use tower_sinch_auth_fuzz::{block_on, key, shown};

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    let (id, secret) = input.split_once('\n').unwrap_or((&input, ""));
    let has_control = |text: &str| {
        text.chars().any(|char| ('\0'..' ').contains(&char) || ('\u{7f}'..'\u{a0}').contains(&char))
    };
    let unusable = |text: &str| text.is_empty() || has_control(text);

    let made = AccessKey::new(id, secret);
    assert_eq!(made.is_err(), unusable(id) || unusable(secret) || id.contains(':'), "{made:?}");
    assert_eq!(what_shows(&made), what_shows(&AccessKey::new(id, masked(secret))));
    if let Ok(key) = made {
        assert_eq!(key.key_id(), id);
        assert_eq!(key::decoded(&sent(key)), (id.into(), secret.into()));
    }

    let made = ServicePlan::new(id, secret);
    let visible = secret.bytes().all(|byte| byte.is_ascii_graphic());
    assert_eq!(made.is_err(), unusable(id) || unusable(secret) || !visible, "{made:?}");
    assert_eq!(what_shows(&made), what_shows(&ServicePlan::new(id, masked(secret))));
    if let Ok(plan) = made {
        let token = block_on(TokenRefresher::from(plan).token()).expect("a static token");
        assert!(token.authorization().is_sensitive());
        assert_eq!(token.authorization(), &format!("Bearer {secret}"));
        assert_eq!(token.expires_in(), None);
    }
});

fn what_shows<T: std::fmt::Debug>(made: &Result<T, tower_sinch_auth::CredentialsError>) -> String {
    match made {
        Ok(value) => format!("{value:?}"),
        Err(error) => shown(error),
    }
}

/// Another secret with the same flaws: what shows must not tell them apart.
fn masked(secret: &str) -> String {
    let mask = |char: char| match char {
        char if char.is_control() || char == ' ' => char,
        char if char.is_ascii() => 'x',
        _ => 'é',
    };
    secret.chars().map(mask).collect()
}

/// The `Authorization` header of the token request.
fn sent(key: AccessKey) -> HeaderValue {
    let seen = Arc::new(Mutex::new(None));
    let keeps = Arc::clone(&seen);
    let client = service_fn(move |request: Request<Full<Bytes>>| {
        *keeps.lock().unwrap() = Some(request);
        async { Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(r#"{"access_token":"t"}"#))) }
    });
    block_on(ClientCredentials::with_client(client, key).fetch()).expect("a token");
    let request = seen.lock().unwrap().take().expect("a token request");
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://auth.sinch.com/oauth2/token");
    assert_eq!(request.headers()[CONTENT_TYPE], "application/x-www-form-urlencoded");
    assert_eq!(request.headers().len(), 2);
    let authorization = request.headers()[AUTHORIZATION].clone();
    let body = block_on(request.into_body().collect()).unwrap().to_bytes();
    assert_eq!(body, "grant_type=client_credentials");
    authorization
}
