//! [`FakeSinch`]: the handle through which a test starts, scripts and questions the server.

use std::{fmt, io, net::Ipv4Addr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::uri::{self, Authority, PathAndQuery, Scheme, Uri};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{net::TcpListener, task::AbortHandle};

#[cfg(feature = "signing")]
use super::applications::Applications;
use super::{
    challenge::Challenge,
    counts::Counts,
    exchange::{Endpoint, TOKEN_PATH},
    keys::{Keys, random_key},
    script::Script,
    server,
    state::State,
};
#[cfg(feature = "signing")]
use crate::sinch::ApplicationKey;
use crate::sinch::{AccessKey, ClientCredentials};

/// A server that behaves as Sinch does, for tests.
///
/// # Cloning
///
/// A clone is another handle of the same server. The server stops when the last handle is dropped: its tasks end, its
/// connections and its port close.
///
/// # Examples
///
/// See the [module documentation](crate::testing).
#[derive(Clone)]
pub struct FakeSinch(Arc<Running>);

/// The client that [`FakeSinch::credentials`] and [`FakeSinch::client`] use: hyper-util, HTTP/1.1, without TLS.
pub type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// The server, which runs as long as a handle holds this.
struct Running {
    state: Arc<State>,
    authority: Authority,
    server: AbortHandle,
}

// === impl FakeSinch ===

impl FakeSinch {
    /// Starts a server on a free port of 127.0.0.1, with an access key of its own.
    ///
    /// # Errors
    ///
    /// If the system has no free port.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime with I/O and time enabled: the server's tasks need one.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        let authority = Authority::from_maybe_shared(address).map_err(io::Error::other)?;
        let state = Arc::new(State::new());
        let server = tokio::spawn(server::run(listener, Arc::clone(&state))).abort_handle();
        Ok(Self(Arc::new(Running { state, authority, server })))
    }

    /// Returns the access key that gets tokens: a random one, until a test [sets](Self::set_access_key) another.
    #[must_use]
    pub fn access_key(&self) -> AccessKey {
        self.0.state.lock().keys.own().clone()
    }

    /// Returns the address of the token endpoint.
    #[must_use]
    pub fn token_endpoint(&self) -> Uri {
        self.uri(PathAndQuery::from_static(TOKEN_PATH))
    }

    /// Returns the address of `path_and_query` at the API.
    ///
    /// The API has every path but that of the token endpoint. One that no URI may have becomes `/`.
    #[must_use]
    pub fn api(&self, path_and_query: &str) -> Uri {
        self.uri(path_and_query.parse().unwrap_or(PathAndQuery::from_static("/")))
    }

    /// Returns what [`SinchAuthLayer::new`](crate::SinchAuthLayer::new) takes: the current access key, and the token
    /// endpoint of this server.
    ///
    /// These credentials keep their key after [`rotate_key`](Self::rotate_key). To follow it, pass a closure that
    /// calls [`access_key`](Self::access_key) to [`ClientCredentials::with_client`].
    #[must_use]
    pub fn credentials(&self) -> ClientCredentials<HttpClient> {
        ClientCredentials::with_client(self.client(), self.access_key()).endpoint(self.token_endpoint())
    }

    /// Returns a plain HTTP client, for a test that needs no service of its own.
    #[must_use]
    pub fn client(&self) -> HttpClient {
        Client::builder(TokioExecutor::new()).build_http()
    }

    /// Returns the script of the token endpoint.
    #[must_use]
    pub fn on_token(&self) -> Script<'_> {
        Script::new(&self.0.state, Endpoint::Token)
    }

    /// Returns the script of the API.
    #[must_use]
    pub fn on_api(&self) -> Script<'_> {
        Script::new(&self.0.state, Endpoint::Api)
    }

    /// Sets the lifetime of the tokens that the server issues from now on. Default: 3599 s, as Sinch says.
    ///
    /// The token response says it in whole seconds, rounded down.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.0.state.lock().lifetime = lifetime;
    }

    /// Sets the shape of the API's `401`. Default: [`Challenge::Spring`].
    pub fn set_challenge(&self, challenge: Challenge) {
        self.0.state.lock().challenge = challenge;
    }

    /// Makes `key` the only access key that gets tokens. Tokens that were issued before live on.
    pub fn set_access_key(&self, key: AccessKey) {
        self.0.state.lock().keys = Keys::only(key);
    }

    /// Lets another access key get tokens, too: one process may serve many accounts.
    ///
    /// If the server has a key of the same KEY ID, `key` replaces it, and the old secret gets no token any more.
    ///
    /// # Examples
    ///
    /// ```
    /// # use http::Request;
    /// # use tower::{ServiceBuilder, ServiceExt};
    /// # use tower_sinch_auth::{AccessKey, BoxError, ClientCredentials, SinchAuthLayer, testing::FakeSinch};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// let sinch = FakeSinch::start().await?;
    /// for account in ["acme", "umbrella"] {
    ///     let key = AccessKey::new(account, "secret")?;
    ///     sinch.add_access_key(key.clone());
    ///     let credentials = ClientCredentials::with_client(sinch.client(), key).endpoint(sinch.token_endpoint());
    ///     let auth = SinchAuthLayer::new(credentials);
    ///     let client = ServiceBuilder::new().layer(auth).service(sinch.client());
    ///     let request = Request::get(sinch.api("/v1/numbers")).body(Default::default())?;
    ///     assert_eq!(client.oneshot(request).await?.status(), 200);
    /// }
    /// assert_eq!(sinch.counts().api_requests, 2);
    /// assert_eq!(sinch.counts_of("acme").api_requests, 1);
    /// # Ok(()) }
    /// ```
    pub fn add_access_key(&self, key: AccessKey) {
        self.0.state.lock().keys.add(key);
    }

    /// Returns the application key whose signatures the server accepts: a random one, until a test
    /// [sets](Self::set_application_key) another.
    ///
    /// It is checked under `/verification/` and `/calling/`, see the [module
    /// documentation](crate::testing#signed-requests).
    ///
    /// # Examples
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use http::Request;
    /// # use http_body_util::Full;
    /// # use tower::{ServiceBuilder, ServiceExt};
    /// # use tower_sinch_auth::{BoxError, SignedRequestLayer, testing::FakeSinch};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// let sinch = FakeSinch::start().await?;
    /// let signing = SignedRequestLayer::new(sinch.application_key());
    /// let client = ServiceBuilder::new().layer(signing).service(sinch.client());
    /// let request = Request::post(sinch.api("/verification/v1/verifications")).body(Full::from("{}"))?;
    /// assert_eq!(client.oneshot(request).await?.status(), 200);
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "signing")]
    #[must_use]
    pub fn application_key(&self) -> ApplicationKey {
        self.0.state.lock().applications.own().clone()
    }

    /// Makes `key` the only application key whose signatures the server accepts.
    #[cfg(feature = "signing")]
    pub fn set_application_key(&self, key: ApplicationKey) {
        self.0.state.lock().applications = Applications::only(key);
    }

    /// Lets the server accept the signatures of another application key, too.
    ///
    /// If the server has the same key with another secret, `key` replaces it.
    #[cfg(feature = "signing")]
    pub fn add_application_key(&self, key: ApplicationKey) {
        self.0.state.lock().applications.add(key);
    }

    /// Replaces the [access key](Self::access_key) by a random one. Tokens that were issued before live on, and so do
    /// [added](Self::add_access_key) keys.
    pub fn rotate_key(&self) {
        self.0.state.lock().keys.replace_own(random_key());
    }

    /// Revokes every token that was issued before: the API answers `401` to it.
    pub fn revoke_tokens(&self) {
        self.0.state.lock().tokens.revoke_all();
    }

    /// Revokes every token that was issued before to this KEY ID, and no other.
    pub fn revoke_tokens_of(&self, key_id: &str) {
        self.0.state.lock().tokens.revoke_of(key_id);
    }

    /// Returns what the server has seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.state.lock().tallies.all()
    }

    /// Returns what the server has seen so far of this KEY ID, whether it knows the key or not.
    ///
    /// A token request names the KEY ID in its Basic pair, and a request to the API in the claims of its token, one that
    /// was revoked included. A signed request names its application key.
    #[must_use]
    pub fn counts_of(&self, key_id: &str) -> Counts {
        self.0.state.lock().tallies.of(key_id)
    }

    fn uri(&self, path_and_query: PathAndQuery) -> Uri {
        let mut parts = uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.0.authority.clone());
        parts.path_and_query = Some(path_and_query);
        // A URI with all three parts is complete.
        Uri::from_parts(parts).unwrap_or_default()
    }
}

impl fmt::Debug for FakeSinch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeSinch")
            .field("authority", &self.0.authority)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

// === impl Running ===

impl Drop for Running {
    fn drop(&mut self) {
        // The server's task owns the connections: they end with it.
        self.server.abort();
    }
}
