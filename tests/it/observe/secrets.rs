//! Nothing that is logged or counted, by whomever, holds a secret.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::{
    classify::{ServerErrorsAsFailures, SharedClassifier},
    trace::{DefaultMakeSpan, DefaultOnRequest, DefaultOnResponse, TraceLayer},
};
use tower_sinch_auth::{
    AccessKey, BoxError, ClientCredentials, SinchAuthLayer, TokenRefresher,
    testing::{Answer, FakeSinch},
};
use tracing::Level;

use super::Observed;
use crate::wire::Issuer;

/// Unlike anything that is logged for another reason.
const KEY_SECRET: &str = "s3cr3t:of~the+key%";

/// What must not be seen, and where it must not.
struct Search {
    observed: Observed,
    secrets: Vec<String>,
}

// === impl Search ===

impl Search {
    fn start() -> Self {
        Self { observed: Observed::start(), secrets: Vec::new() }
    }

    fn add_key(&mut self, key_id: &str) -> AccessKey {
        self.secrets.push(KEY_SECRET.to_owned());
        let escaped = KEY_SECRET.replace('%', "%25").replace('+', "%2B");
        for secret in [KEY_SECRET, &escaped] {
            let pair = BASE64_STANDARD.encode(format!("{key_id}:{secret}"));
            self.secrets.push(pair.trim_end_matches('=').to_owned());
        }
        AccessKey::new(key_id, KEY_SECRET).unwrap()
    }

    fn add_token(&mut self, tokens: &TokenRefresher) {
        let header = tokens.cached().unwrap().authorization().clone();
        self.secrets.push(header.to_str().unwrap().trim_start_matches("Bearer ").to_owned());
    }

    /// Asserts that someone with this target was heard, so that there is something to search.
    #[track_caller]
    fn assert_heard(&self, target: &str) {
        let all = self.observed.log.all();
        assert!(all.iter().any(|record| record.target.starts_with(target)), "{target} said nothing");
    }

    #[track_caller]
    fn assert_clean(&self) {
        let log = self.observed.log.all().into_iter().map(|record| format!("{record:?}"));
        let meters = self.observed.meters.all().into_iter().map(|series| format!("{series:?}"));
        for text in log.chain(meters) {
            for secret in &self.secrets {
                assert!(!text.contains(secret), "{secret} is in {text}");
            }
        }
    }
}

/// Logs all headers of requests and answers.
fn trace() -> TraceLayer<SharedClassifier<ServerErrorsAsFailures>> {
    TraceLayer::new_for_http()
        .make_span_with(DefaultMakeSpan::new().level(Level::TRACE).include_headers(true))
        .on_request(DefaultOnRequest::new().level(Level::TRACE))
        .on_response(DefaultOnResponse::new().level(Level::TRACE).include_headers(true))
}

async fn status<C, ResBody>(client: &C, uri: Uri) -> StatusCode
where
    C: Service<Request<Full<Bytes>>, Response = Response<ResBody>, Error = BoxError> + Clone,
{
    let request = Request::post(uri).body(Full::from("a body")).unwrap();
    client.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn no_log_and_no_metric_holds_a_secret() {
    let mut search = Search::start();
    let sinch = FakeSinch::start().await.unwrap();
    let key = search.add_key("a-key-id");
    sinch.set_access_key(key.clone());
    let traced = || ServiceBuilder::new().layer(trace()).service(sinch.client());
    let credentials = ClientCredentials::with_client(traced(), key).endpoint(sinch.token_endpoint());
    let tokens = TokenRefresher::builder(credentials).max_attempts(2).build();
    let client = ServiceBuilder::new().layer(SinchAuthLayer::new(tokens.clone())).service(traced());
    let call = async || status(&client, sinch.api("/v1/x")).await;
    // A first attempt that fails, a first token, a revocation that heals, one that does not.
    sinch.on_token().times(1, Answer::status(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(call().await, StatusCode::OK);
    search.add_token(&tokens);
    sinch.revoke_tokens();
    assert_eq!(call().await, StatusCode::OK);
    search.add_token(&tokens);
    sinch.revoke_tokens();
    sinch.on_token().always(Answer::Unauthorized);
    assert_eq!(call().await, StatusCode::UNAUTHORIZED);
    assert_eq!(call().await, StatusCode::UNAUTHORIZED);
    // Answers that quote the key.
    let quoting = format!(r#"{{"error":"{KEY_SECRET}","error_description":"{}"}}"#, search.secrets[1]);
    sinch.on_token().always(Answer::body(quoting));
    let credentials = sinch.credentials();
    TokenRefresher::from(credentials).token().await.unwrap_err();

    for target in ["tower_sinch_auth", "tower_http", "hyper_util"] {
        search.assert_heard(target);
    }
    search.assert_clean();
}

#[tokio::test]
async fn no_log_of_http2_holds_a_secret() {
    let mut search = Search::start();
    let port = Issuer::default().serve(None).await;
    let uri = |path: &str| format!("http://127.0.0.1:{port}{path}").parse::<Uri>().unwrap();
    let http2 = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    let key = search.add_key("a-key-id");
    let credentials = ClientCredentials::with_client(http2.clone(), key).endpoint(uri("/oauth2/token"));
    let tokens = TokenRefresher::from(credentials);
    let client = ServiceBuilder::new().layer(SinchAuthLayer::new(tokens.clone())).service(http2);
    for _ in 0..3 {
        assert_eq!(status(&client, uri("/v1/x")).await, StatusCode::OK);
    }
    search.add_token(&tokens);
    search.assert_heard("h2");
    search.assert_clean();
}
