//! [`Head`]: all of a request but its body, to be sent again with another token.

use http::{
    Extensions, HeaderName, HeaderValue, Method, Request, Uri, Version,
    header::{AUTHORIZATION, HOST},
};

use crate::origin::Origin;

/// Method, URI, version, headers and extensions of a request.
pub(in crate::request) struct Head {
    method: Method,
    uri: Uri,
    version: Version,
    /// All field lines, in order. A list is faster to make than a copy of the map.
    headers: Vec<Field>,
    extensions: Extensions,
}

/// A field line; `None` stands for `Authorization`.
type Field = Option<(HeaderName, HeaderValue)>;

// === impl Head ===

impl Head {
    /// Copies the head of `request`, except for the value of its `Authorization`.
    pub(in crate::request) fn of<B>(request: &Request<B>) -> Self {
        let mut headers = request.headers().iter();
        let mut field = || match headers.next() {
            Some((name, value)) if name != AUTHORIZATION => Some((name.clone(), value.clone())),
            _ => None,
        };
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            // The iterator knows its length, so that fields are written in place rather than pushed, which is slower.
            headers: (0..request.headers().len()).map(|_| field()).collect(),
            extensions: request.extensions().clone(),
        }
    }

    /// Returns the authority that answers this request.
    pub(in crate::request) fn origin(&self) -> Origin {
        let mut fields = self.headers.iter().flatten();
        Origin::of(&self.uri, || fields.find(|(name, _)| name == HOST).map(|(_, value)| value))
    }

    /// Makes a request with this head, `authorization` and `body`.
    pub(in crate::request) fn with<B>(self, authorization: &HeaderValue, body: B) -> Request<B> {
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
