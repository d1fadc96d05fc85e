//! Several access keys: whose a token is, and what the server saw of each key.

use std::pin::pin;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures::future::{join, join_all, select};
use http::{
    HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;
use serde_json::Value;
use tower_sinch_auth::{
    AccessKey,
    testing::{Answer, Counts},
};

use super::{Answered, KEY_ID, KEY_SECRET, Raw, basic};

const ACME: (&str, &str) = ("acme", "acme's secret");
const UMBRELLA: (&str, &str) = ("umbrella", "umbrella's secret");
const OWN: (&str, &str) = (KEY_ID, KEY_SECRET);

impl Raw {
    /// A server that has two keys besides its own.
    async fn with_accounts() -> Self {
        let raw = Self::start().await;
        raw.add(ACME);
        raw.add(UMBRELLA);
        raw
    }

    fn add(&self, (key_id, key_secret): (&str, &str)) {
        self.sinch.add_access_key(AccessKey::new(key_id, key_secret).unwrap());
    }

    async fn ask_as(&self, (key_id, key_secret): (&str, &str)) -> Answered {
        let mut request = self.token_request();
        let pair = HeaderValue::try_from(basic(key_id, key_secret)).unwrap();
        request.headers_mut().insert(AUTHORIZATION, pair);
        self.send(request).await.unwrap()
    }

    async fn token_of(&self, key: (&str, &str)) -> String {
        self.ask_as(key).await.json()["access_token"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn assert_counts(&self, key_id: &str, expected: [u64; 4]) {
        let Counts { token_requests, tokens_issued, api_requests, api_unauthorized, .. } =
            self.sinch.counts_of(key_id);
        assert_eq!([token_requests, tokens_issued, api_requests, api_unauthorized], expected, "{key_id}");
    }
}

#[track_caller]
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[track_caller]
fn assert_invalid_client(answer: &Answered) {
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["error"], "invalid_client");
}

#[tokio::test]
async fn every_key_gets_tokens_that_say_whose_they_are() {
    let raw = Raw::with_accounts().await;
    for key in [ACME, UMBRELLA, OWN] {
        let token = raw.token_of(key).await;
        assert_eq!(claims(&token)["client_id"], key.0);
        let answer = raw.call(&token).await;
        assert_eq!(answer.status, StatusCode::OK, "{key:?}");
        assert_eq!(answer.json()["client_id"], key.0);
    }
}

#[tokio::test]
async fn an_added_key_leaves_the_servers_own_in_place() {
    let raw = Raw::with_accounts().await;
    assert_eq!(raw.sinch.access_key().key_id(), KEY_ID);
}

#[tokio::test]
async fn a_key_that_was_not_added_is_an_invalid_client() {
    let raw = Raw::with_accounts().await;
    for key in [("initech", ACME.1), (ACME.0, UMBRELLA.1), (ACME.0, KEY_SECRET), (KEY_ID, ACME.1)] {
        assert_invalid_client(&raw.ask_as(key).await);
    }
    assert_eq!(raw.sinch.counts().tokens_issued, 0);
}

#[tokio::test]
async fn a_key_of_the_same_id_replaces_the_old_one() {
    let raw = Raw::with_accounts().await;
    for (key_id, old) in [ACME, OWN] {
        raw.add((key_id, "another"));
        assert_invalid_client(&raw.ask_as((key_id, old)).await);
        assert_eq!(raw.ask_as((key_id, "another")).await.status, StatusCode::OK, "{key_id}");
    }
    assert_eq!(raw.sinch.access_key().key_id(), KEY_ID);
}

#[tokio::test]
async fn a_key_that_is_set_is_the_only_one() {
    let raw = Raw::with_accounts().await;
    raw.sinch.set_access_key(AccessKey::new(UMBRELLA.0, UMBRELLA.1).unwrap());
    assert_invalid_client(&raw.ask_as(ACME).await);
    assert_invalid_client(&raw.ask_as(OWN).await);
    assert_eq!(raw.ask_as(UMBRELLA).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_rotation_replaces_the_servers_key_and_keeps_added_ones() {
    let raw = Raw::with_accounts().await;
    raw.sinch.rotate_key();
    assert_invalid_client(&raw.ask_as(OWN).await);
    for key in [ACME, UMBRELLA] {
        assert_eq!(raw.ask_as(key).await.status, StatusCode::OK, "{key:?}");
    }
}

#[tokio::test]
async fn revoking_a_keys_tokens_leaves_later_ones_and_other_keys() {
    let raw = Raw::with_accounts().await;
    let revoked = [raw.token_of(ACME).await, raw.token_of(ACME).await];
    let others = [raw.token_of(UMBRELLA).await, raw.token_of(OWN).await];
    raw.sinch.revoke_tokens_of(ACME.0);
    let later = raw.token_of(ACME).await;
    for token in &revoked {
        assert_eq!(raw.call(token).await.status, StatusCode::UNAUTHORIZED);
    }
    for token in others.iter().chain([&later]) {
        assert_eq!(raw.call(token).await.status, StatusCode::OK);
    }
    raw.sinch.revoke_tokens();
    assert_eq!(raw.call(&later).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_the_server_saw_is_counted_for_each_key_and_in_all() {
    let raw = Raw::with_accounts().await;
    let (acme, umbrella) = (raw.token_of(ACME).await, raw.token_of(UMBRELLA).await);
    assert_invalid_client(&raw.ask_as((ACME.0, "wrong")).await);
    assert_invalid_client(&raw.ask_as(("initech", "unknown")).await);
    raw.call(&acme).await;
    raw.sinch.revoke_tokens_of(ACME.0);
    raw.call(&acme).await;
    raw.call(&umbrella).await;
    raw.call("no token of ours").await;

    raw.assert_counts(ACME.0, [2, 1, 2, 1]);
    raw.assert_counts(UMBRELLA.0, [1, 1, 1, 0]);
    raw.assert_counts("initech", [1, 0, 0, 0]);
    assert_eq!(raw.sinch.counts_of(KEY_ID), Counts::default());
    let all = raw.sinch.counts();
    assert_eq!((all.token_requests, all.tokens_issued), (4, 2));
    assert_eq!((all.api_requests, all.api_unauthorized), (4, 2));
    assert_eq!((all.connections, raw.sinch.counts_of(ACME.0).connections), (1, 0));
}

#[tokio::test]
async fn the_most_token_requests_at_once_are_counted_for_each_key() {
    let raw = Raw::with_accounts().await;
    raw.sinch.on_token().always(Answer::Hang);
    let acme = join_all((0..2).map(|_| raw.ask_as(ACME)));
    let umbrella = join_all((0..3).map(|_| raw.ask_as(UMBRELLA)));
    select(pin!(join(acme, umbrella)), pin!(raw.until_seen(5))).await;
    let at_once = |key_id| raw.sinch.counts_of(key_id).token_requests_at_once;
    assert_eq!((at_once(ACME.0), at_once(UMBRELLA.0)), (2, 3));
    assert_eq!(raw.sinch.counts().token_requests_at_once, 5);
}

/// Time stands still, so that nothing flows back into the bucket.
#[tokio::test(start_paused = true)]
async fn all_keys_share_one_rate_limit_counted_for_who_met_it() {
    let raw = Raw::with_accounts().await;
    for _ in 0..15 {
        raw.token_of(ACME).await;
        raw.token_of(UMBRELLA).await;
    }
    raw.ask_as(ACME).await.assert_throttled();
    let throttled = |key_id| raw.sinch.counts_of(key_id).token_requests_throttled;
    assert_eq!((throttled(ACME.0), throttled(UMBRELLA.0)), (1, 0));
    assert_eq!(raw.sinch.counts().token_requests_throttled, 1);
}

/// JSON and form encoding have their own opinion of these.
#[tokio::test]
async fn a_key_id_may_hold_any_character_that_an_access_key_may() {
    let raw = Raw::start().await;
    let key_id = r#"a"b\c%d+e é"#;
    raw.add((key_id, "secret"));
    let encoded = "a\"b\\c%25d%2Be%20%C3%A9";
    let token = raw.token_of((encoded, "secret")).await;
    assert_eq!(claims(&token)["client_id"], key_id);
    assert_eq!(raw.call(&token).await.json()["client_id"], key_id);
    raw.assert_counts(key_id, [1, 1, 1, 0]);
    raw.sinch.revoke_tokens_of(key_id);
    assert_eq!(raw.call(&token).await.status, StatusCode::UNAUTHORIZED);
}

/// What has no claims, or claims nothing, is nobody's; it is answered `401` all the same.
#[tokio::test]
async fn a_token_of_another_server_is_refused_whatever_it_claims() {
    let raw = Raw::with_accounts().await;
    let payload = |json: &str| format!("e30.{}.e30", BASE64_URL_SAFE_NO_PAD.encode(json));
    let forged = payload(r#"{"client_id":"acme","jti":"1","scp":[]}"#);
    for token in [forged, payload("{}"), payload("[]"), "e30.%.e30".to_owned(), "abc".to_owned()] {
        assert_eq!(raw.call(&token).await.status, StatusCode::UNAUTHORIZED, "{token}");
    }
    let upload: Request<Full<Bytes>> = Request::post(raw.sinch.api("/oauth2/tokens"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(AUTHORIZATION, basic(ACME.0, ACME.1))
        .body("grant_type=client_credentials".into())
        .unwrap();
    assert_eq!(raw.send(upload).await.unwrap().status, StatusCode::UNAUTHORIZED);
    assert_eq!(raw.sinch.counts().api_unauthorized, 6);
}
