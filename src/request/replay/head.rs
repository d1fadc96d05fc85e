//! [`Head`]: what is kept of a request beside its body.

use http::{
    Extensions, HeaderName, HeaderValue, Method, Request, Uri, Version,
    header::{AUTHORIZATION, HOST},
};

use crate::origin::Origin;

/// The head of a request, to be sent again with another token.
pub(crate) struct Head {
    method: Method,
    uri: Uri,
    version: Version,
    /// In order, repeated ones too: a list takes less to make than the map that it comes from and goes back to.
    headers: Vec<Field>,
    extensions: Extensions,
}

/// A field line; `None` is where `Authorization` stands.
type Field = Option<(HeaderName, HeaderValue)>;

// === impl Head ===

impl Head {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let mut headers = request.headers().iter();
        let mut field = || match headers.next() {
            Some((name, value)) if name != AUTHORIZATION => Some((name.clone(), value.clone())),
            _ => None,
        };
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            // Of known length, so that fields are written in place, which is faster than to push them.
            headers: (0..request.headers().len()).map(|_| field()).collect(),
            extensions: request.extensions().clone(),
        }
    }

    /// Who answers this request.
    pub(crate) fn origin(&self) -> Origin {
        let mut fields = self.headers.iter().flatten();
        Origin::of(&self.uri, || fields.find(|(name, _)| name == HOST).map(|(_, value)| value))
    }

    pub(crate) fn with<B>(self, authorization: &HeaderValue, body: B) -> Request<B> {
        let Self { method, uri, version, headers, extensions } = self;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.version_mut() = version;
        for field in headers {
            let (name, value) = field.unwrap_or_else(|| (AUTHORIZATION, authorization.clone()));
            request.headers_mut().append(name, value);
        }
        *request.extensions_mut() = extensions;
        request
    }
}
