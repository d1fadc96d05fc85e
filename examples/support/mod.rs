//! Where the examples go: to Sinch if the environment has `SINCH_KEY_ID`, `SINCH_KEY_SECRET` and `SINCH_PROJECT_ID`, else
//! to a `FakeSinch` in this process.

use std::env;

use tower_sinch_auth::{AccessKey, BoxError, TokenRefresher, testing::FakeSinch};

/// What an example talks to.
pub(crate) struct Target {
    /// Share it: one refresher for all stacks of an access key.
    pub(crate) tokens: TokenRefresher,
    /// The address of the project at the API, without a slash at its end.
    pub(crate) project: String,
    /// Present unless this is the real Sinch.
    pub(crate) fake: Option<FakeSinch>,
}

pub(crate) async fn target() -> Result<Target, BoxError> {
    if env::var_os("SINCH_KEY_ID").is_none() {
        let fake = FakeSinch::start().await?;
        let project = fake.api("/v1/projects/demo").to_string();
        return Ok(Target { tokens: fake.credentials().into(), project, fake: Some(fake) });
    }
    let tokens = AccessKey::from_env()?.into();
    let project = env::var("SINCH_PROJECT_ID").map_err(|_| "set SINCH_PROJECT_ID, too")?;
    Ok(Target { tokens, project: format!("https://numbers.api.sinch.com/v1/projects/{project}"), fake: None })
}

impl Target {
    /// Prints what the server saw, if it is ours.
    pub(crate) fn report(&self) {
        if let Some(counts) = self.fake.as_ref().map(FakeSinch::counts) {
            println!("Sinch saw {} calls and {} token requests", counts.api_requests, counts.token_requests);
        }
    }
}
