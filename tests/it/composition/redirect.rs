//! tower-http's `FollowRedirect`. The right order is `FollowRedirect` **over** us, with `OutsideAudience::Forward`:
//! then each hop passes the audience by itself. Under us its own policy decides which hop gets the header, unseen by
//! any audience of ours. Its standard policy compared each hop with the one before only in older releases: there the
//! second of two hops within a foreign host gets the header back. The release under test mended that.

use http::{Response, StatusCode, header::LOCATION};
use http_body_util::Full;
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_http::follow_redirect::{
    FollowRedirectLayer,
    policy::{FilterCredentials, SameOrigin},
};
use tower_sinch_auth::{AudienceError, OutsideAudience};

use super::{FOLLOWED_TO, SEQUENCE, SEQUENCE_FOLLOWED, layer, observe};
use crate::support::api::{API, MockApi, assert_success, get, success};

const HOME_TOO: &str = "https://fax.api.sinch.com/v3/faxes";

/// Redirects each of these to the next.
fn redirecting(hops: &'static [&'static str]) -> MockApi {
    MockApi::answering(move |seen| {
        let at = hops.iter().position(|hop| seen.parts.uri == **hop);
        match at.and_then(|at| hops.get(at + 1)) {
            Some(next) => Response::builder()
                .status(StatusCode::TEMPORARY_REDIRECT)
                .header(LOCATION, *next)
                .body(Full::default())
                .unwrap(),
            None => success(),
        }
    })
}

fn followed() -> String {
    SEQUENCE.replace(SEQUENCE_FOLLOWED.0, SEQUENCE_FOLLOWED.1) + FOLLOWED_TO
}

#[tokio::test(start_paused = true)]
async fn follow_redirect_over_us() {
    let observed =
        observe(|auth, api| ServiceBuilder::new().layer(FollowRedirectLayer::new()).layer(auth).service(api));
    assert_eq!(observed.await, followed());
}

#[tokio::test(start_paused = true)]
async fn follow_redirect_under_us() {
    let observed =
        observe(|auth, api| ServiceBuilder::new().layer(auth).layer(FollowRedirectLayer::new()).service(api));
    assert_eq!(observed.await, followed());
}

#[tokio::test(start_paused = true)]
async fn over_us_every_hop_gets_what_its_own_host_may_see() {
    let api = redirecting(&[
        API,
        "https://files.example.com/1",
        "https://files.example.com/2",
        HOME_TOO,
        "https://other.example.com/",
        "http://numbers.api.sinch.com/",
    ]);
    let service = ServiceBuilder::new().layer(FollowRedirectLayer::new()).layer(layer()).service(api.clone());
    assert_success(&service.oneshot(get(API)).await.unwrap());
    let ours = || Some(String::from("token-1"));
    assert_eq!(api.tokens(), [ours(), None, None, ours(), None, None]);
}

#[tokio::test(start_paused = true)]
async fn over_us_a_redirect_to_a_foreign_host_is_refused_by_default() {
    let api = redirecting(&[API, "https://files.example.com/1"]);
    let service = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(layer().outside_audience(OutsideAudience::Refuse))
        .service(api.clone());
    let error = service.oneshot(get(API)).await.unwrap_err();
    let error = error.downcast_ref::<AudienceError>().unwrap();
    assert_eq!(error.host(), Some("files.example.com"));
    api.assert_tokens(&["token-1"]);
}

#[tokio::test(start_paused = true)]
async fn under_us_a_redirect_to_a_foreign_host_loses_the_token() {
    let api = redirecting(&[API, "https://files.example.com/1", "https://files.example.com/2"]);
    let service = layer().layer(FollowRedirectLayer::new().layer(api.clone()));
    assert_success(&service.oneshot(get(API)).await.unwrap());
    assert_eq!(api.tokens(), [Some("token-1".into()), None, None]);
}

#[tokio::test(start_paused = true)]
async fn under_us_a_same_origin_policy_keeps_the_token_at_home() {
    const HOME: &str = "https://numbers.api.sinch.com/v1/elsewhere";
    let api = redirecting(&[API, HOME, "https://files.example.com/1"]);
    let service = layer().layer(FollowRedirectLayer::with_policy(SameOrigin::new()).layer(api.clone()));
    let response = service.oneshot(get(API)).await.unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    api.assert_tokens(&["token-1", "token-1"]);
}

#[tokio::test(start_paused = true)]
async fn under_us_a_policy_that_strips_credentials_keeps_the_token() {
    let api = redirecting(&[API, "https://files.example.com/1", "https://files.example.com/2"]);
    let policy = FilterCredentials::new().block_any();
    let service = layer().layer(FollowRedirectLayer::with_policy(policy).layer(api.clone()));
    assert_success(&service.oneshot(get(API)).await.unwrap());
    assert_eq!(api.tokens(), [Some("token-1".into()), None, None]);
}
