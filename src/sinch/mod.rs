//! Sinch's credentials, and where its tokens come from.

mod access_key;
#[cfg(feature = "signing")]
mod application_key;
mod client_credentials;
mod exchange;
mod field;
#[cfg(feature = "__client")]
mod https;
mod service_plan;
mod token_response;

#[cfg(feature = "signing")]
pub use self::application_key::ApplicationKey;
#[cfg(feature = "__client")]
pub use self::https::HttpsClient;
pub use self::{
    access_key::{AccessKey, AccessKeySource},
    client_credentials::ClientCredentials,
    service_plan::ServicePlan,
};
