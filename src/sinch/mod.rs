//! Where Sinch's tokens come from.

mod client_credentials;
mod credentials;
#[cfg(feature = "__client")]
mod https;
mod token_response;

#[cfg(feature = "__client")]
pub use self::https::HttpsClient;
pub use self::{
    client_credentials::ClientCredentials,
    credentials::{AccessKey, AccessKeySource, ServicePlan},
};
