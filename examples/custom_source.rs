//! Tokens from elsewhere: a file that another process writes. `cargo run --example custom_source`; with `SINCH_TOKEN_FILE`
//! and `SINCH_PROJECT_ID` in the environment it calls the real Numbers API with the token in that file.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{
    Audience, BoxError, IssuedToken, SinchAuthLayer, TokenError, TokenErrorKind, TokenRefresher, TokenSource,
    testing::FakeSinch,
};

/// Reads the token from a file, again whenever it is due or was rejected.
struct TokenFile(PathBuf);

impl TokenSource for TokenFile {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        // Transient: the file may be there in a second. Say `Credentials` for what only a person can mend.
        let token = tokio::fs::read_to_string(&self.0)
            .await
            .map_err(|error| TokenError::new(TokenErrorKind::Unavailable, error))?;
        // The writer renews it every minute or so; nothing in the file says when.
        IssuedToken::bearer(token.trim_end(), Some(Duration::from_secs(60)))
    }

    fn audience(&self) -> Audience {
        Audience::sinch_apis()
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let https = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(https);
    if let (Ok(file), Ok(project)) = (env::var("SINCH_TOKEN_FILE"), env::var("SINCH_PROJECT_ID")) {
        let uri = format!("https://numbers.api.sinch.com/v1/projects/{project}/availableRegions");
        let sinch = SinchAuthLayer::new(TokenFile(file.into())).layer(client);
        println!("{}", sinch.oneshot(Request::get(uri).body(Full::default())?).await?.status());
        return Ok(());
    }
    let fake = FakeSinch::start().await?;
    let file = env::temp_dir().join(format!("sinch-token-{}", std::process::id()));
    let request =
        Request::get(fake.api("/v1/projects/demo/availableRegions")).body(Full::<Bytes>::default())?;

    let layer = SinchAuthLayer::new(TokenFile(file.clone()));
    let sinch = layer.layer(client);

    write_token(&fake, &file).await?;
    println!("the file has a token: {}", sinch.clone().oneshot(request.clone()).await?.status());
    fake.revoke_tokens();
    write_token(&fake, &file).await?;
    println!("it has another:       {}", sinch.oneshot(request).await?.status());
    println!("{:?}", fake.counts());
    std::fs::remove_file(file)?;
    Ok(())
}

/// What the other process does.
async fn write_token(fake: &FakeSinch, file: &Path) -> Result<(), BoxError> {
    let token = TokenRefresher::from(fake.credentials()).token().await?;
    let token = token.authorization().to_str()?.trim_start_matches("Bearer ").to_owned();
    Ok(std::fs::write(file, token)?)
}
