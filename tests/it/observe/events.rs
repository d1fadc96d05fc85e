//! The events: few, and each at the level of what it means for calls.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{
    Request,
    header::{ACCEPT, HOST},
};
use http_body_util::Full;
use tokio::time::sleep;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{
    Account, Audience, IssuedToken, ServicePlan, SinchAuthLayer, TokenError, TokenErrorKind, TokenRefresher,
    TokenSource,
};
use tracing::Level;

use super::{
    Observed,
    scenario::{
        MINUTE, build_with_a_mistyped_host, builder, call, call_that_cannot_be_replayed,
        call_that_is_refused, everything, refresh_in_background, until_nearly_expired, warm,
    },
};
use crate::support::{
    Answer, HOUR, ScriptedSource,
    api::{API, MockApi, get},
};

const REFRESHED: &str = "token refreshed";
const ATTEMPT_FAILED: &str = "token request failed";
const REFRESH_FAILED: &str = "token refresh failed";
const SERVING: &str = "serving the token until it expires";

/// The host of [`API`].
fn api_host() -> String {
    API.parse::<http::Uri>().unwrap().host().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn while_the_token_is_fresh_and_accepted_nothing_is_seen() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    let before = (observed.log.ours().len(), observed.meters.all());
    for _ in 0..100 {
        call(&tokens, &[]).await;
    }
    assert_eq!((observed.log.ours().len(), observed.meters.all()), before);
}

#[tokio::test(start_paused = true)]
async fn normal_life_is_one_line_for_each_token_at_info() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    for _ in 0..3 {
        until_nearly_expired().await;
        refresh_in_background(&tokens).await;
    }
    let lines: Vec<_> = observed.log.events().into_iter().map(|event| (event.level, event.name)).collect();
    assert_eq!(lines, vec![(Level::INFO, REFRESHED.to_owned()); 4]);
}

#[tokio::test(start_paused = true)]
async fn a_refreshed_token_is_logged_with_its_lifetime_and_renewal() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    let event = observed.log.events_named(REFRESHED).remove(0);
    assert_eq!(event.parent.as_deref(), Some("token_flight"));
    assert_eq!(event.field("reason"), "first");
    assert_eq!(event.seconds("lifetime_seconds"), 3600.0);
    let refresh_in = tokens.status().refresh_in.unwrap().as_secs_f64();
    assert!((event.seconds("refresh_in_seconds") - refresh_in).abs() < 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_says_why_and_when_the_next_one_is_made() {
    let observed = Observed::start();
    let cause =
        io::Error::new(io::ErrorKind::ConnectionRefused, TokenError::new(TokenErrorKind::Rejected, "deeper"));
    let error = TokenError::new(TokenErrorKind::Unavailable, cause);
    let source =
        ScriptedSource::new().then(Answer::Error(error.with_retry_after(Some(Duration::from_secs(3)))));
    TokenRefresher::new(source).token().await.unwrap();
    let event = observed.log.events_named(ATTEMPT_FAILED).remove(0);
    assert_eq!((event.field("attempt"), event.field("error.type")), ("1", "unavailable"));
    assert!(event.seconds("retry_in_seconds") >= 3.0);
    assert!(event.field("error").contains("check the network path"));
    assert!(event.field("error.causes").ends_with(": deeper"), "{event:?}");
    assert_eq!(observed.log.events_named(REFRESHED)[0].field("attempts"), "2");
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_a_warning_while_calls_wait_for_it() {
    let observed = Observed::start();
    let source = ScriptedSource::new().then_error(TokenErrorKind::Rejected);
    let tokens = builder(&source).build();
    tokens.token().await.unwrap_err();
    sleep(MINUTE).await;
    tokens.token().await.unwrap();
    until_nearly_expired().await;
    source.clone().then_error(TokenErrorKind::Unavailable);
    refresh_in_background(&tokens).await;
    let failed = observed.log.events_named(ATTEMPT_FAILED);
    assert_eq!(failed.iter().map(|event| event.level).collect::<Vec<_>>(), [Level::WARN, Level::INFO]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_a_warning_too_when_the_flight_ends() {
    let observed = Observed::start();
    builder(&ScriptedSource::new().then(Answer::Hang)).build().token().await.unwrap_err();
    let failed = observed.log.events_named(ATTEMPT_FAILED);
    assert_eq!(failed.iter().map(|event| event.level).collect::<Vec<_>>(), [Level::WARN]);
    assert_eq!(failed[0].field("error.type"), "timed_out");
}

#[tokio::test(start_paused = true)]
async fn failures_warn_and_the_token_that_serves_on_is_logged_once() {
    let observed = Observed::start();
    let source = ScriptedSource::new();
    let tokens = warm(&source).await;
    until_nearly_expired().await;
    source.clone().then_error(TokenErrorKind::Unavailable).then_error(TokenErrorKind::Unavailable);
    for _ in 0..50 {
        refresh_in_background(&tokens).await;
        sleep(Duration::from_millis(100)).await;
    }
    let failed = observed.log.events_named(REFRESH_FAILED);
    assert_eq!(failed.iter().map(|event| event.level).collect::<Vec<_>>(), [Level::WARN; 2]);
    assert_eq!(failed.iter().map(|event| event.field("failures")).collect::<Vec<_>>(), ["1", "2"]);
    assert!(failed[1].seconds("retry_in_seconds") > 0.0);
    let serving = observed.log.events_named(SERVING);
    assert_eq!(serving.len(), 1);
    assert_eq!((serving[0].level, serving[0].field("generation")), (Level::WARN, "1"));
    assert!(serving[0].seconds("expires_in_seconds") > 100.0);
    assert_eq!(observed.log.events_named(REFRESHED)[1].field("failures"), "2");
}

#[tokio::test(start_paused = true)]
async fn without_a_valid_token_a_failure_is_an_error() {
    let observed = Observed::start();
    let tokens = builder(&ScriptedSource::new().then_error(TokenErrorKind::Rejected)).build();
    tokens.token().await.unwrap_err();
    let failed = observed.log.events_named(REFRESH_FAILED);
    assert_eq!((failed.len(), failed[0].level), (1, Level::ERROR));
    assert_eq!((failed[0].field("error.type"), failed[0].field("expires_in_seconds")), ("rejected", ""));
    assert!(observed.log.events_named(SERVING).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_irreplaceable_rejected_token_is_an_error_before_expiry() {
    let observed = Observed::start();
    let source = ScriptedSource::new();
    let tokens = warm(&source).await;
    source.clone().then_error(TokenErrorKind::Rejected);
    call(&tokens, &["token-1"]).await;
    assert_eq!(observed.log.events_named(REFRESH_FAILED)[0].level, Level::ERROR);
    assert!(observed.log.events_named(SERVING).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_401_and_what_became_of_it_are_for_debugging() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    call(&tokens, &["token-1"]).await;
    let rejected = observed.log.events_named("token rejected").remove(0);
    let settled = observed.log.events_named("rejected call settled").remove(0);
    assert_eq!((rejected.level, rejected.field("generation")), (Level::DEBUG, "1"));
    assert_eq!((settled.level, settled.field("generation")), (Level::DEBUG, "2"));
    assert_eq!(settled.field("verdict"), "helped");
    assert_eq!(
        (rejected.field("server.address"), settled.field("server.address")),
        (&*api_host(), &*api_host())
    );
}

#[tokio::test(start_paused = true)]
async fn without_authority_the_host_is_that_of_the_host_header() {
    let observed = Observed::start();
    let layer = SinchAuthLayer::new(warm(&ScriptedSource::new()).await);
    let api = MockApi::rejecting(&["token-1"]);
    let request = Request::get("/").header(HOST, "us.example").header(ACCEPT, "text/plain");
    layer.layer(api).oneshot(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    let settled = observed.log.events_named("rejected call settled").remove(0);
    assert_eq!((settled.field("server.address"), settled.field("verdict")), ("us.example", "helped"));
}

#[tokio::test(start_paused = true)]
async fn rejections_of_fresh_tokens_are_logged_once_a_back_off() {
    const BACKOFF_BEGAN: &str = "fresh tokens rejected, refreshes back off";
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    for _ in 0..20 {
        call(&tokens, &["token-1", "token-2", "token-3"]).await;
    }
    let began = observed.log.events_named(BACKOFF_BEGAN);
    assert_eq!((began.len(), began[0].level), (1, Level::WARN));
    assert_eq!(began[0].field("server.address"), api_host());
    // 1 s, of which the second half is drawn.
    assert!((0.5..=1.0).contains(&began[0].seconds("backoff_seconds")));
    sleep(MINUTE).await;
    call(&tokens, &["token-1", "token-2", "token-3"]).await;
    assert_eq!(observed.log.events_named(BACKOFF_BEGAN).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_back_off_for_rejected_uploads_is_logged_without_a_retry() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    for _ in 0..5 {
        call_that_cannot_be_replayed(&tokens).await;
    }
    assert_eq!(observed.log.events_named("fresh tokens rejected, refreshes back off").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_is_an_error_that_names_only_the_host() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    call_that_is_refused(&tokens).await;
    let refused = observed.log.events_named("request refused").remove(0);
    assert_eq!((refused.level, refused.field("server.address")), (Level::ERROR, "example.com"));
    for part in ["password", "path", "query"] {
        assert!(!format!("{:?}", refused.fields).contains(part), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn times_are_seconds_to_the_millisecond() {
    let observed = Observed::start();
    everything().await;
    let mut times = 0;
    for record in observed.log.ours() {
        for (field, value) in record.fields.iter().filter(|(field, _)| field.ends_with("_seconds")) {
            let (_, fraction) = value.split_once('.').unwrap_or((value, ""));
            assert!(fraction.len() <= 3, "{field}={value}");
            times += 1;
        }
    }
    assert!(times > 20, "{times}");
}

#[tokio::test(start_paused = true)]
async fn without_a_listener_all_goes_on_as_ever() {
    everything().await;
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_names_no_host_is_a_warning_once_without_its_userinfo() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    build_with_a_mistyped_host(&tokens);
    let warnings = observed.log.events_named("no host in an entry of the audience");
    assert_eq!((warnings.len(), warnings[0].level), (1, Level::WARN));
    assert!(warnings[0].field("entry").contains("api example.com"), "{}", warnings[0].field("entry"));
    assert!(!warnings[0].field("entry").contains("password"));
}

#[tokio::test(start_paused = true)]
async fn a_mistyped_host_of_a_source_is_a_warning_once_a_refresher_with_or_without_a_layer() {
    struct Mistyped;
    impl TokenSource for Mistyped {
        async fn fetch(&self) -> Result<IssuedToken, TokenError> {
            IssuedToken::bearer("abc", Some(HOUR))
        }

        fn audience(&self) -> Audience {
            Audience::hosts(["api example.com"])
        }
    }
    let observed = Observed::start();
    let warnings = || observed.log.events_named("no host in an entry of the audience").len();
    let tokens = TokenRefresher::new(Mistyped);
    assert_eq!(warnings(), 1, "an account never passes a layer's building");
    let layers = [SinchAuthLayer::new(tokens.clone()), SinchAuthLayer::per_request()];
    for layer in layers {
        let mut request = get(API);
        request.extensions_mut().insert(Account::from(&tokens));
        layer.layer(MockApi::rejecting(&[])).oneshot(request).await.unwrap_err();
    }
    assert_eq!(warnings(), 1, "the same refresher");
    drop(SinchAuthLayer::new(Mistyped));
    assert_eq!(warnings(), 2, "another one");
}

#[tokio::test(start_paused = true)]
async fn to_forget_is_told_once_with_whose_token_it_was() {
    let observed = Observed::start();
    let tokens = TokenRefresher::new(ServicePlan::new("plan-1", "token").unwrap());
    tokens.token().await.unwrap();
    tokens.forget();
    let forgotten = observed.log.events_named("token forgotten");
    assert_eq!((forgotten.len(), forgotten[0].level), (1, Level::INFO));
    assert_eq!((forgotten[0].field("key_id"), forgotten[0].field("generation")), ("plan-1", "1"));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_forgotten_is_told_with_it() {
    let observed = Observed::start();
    let resting = TokenError::new(TokenErrorKind::Throttled, "later").with_retry_after(Some(MINUTE));
    let tokens = builder(&ScriptedSource::new().then(Answer::Error(resting))).build();
    tokens.token().await.unwrap_err();
    tokens.forget();
    let forgotten = observed.log.events_named("token forgotten");
    assert_eq!((forgotten[0].seconds("retry_in_seconds"), forgotten[0].field("generation")), (60.0, "0"));
}
