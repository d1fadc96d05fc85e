//! An API behind the layer, whose tokens can be revoked.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use tower::{Layer, Service, ServiceExt, util::BoxCloneSyncService};
use tower_sinch_auth::{
    AccessToken, BoxError, CloneBody, NoReplay, Replay, SinchAuth, SinchAuthLayer, TokenRefresher,
};

/// The body of its 401s.
pub(super) const UNAUTHORIZED: &str = "token expired";

/// Answers 200, or 401 to what it was told to reject. Clones share everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Api(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    revoked: HashSet<Vec<u8>>,
    refusing: HashSet<String>,
    latency: Duration,
    requests: u64,
}

pub(super) type Client<R> = SinchAuth<Api, R>;

/// A client of any API.
pub(super) type HttpService = BoxCloneSyncService<Request<String>, Response<String>, BoxError>;

impl Api {
    /// From now on, requests with `token` are answered 401.
    pub(super) fn revoke(&self, token: &AccessToken) {
        let token = token.authorization().as_bytes().to_vec();
        self.0.lock().unwrap().revoked.insert(token);
    }

    /// Revokes the token that `tokens` has now.
    pub(super) fn revoke_current(&self, tokens: &TokenRefresher) {
        self.revoke(&tokens.cached().expect("there is a token to revoke"));
    }

    /// From now on, all requests to `host` are answered 401.
    pub(super) fn refuse(&self, host: &str) {
        self.0.lock().unwrap().refusing.insert(host.to_owned());
    }

    /// Ends [`Api::refuse`].
    pub(super) fn accept(&self, host: &str) {
        self.0.lock().unwrap().refusing.remove(host);
    }

    /// Requests that arrive from now on are answered after `latency`, as decided when they arrived.
    pub(super) fn latency(&self, latency: Duration) {
        self.0.lock().unwrap().latency = latency;
    }

    /// Requests seen, retries included.
    pub(super) fn requests(&self) -> u64 {
        self.0.lock().unwrap().requests
    }

    /// This API behind `layer`.
    pub(super) fn client<R: Clone>(&self, layer: &SinchAuthLayer<R>) -> Client<R> {
        layer.layer(self.clone())
    }

    pub(super) fn retrying(&self, tokens: &TokenRefresher) -> Client<CloneBody> {
        self.client(&SinchAuthLayer::new(tokens.clone()))
    }

    /// A client whose requests cannot be sent again.
    pub(super) fn not_retrying(&self, tokens: &TokenRefresher) -> Client<NoReplay> {
        self.client(&SinchAuthLayer::new(tokens.clone()).replay(NoReplay))
    }

    pub(super) fn request(host: &str) -> Request<String> {
        Request::post(format!("https://{host}/")).body("the request's body".to_owned()).unwrap()
    }
}

impl Service<Request<String>> for Api {
    type Response = Response<String>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<String>, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let mut state = self.0.lock().unwrap();
        state.requests += 1;
        let token = request.headers()[AUTHORIZATION].as_bytes();
        let rejected =
            state.revoked.contains(token) || state.refusing.contains(request.uri().host().unwrap());
        let latency = state.latency;
        Box::pin(async move {
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            let mut response = Response::default();
            if rejected {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                *response.body_mut() = UNAUTHORIZED.to_owned();
            }
            Ok(response)
        })
    }
}

/// A client whose requests are answered with these statuses, over and over.
pub(super) fn answering<const N: usize>(tokens: &TokenRefresher, statuses: [u16; N]) -> HttpService {
    let mut next = statuses.into_iter().cycle();
    let next = Mutex::new(move || next.next().expect("there is an answer"));
    let next = Arc::new(next);
    let api = tower::service_fn(move |_: Request<String>| {
        let status = (next.lock().unwrap())();
        async move { Ok::<_, BoxError>(Response::builder().status(status).body(String::new())?) }
    });
    HttpService::new(SinchAuthLayer::new(tokens.clone()).layer(api))
}

/// Makes one request.
pub(super) async fn send(client: &HttpService) -> StatusCode {
    client.clone().oneshot(Api::request("a.example")).await.expect("there is a token").status()
}

/// Makes one request to `host`.
pub(super) async fn get<R>(client: &Client<R>, host: &str) -> StatusCode
where
    R: Replay<String, Body = String>,
{
    client.clone().oneshot(Api::request(host)).await.expect("there is a token").status()
}
