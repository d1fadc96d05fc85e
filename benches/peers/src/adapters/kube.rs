//! `kube-client`: the `AuthLayer` that its client is built with, which gets tokens from a program that it runs.

use std::{collections::HashMap, env, time::Duration};

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use kube_client::{
    Config,
    client::{ConfigExt, middleware::AuthLayer},
    config::AuthProviderConfig,
};
use tower::{Layer, ServiceExt};
use tower_sinch_auth::BoxError;

use super::Peer;
use crate::{
    contenders::{Client, Contender},
    endpoint,
    issuer::Issuer,
};

/// What it demands of the service inside it.
pub(crate) type InnerError = BoxError;

pub(crate) const PEER: Peer = Peer {
    contender: Contender {
        name: "kube-client",
        make: |api| {
            async {
                let layer = layer(api.issuer.clone()).await;
                Client::new(layer.layer(api.map_err(|never| match never {})))
            }
            .boxed()
        },
        // Renewed 60 s before the end.
        short_lifetime: Duration::from_secs(63),
    },
    lazy: true,
    pausable: false,
    retries: false,
};

/// Its constructor wants a token: it gets one that is about to be renewed, so that the first call does that.
pub(crate) async fn layer(issuer: Issuer) -> AuthLayer {
    const RENEWED_BEFORE: SignedDuration = SignedDuration::from_secs(60);
    const FRESH: SignedDuration = SignedDuration::from_millis(50);
    let url = endpoint::serve(issuer).await;
    let program = env::current_exe().expect("a path").display().to_string();
    let expiry = Timestamp::now() + RENEWED_BEFORE + FRESH;
    let provider = [
        ("access-token", "none".to_owned()),
        ("expiry", expiry.to_string()),
        ("cmd-path", program),
        ("cmd-args", format!("{} {url}", endpoint::PRINT_TOKEN)),
        ("token-key", "{.token}".to_owned()),
        ("expiry-key", "{.expiry}".to_owned()),
    ];
    let provider = provider.map(|(key, value)| (key.to_owned(), value));
    let mut config = Config::new(http::Uri::from_static("https://localhost"));
    config.auth_info.auth_provider = Some(AuthProviderConfig {
        name: "gcp".to_owned(),
        config: HashMap::from(provider),
        ..AuthProviderConfig::default()
    });
    let layer = config.auth_layer().expect("a token").expect("a layer");
    tokio::time::sleep(FRESH.unsigned_abs()).await;
    layer
}
