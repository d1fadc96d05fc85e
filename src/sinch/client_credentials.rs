//! [`ClientCredentials`]: one exchange with an OAuth2 token endpoint.
//!
//! The request is a `POST` of `grant_type=client_credentials` with HTTP Basic (RFC 6749 §4.4, §2.3.1) and nothing else.
//! [`token_response`] reads the answer. Redirects are not followed.

use std::{fmt, future::poll_fn, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
    uri::Scheme,
};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

#[cfg(feature = "__client")]
use super::https::{CONNECT_TIMEOUT, HttpsClient};
use super::{
    access_key::{AccessKey, AccessKeySource, DynAccessKeySource},
    exchange, token_response,
};
use crate::{
    audience::{Audience, is_loopback, is_sinch_issuer},
    error::{BoxError, TokenError, token::Kind},
    schedule::{self, Clock},
    telemetry::{record_endpoint, record_key_id},
    token::{IssuedToken, TokenSource},
};
#[cfg(feature = "__client")]
use crate::{
    fleet::{Fleet, TokenStore},
    refresher::TokenRefresher,
    telemetry::{count_token_request, defer_token_request},
    token::{AccessToken, Attempt},
};

/// The address at which Sinch issues tokens, for all regions and products.
const SINCH_ENDPOINT: &str = "https://auth.sinch.com/oauth2/token";
/// How long one attempt may take, by default.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

// Connecting takes at most half of an attempt, so that the other half is left for the exchange.
#[cfg(feature = "__client")]
const _: () = assert!(2 * CONNECT_TIMEOUT.as_millis() <= ATTEMPT_TIMEOUT.as_millis());
/// The longest body of a token response that is read. Sinch's are about 2 KB.
const MAX_BODY: usize = 64 * 1024;

/// Gets tokens by the OAuth2 client credentials grant (RFC 6749 §4.4), over any HTTP client.
///
/// # Audience
///
/// Tokens of Sinch's own issuer (`auth.sinch.com` and below) go to [`Audience::sinch_apis`] only; tokens of any other
/// endpoint go anywhere.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "client")] {
/// use tower_sinch_auth::{AccessKey, ClientCredentials, SinchAuthLayer};
///
/// let key = AccessKey::new("6f3c6c9e-3d4a-4d39-b0a5-0d8a3c9d1f2e", "a key secret")?;
/// let layer = SinchAuthLayer::new(ClientCredentials::new(key));
/// # }
/// # Ok::<(), tower_sinch_auth::CredentialsError>(())
/// ```
#[derive(Clone)]
pub struct ClientCredentials<C> {
    client: C,
    key: Arc<dyn DynAccessKeySource>,
    endpoint: Uri,
    attempt_timeout: Duration,
    #[cfg(feature = "__client")]
    fleet: Option<Fleet>,
}

// === impl ClientCredentials ===

#[cfg(feature = "__client")]
impl ClientCredentials<HttpsClient> {
    /// Gets tokens for `key` over the default client, [`HttpsClient::shared`]: one for the whole process.
    #[must_use]
    pub fn new(key: impl AccessKeySource) -> Self {
        Self::with_client(HttpsClient::shared(), key)
    }
}

impl<C> ClientCredentials<C> {
    /// Gets tokens for `key` over your own client, for example one that goes through a proxy or trusts a private CA.
    ///
    /// The client must not follow redirects: the request carries the key.
    #[must_use]
    pub fn with_client<RB>(client: C, key: impl AccessKeySource) -> Self
    where
        C: Service<Request<Full<Bytes>>, Response = Response<RB>> + Clone + Send + Sync + 'static,
        C::Error: Into<BoxError>,
        C::Future: Send,
        RB: Body + Send,
        RB::Data: Send,
        RB::Error: Into<BoxError>,
    {
        Self {
            client,
            key: Arc::new(key),
            endpoint: Uri::from_static(SINCH_ENDPOINT),
            attempt_timeout: ATTEMPT_TIMEOUT,
            #[cfg(feature = "__client")]
            fleet: None,
        }
    }

    /// Sets the address of the token endpoint. Default: `https://auth.sinch.com/oauth2/token`.
    ///
    /// It must be `https`, or `http` on loopback. For any other address token requests fail with
    /// [`TokenErrorKind::Credentials`](crate::TokenErrorKind::Credentials) before the key is sent.
    #[must_use]
    pub fn endpoint(mut self, uri: Uri) -> Self {
        self.endpoint = uri;
        self
    }

    /// Sets how long one attempt may take: reading the key, one HTTP exchange, and the body of its answer.
    /// Default: 10 s.
    ///
    /// The default client tries all addresses of the token endpoint within 4 s: leave it more than that.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Shares one token with all processes that have the same access key, endpoint and `store`.
    ///
    /// Whoever needs a token first asks for one, and the others take it from the store. A store never fails a call: if it
    /// does not answer, the process asks for itself. Tokens are sealed with a key that is derived from the KEY SECRET, so
    /// that who can read the store gets none. [`docs::fleet`](crate::docs::fleet) says what this promises and costs.
    ///
    /// Store and waiting for another process do not count towards `attempt_timeout`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "client")] {
    /// use tower_sinch_auth::{AccessKey, ClientCredentials, SinchAuthLayer, TokenStore};
    ///
    /// fn layer(key: AccessKey, store: impl TokenStore) -> SinchAuthLayer {
    ///     SinchAuthLayer::new(ClientCredentials::new(key).shared_in(store))
    /// }
    /// # }
    /// ```
    #[cfg(feature = "__client")]
    #[must_use]
    pub fn shared_in(self, store: impl TokenStore) -> Self {
        Self { fleet: Some(Fleet::new(store)), ..self }
    }

    fn check_endpoint(&self) -> Result<(), TokenError> {
        let scheme = self.endpoint.scheme();
        match self.endpoint.host() {
            Some(_) if scheme == Some(&Scheme::HTTPS) => Ok(()),
            Some(host) if scheme == Some(&Scheme::HTTP) && is_loopback(host) => Ok(()),
            _ => Err(TokenError::of(Kind::InsecureEndpoint)),
        }
    }

    fn request(&self, key: &AccessKey) -> Result<Request<Full<Bytes>>, TokenError> {
        let basic = key.basic().ok_or_else(|| TokenError::of(Kind::Credentials))?;
        let mut request = Request::new(Full::new(Bytes::from_static(b"grant_type=client_credentials")));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, basic);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Ok(request)
    }
}

impl<C, RB> TokenSource for ClientCredentials<C>
where
    C: Service<Request<Full<Bytes>>, Response = Response<RB>> + Clone + Send + Sync + 'static,
    C::Error: Into<BoxError>,
    C::Future: Send,
    RB: Body + Send,
    RB::Data: Send,
    RB::Error: Into<BoxError>,
{
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        #[cfg(feature = "__client")]
        if let Some(fleet) = &self.fleet {
            return self.share(fleet, Attempt::current()).await;
        }
        let (key, deadline) = self.read_key().await?;
        self.exchange(&key, deadline).await
    }

    #[cfg(feature = "__client")]
    async fn renew(&self, current: &AccessToken) -> Result<IssuedToken, TokenError> {
        let Some(fleet) = &self.fleet else {
            return self.fetch().await;
        };
        let attempt = Attempt::current().unwrap_or_else(Attempt::outside_of_a_flight);
        self.share(fleet, Some(Attempt { current: Some(current.clone()), ..attempt })).await
    }

    fn audience(&self) -> Audience {
        match self.endpoint.host() {
            Some(host) if is_sinch_issuer(host) => Audience::sinch_apis(),
            _ => Audience::any(),
        }
    }
}

impl<C, RB> ClientCredentials<C>
where
    C: Service<Request<Full<Bytes>>, Response = Response<RB>> + Clone + Send + Sync + 'static,
    C::Error: Into<BoxError>,
    C::Future: Send,
    RB: Body + Send,
    RB::Data: Send,
    RB::Error: Into<BoxError>,
{
    /// Makes an attempt that looks into the store of `fleet` first.
    #[cfg(feature = "__client")]
    async fn share(&self, fleet: &Fleet, attempt: Option<Attempt>) -> Result<IssuedToken, TokenError> {
        defer_token_request();
        let (key, deadline) = self.read_key().await.inspect_err(|_| count_token_request())?;
        let left = deadline.saturating_duration_since(Clock::SYSTEM.now().mono);
        let attempt = attempt.unwrap_or_else(Attempt::outside_of_a_flight);
        let endpoint = self.endpoint.to_string();
        let exchange = || self.exchange(&key, schedule::deadline(Clock::SYSTEM.now().mono, left));
        let issued = fleet.attempt(key.subject(&endpoint), &attempt, exchange).await?;
        Ok(issued.audience(self.audience()))
    }

    /// Reads the key. Returns when the attempt is over that it is part of, too.
    async fn read_key(&self) -> Result<(AccessKey, Instant), TokenError> {
        record_endpoint(self.endpoint.host().unwrap_or_default());
        self.check_endpoint()?;
        let deadline = schedule::deadline(Clock::SYSTEM.now().mono, self.attempt_timeout);
        let key = timeout_at(deadline, self.key.dyn_access_key())
            .await
            .map_err(|_elapsed| TokenError::of(Kind::KeyTimedOut))?
            .map_err(|error| TokenError::of(Kind::Credentials).with_source(error))?;
        record_key_id(key.key_id());
        Ok((key, deadline))
    }

    async fn exchange(&self, key: &AccessKey, deadline: Instant) -> Result<IssuedToken, TokenError> {
        let request = self.request(key)?;
        let mut client = self.client.clone();
        let exchange = async {
            poll_fn(|cx| client.poll_ready(cx)).await.map_err(Into::into)?;
            client.call(request).await.map_err(Into::<BoxError>::into)
        };
        let response = timeout_at(deadline, exchange)
            .await
            .map_err(|_elapsed| TokenError::of(Kind::AttemptTimedOut))?
            .map_err(|error| TokenError::of(exchange::kind_of(&*error)).with_source(error))?;
        let (head, body) = response.into_parts();
        let body = read(body, deadline).await;
        // Said of the token, too: a source that wraps this one does not let it go further.
        Ok(token_response::read(&head, body, key)?.audience(self.audience()))
    }
}

#[cfg(feature = "__client")]
impl From<AccessKey> for TokenRefresher {
    /// Tokens from Sinch's own endpoint, by the default client.
    fn from(key: AccessKey) -> Self {
        Self::new(ClientCredentials::new(key))
    }
}

impl<C> fmt::Debug for ClientCredentials<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("endpoint", &self.endpoint)
            .field("attempt_timeout", &self.attempt_timeout)
            .finish_non_exhaustive()
    }
}

/// Reads a body of at most [`MAX_BODY`].
async fn read<RB>(body: RB, deadline: Instant) -> Result<Bytes, TokenError>
where
    RB: Body,
    RB::Error: Into<BoxError>,
{
    match timeout_at(deadline, pin!(Limited::new(body, MAX_BODY)).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(TokenError::of(Kind::BodyTooLarge)),
        Ok(Err(error)) => Err(TokenError::of(Kind::TornBody).with_source(error)),
        Err(_elapsed) => Err(TokenError::of(Kind::AttemptTimedOut)),
    }
}
