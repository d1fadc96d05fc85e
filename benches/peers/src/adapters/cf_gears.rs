//! `cf-gears-toolkit-auth`: a tower layer, which fetches tokens in the background, and repeats a request after a `401`.

use std::time::Duration;

use futures::FutureExt;
use toolkit_auth::{BearerAuthAutoRefreshLayer, OAuthClientConfig, SecretString, TokenProvider};
use toolkit_http::{HttpClientConfig, HttpError};
use tower::{Layer, ServiceExt};

use super::Peer;
use crate::{
    contenders::{Client, Contender},
    endpoint,
    issuer::Issuer,
};

/// What it demands of the service inside it.
pub(crate) type InnerError = HttpError;

pub(crate) const PEER: Peer = Peer {
    contender: Contender {
        name: "cf-gears-toolkit-auth",
        make: |api| {
            async {
                let layer = layer(api.issuer.clone()).await;
                let inner = api.map_err(|never| match never {});
                Client::new(layer.layer(inner).map_err(Into::into))
            }
            .boxed()
        },
        short_lifetime: Duration::from_secs(5),
    },
    lazy: true,
    pausable: false,
    retries: true,
};

pub(crate) async fn layer(issuer: Issuer) -> BearerAuthAutoRefreshLayer {
    let config = OAuthClientConfig {
        token_endpoint: Some(endpoint::serve(issuer).await.parse().expect("a URL")),
        client_id: "id".into(),
        client_secret: SecretString::new("secret"),
        // Of up to 5 min by default: more than the tokens live that are renewed here.
        jitter_max: Duration::ZERO,
        // Allows plain HTTP; one attempt.
        http_config: Some(HttpClientConfig::for_testing()),
        ..OAuthClientConfig::default()
    };
    BearerAuthAutoRefreshLayer::new(TokenProvider::new(config).expect("a provider"))
}
