//! Which answers count as a rejection of the token.

use bytes::Bytes;
use http::{Response, StatusCode, header::WWW_AUTHENTICATE};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::SinchAuthLayer;

use crate::support::{
    ScriptedSource,
    api::{API, MockApi, get, success},
};

fn answer(status: StatusCode, challenges: &[&str]) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    for challenge in challenges {
        response = response.header(WWW_AUTHENTICATE, *challenge);
    }
    response.body(Full::default()).unwrap()
}

/// The tokens that an API saw which gave this answer to `token-1`.
async fn tokens_seen(status: StatusCode, challenges: &'static [&'static str]) -> Vec<Option<String>> {
    let api = MockApi::answering(move |seen| match seen.token() {
        Some("token-1") => answer(status, challenges),
        _ => success(),
    });
    let service = SinchAuthLayer::new(ScriptedSource::new()).layer(api.clone());
    service.oneshot(get(API)).await.unwrap();
    api.tokens()
}

#[tokio::test(start_paused = true)]
async fn a_401_counts_whatever_its_challenge_looks_like() {
    let shapes: [&[&str]; 8] = [
        &[],
        &[""],
        &["Basic realm=\"Realm\""],
        &["Bearer realm=\"sinch\", error=\"invalid_token\", error_description=\"expired\""],
        &["Bearer error=\"invalid_token\", error_description=\"Jwt expired at 2024-07-08T22:12:28Z\""],
        &["Bearer error=\"invalid_token\", error_description=\"not insufficient_scope\""],
        &["Bearer realm=\"torn"],
        &[";;, =\"?"],
    ];
    for challenges in shapes {
        let tokens = tokens_seen(StatusCode::UNAUTHORIZED, challenges).await;
        assert_eq!(tokens.len(), 2, "{challenges:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_401_for_another_reason_than_the_token_goes_through() {
    let others: [&[&str]; 4] = [
        &["Bearer error=\"insufficient_scope\", scope=\"numbers\""],
        &["BEARER error=invalid_request"],
        &["Basic realm=\"a, b\", Bearer error=\"insufficient_scope\""],
        &["Basic realm=\"Realm\"", "Bearer error=\"insufficient_scope\""],
    ];
    for challenges in others {
        let tokens = tokens_seen(StatusCode::UNAUTHORIZED, challenges).await;
        assert_eq!(tokens.len(), 1, "{challenges:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_other_status_counts_even_if_it_says_expired() {
    for status in [200, 400, 403, 404, 407, 418, 500, 503] {
        let status = StatusCode::from_u16(status).unwrap();
        let tokens =
            tokens_seen(status, &["Bearer error=\"invalid_token\", error_description=\"expired\""]).await;
        assert_eq!(tokens.len(), 1, "{status}");
    }
}
