//! [`Head`]: what is kept of a request beside its body.

use http::{Extensions, HeaderName, HeaderValue, Method, Request, Uri, Version, header::AUTHORIZATION};

/// The head of a request, to be sent again. Boxed, so that futures which keep one stay small.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "never seen outside of this crate")]
pub struct Head(Box<Parts>);

struct Parts {
    method: Method,
    uri: Uri,
    version: Version,
    /// In order, repeated ones too: a list takes less to make than the map that it comes from and goes back to.
    /// `Authorization` keeps its place, for the value of another token.
    headers: Vec<(HeaderName, HeaderValue)>,
    extensions: Extensions,
}

// === impl Head ===

impl Head {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let mut headers = Vec::with_capacity(request.headers().len());
        for (name, value) in request.headers() {
            let value = if name == AUTHORIZATION { HeaderValue::from_static("") } else { value.clone() };
            headers.push((name.clone(), value));
        }
        Self(Box::new(Parts {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers,
            extensions: request.extensions().clone(),
        }))
    }

    pub(super) fn with<B>(self, body: B) -> Request<B> {
        let Parts { method, uri, version, headers, extensions } = *self.0;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.version_mut() = version;
        for (name, value) in headers {
            request.headers_mut().append(name, value);
        }
        *request.extensions_mut() = extensions;
        request
    }
}
