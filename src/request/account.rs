//! [`Account`]: whose token a request gets.

use std::fmt;

use http::Request;

use crate::refresher::TokenRefresher;

/// Whose token a request gets: put it into the request's extensions.
///
/// The access key decides which Sinch account is billed. An account in a request wins over that of the layer; a layer made
/// by [`SinchAuthLayer::per_request`](crate::SinchAuthLayer::per_request) has none of its own, so that no request is billed
/// to a default. The `401` of a request, its retry and its verdict go to the account that it was sent with.
///
/// It is a handle of a [`TokenRefresher`], as cheap to clone. Keep one refresher for each access key: the requests of one
/// that is made anew for each request would ask for a token each.
///
/// # Examples
///
/// ```
/// # use tower_sinch_auth::{Account, IssuedToken, TokenRefresher};
/// # let tokens = TokenRefresher::new(|| async { IssuedToken::bearer("abc", None) });
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(Account::from(&tokens));
/// ```
#[derive(Clone)]
pub struct Account {
    tokens: TokenRefresher,
}

// === impl Account ===

impl Account {
    /// Returns the refresher of the account that `request` names.
    #[inline]
    pub(super) fn of<B>(request: &Request<B>) -> Option<&TokenRefresher> {
        request.extensions().get().map(|Self { tokens }| tokens)
    }
}

impl From<TokenRefresher> for Account {
    fn from(tokens: TokenRefresher) -> Self {
        Self { tokens }
    }
}

impl From<&TokenRefresher> for Account {
    fn from(tokens: &TokenRefresher) -> Self {
        Self { tokens: tokens.clone() }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Account").field(&self.tokens).finish()
    }
}
