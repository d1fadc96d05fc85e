//! Every public name as code outside of this repository uses it: what compiles here must go on to compile.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tower::{Layer, Service, service_fn};
use tower_sinch_auth::{
    AccessKey, AccessKeySource, AccessToken, Account, AccountError, ApplicationKey, Audience, AudienceError,
    BodyLimitError, BoxError, BufferBody, ClientCredentials, CloneBody, CredentialsError,
    ExistingAuthorization, IssuedToken, NoReplay, OutsideAudience, Replay, ReplayBody, RequestAuth,
    ServicePlan, SignedRequest, SignedRequestLayer, SignedResponseFuture, SigningError, SinchAuth,
    SinchAuthLayer, StoreState, Stored, TokenError, TokenErrorKind, TokenOrigin, TokenRefresher,
    TokenRefresherBuilder, TokenSource, TokenState, TokenStatus, TokenStore,
    future::ResponseFuture,
    testing::{MemoryStore, check_store},
};

/// A key source and a token source of one's own, by the traits' exact signatures.
struct Own;

impl AccessKeySource for Own {
    async fn access_key(&self) -> Result<AccessKey, CredentialsError> {
        AccessKey::new("id", "secret").map_err(CredentialsError::other)
    }
}

impl TokenSource for Own {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        IssuedToken::bearer(String::from("token"), Some(Duration::from_secs(60)))
    }

    fn audience(&self) -> Audience {
        Audience::hosts(["api.example.com", ".example.org"])
    }
}

fn is_error<E: Error + Send + Sync + 'static>() {}
fn is_shared<T: Clone + Send + Sync + 'static>() {}

/// Any inner service, with the bounds of the contract and no others.
fn generic<S, R, B, ResBody>(layer: &SinchAuthLayer<R>, inner: S) -> SinchAuth<S, R>
where
    R: Replay<B>,
    S: Service<Request<R::Body>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    ResBody: http_body::Body,
{
    fn is_service<Q, S, F>(_: &S)
    where
        S: Service<Q, Error = BoxError, Future = F>,
    {
    }
    let service = layer.layer(inner);
    is_service::<Request<B>, SinchAuth<S, R>, ResponseFuture<S, R, B, ResBody>>(&service);
    service
}

/// The same of requests that are signed.
fn generic_signed<S, B>(layer: &SignedRequestLayer, inner: S) -> SignedRequest<S>
where
    S: Service<Request<B>> + Clone,
    S::Error: Into<BoxError>,
    B: http_body::Body + From<Bytes>,
    B::Error: Into<BoxError>,
{
    fn is_service<Q, S, R, F>(_: &S)
    where
        S: Service<Q, Response = R, Error = BoxError, Future = F>,
    {
    }
    let service = layer.layer(inner);
    is_service::<Request<B>, SignedRequest<S>, S::Response, SignedResponseFuture<S, B>>(&service);
    service
}

#[test]
fn requests_are_signed_by_these_names() {
    let key = ApplicationKey::new(String::from("key"), "c2VjcmV0").unwrap();
    let _: Result<ApplicationKey, CredentialsError> = ApplicationKey::from_env();
    let json = HeaderValue::from_static("application/json");
    let _: HeaderValue = key.sign(&http::Method::POST, "/path", Some(&json), "2014-06-04T13:41:58Z", b"body");
    let layer = SignedRequestLayer::new(key)
        .audience(Audience::application_apis())
        .outside_audience(OutsideAudience::Refuse)
        .existing_authorization(ExistingAuthorization::Keep)
        .body_limit(1024);
    let inner = service_fn(async |_: Request<Full<Bytes>>| Ok::<_, BoxError>(Response::new("any response")));
    let mut service = generic_signed::<_, Full<Bytes>>(&layer, inner);
    let _ = service.get_mut();
    let _ = service.get_ref();
    let _ = service.into_inner();
}

/// A store of one's own, by the trait's exact signatures.
#[derive(Clone)]
struct OwnStore;

impl TokenStore for OwnStore {
    async fn load(&self, _name: &str) -> Result<Option<Stored>, BoxError> {
        Ok(Some(Stored { value: Bytes::from_static(b"value"), expires_in: Some(Duration::from_secs(1)) }))
    }

    async fn compare_and_set(
        &self,
        _name: &str,
        _expected: Option<&[u8]>,
        _value: &[u8],
        _ttl: Duration,
    ) -> Result<bool, BoxError> {
        Ok(false)
    }

    async fn compare_and_remove(&self, _name: &str, _expected: &[u8]) -> Result<bool, BoxError> {
        Ok(false)
    }
}

/// A source that looks for the tokens of others when one is to be renewed.
struct Renewing;

impl TokenSource for Renewing {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        Ok(IssuedToken::bearer("token", None)?.issued_ago(Duration::from_secs(1)))
    }

    async fn renew(&self, current: &AccessToken) -> Result<IssuedToken, TokenError> {
        let _: u64 = current.generation();
        self.fetch().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_is_made_and_checked_by_these_names() {
    fn is_store(_: &impl TokenStore) {}
    let store: MemoryStore = MemoryStore::new();
    store.refuse(false);
    store.hang(false);
    store.latency(Duration::ZERO);
    store.lose();
    check_store(&store).await;
    assert!(store.operations() > 0);
    is_store(&OwnStore);
    let tokens = TokenRefresher::new(Renewing);
    tokens.refresh(&tokens.token().await.unwrap()).await.unwrap();
    let status: TokenStatus = tokens.status();
    let (origin, state): (Option<TokenOrigin>, Option<StoreState>) = (status.origin, status.store);
    assert_eq!((origin, state), (Some(TokenOrigin::Issuer), None));
    let _ = (TokenOrigin::Store, StoreState::Available, StoreState::Unavailable);
}

#[cfg(feature = "__client")]
#[test]
fn credentials_share_their_token_by_this_name() {
    let client = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
    });
    let credentials = ClientCredentials::with_client(client, AccessKey::new("id", "secret").unwrap());
    let _ = TokenRefresher::new(credentials.clone().shared_in(MemoryStore::new()));
    let _ = SinchAuthLayer::new(credentials.shared_in(OwnStore));
}

#[cfg(feature = "redis")]
#[test]
fn a_store_in_redis_takes_any_connection() {
    fn store<C>(connection: C) -> impl TokenStore + Clone
    where
        C: redis::aio::ConnectionLike + Clone + Send + Sync + 'static,
    {
        let store: tower_sinch_auth::RedisStore<C> = tower_sinch_auth::RedisStore::new(connection);
        store.name_prefix("prefix").name_prefix(String::from("prefix"))
    }
    let _ = store::<redis::aio::MultiplexedConnection>;
}

#[test]
fn a_request_says_whose_it_is_by_these_names() {
    let tokens = TokenRefresher::new(Own);
    let layer: SinchAuthLayer<CloneBody> = SinchAuthLayer::per_request();
    let mut request = Request::new(());
    request.extensions_mut().insert(Account::from(&tokens));
    request.extensions_mut().insert(Account::from(tokens.clone()));
    tokens.forget();
    assert!(layer.refresher().is_none());
}

#[test]
fn errors_and_handles_have_their_bounds() {
    is_error::<AccountError>();
    is_shared::<Account>();
    is_shared::<Stored>();
    is_shared::<MemoryStore>();
    is_error::<BodyLimitError>();
    is_error::<SigningError>();
    is_shared::<ApplicationKey>();
    is_shared::<SignedRequestLayer>();
    is_shared::<SignedRequest<()>>();
    is_error::<TokenError>();
    is_error::<AudienceError>();
    is_error::<CredentialsError>();
    is_shared::<TokenError>();
    is_shared::<TokenRefresher>();
    is_shared::<AccessToken>();
    is_shared::<SinchAuthLayer>();
    is_shared::<SinchAuthLayer<BufferBody>>();
    is_shared::<SinchAuth<(), NoReplay>>();
    is_shared::<Audience>();
}

#[test]
fn a_refresher_is_made_of_every_kind_of_source() {
    let client = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
    });
    let keys = || async { AccessKey::new("id", "secret") };
    let credentials = ClientCredentials::with_client(client, keys)
        .endpoint(Uri::from_static("https://auth.example.com/token"))
        .attempt_timeout(Duration::from_secs(1));
    let _ = ClientCredentials::with_client(client, Own);
    let _: SinchAuthLayer<CloneBody> = SinchAuthLayer::new(credentials);
    let _ = SinchAuthLayer::new(ServicePlan::new("plan", "token").unwrap());
    let _ = TokenRefresher::new(|| async { IssuedToken::bearer("token", None) });
    let _ = SinchAuthLayer::new(TokenRefresher::new(Own));
    let builder: TokenRefresherBuilder = TokenRefresher::builder(Own)
        .refresh_lead(Duration::from_secs(60))
        .expiry_margin(Duration::from_secs(5))
        .default_lifetime(Duration::from_secs(60))
        .max_attempts(2)
        .flight_timeout(Duration::from_secs(5))
        .key_id_label(true);
    let _: TokenRefresher = builder.build();
}

#[cfg(feature = "client")]
#[test]
fn with_the_default_client_an_access_key_is_enough() {
    let key = || AccessKey::new("id", "secret").unwrap();
    let credentials: ClientCredentials<tower_sinch_auth::HttpsClient> = ClientCredentials::new(key());
    let _ = TokenRefresher::from(credentials);
    let shared: tower_sinch_auth::HttpsClient = tower_sinch_auth::HttpsClient::shared();
    let _ = TokenRefresher::from(ClientCredentials::with_client(shared, key()));
    let _ = TokenRefresher::from(key());
    let _ = SinchAuthLayer::new(key());
    let _: fn() -> Result<SinchAuthLayer, CredentialsError> = SinchAuthLayer::from_env;
}

#[test]
fn a_layer_has_its_settings_in_any_order() {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
    });
    let layer = SinchAuthLayer::new(Own)
        .audience(Audience::any())
        .audience(Audience::sinch_apis())
        .audience(Audience::sms_service_plans())
        .outside_audience(OutsideAudience::Forward)
        .outside_audience(OutsideAudience::Refuse)
        .existing_authorization(ExistingAuthorization::Replace)
        .existing_authorization(ExistingAuthorization::Keep);
    let _: Option<&TokenRefresher> = layer.refresher();
    let service = generic(&layer, inner);
    let _ = generic(&layer.clone().replay(NoReplay), inner);
    let body = service_fn(|_: Request<ReplayBody<Full<Bytes>>>| async {
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
    });
    let _ = generic(&layer.replay(BufferBody::up_to(1024)), body);
    let _ = service.into_inner();
    let mut request = Request::new(());
    request.extensions_mut().insert(RequestAuth::skip());
    request.extensions_mut().insert(RequestAuth::without_retry());
}

#[tokio::test(start_paused = true)]
async fn tokens_status_and_errors_are_read_by_their_getters() {
    let tokens = TokenRefresher::new(Own);
    let token: AccessToken = tokens.token().await.unwrap();
    let _: &HeaderValue = token.authorization();
    let _: (u64, Option<Duration>) = (token.generation(), token.expires_in());
    let _: Option<AccessToken> = tokens.cached();
    let _: Result<AccessToken, TokenError> = tokens.refresh(&token).await;
    let status: TokenStatus = tokens.status();
    assert_eq!((status.state, status.generation), (TokenState::Fresh, 1));
    let _: [Option<Duration>; 3] = [status.expires_in, status.refresh_in, status.retry_in];
    let _: (Option<TokenError>, u64) = (status.last_error, status.token_requests);

    let error = TokenError::new(TokenErrorKind::Throttled, "slow down").with_retry_after(Some(Duration::MAX));
    let _: (Option<StatusCode>, Option<&str>, Option<&str>) =
        (error.status(), error.oauth_error(), error.oauth_error_description());
    assert_eq!((error.kind(), error.is_transient()), (TokenErrorKind::Throttled, true));
    assert_eq!(error.retry_after(), Some(Duration::MAX));
    let _: fn(&AudienceError) -> Option<&str> = AudienceError::host;
}
