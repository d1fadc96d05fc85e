//! Finds out from a client's error why a token request got no answer.
//!
//! The client may be anybody's. I/O errors, and rustls' with the default client, are known by their types; hyper's and
//! hyper-util's by their words, because the types are private or of a version that is not ours. An error that is not
//! known is quoted instead, see [`Kind::Exchange`].

use std::{error::Error, io, iter};

use crate::error::token::Kind;

/// The longest chain of causes that is followed.
const MAX_CAUSES: usize = 16;

/// Returns the kind of the outermost cause that is known.
pub(super) fn kind_of(error: &(dyn Error + 'static)) -> Kind {
    iter::successors(Some(error), |error| cause(*error))
        .take(MAX_CAUSES)
        .find_map(|error| of_tls(error).or_else(|| of_io(error)).or_else(|| of_words(&error.to_string())))
        .unwrap_or(Kind::Exchange)
}

/// `io::Error::source` leaves out the error that it wraps.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

#[cfg(feature = "__client")]
fn of_tls(error: &(dyn Error + 'static)) -> Option<Kind> {
    Some(match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(_) => Kind::Certificate,
        _ => Kind::Tls,
    })
}

#[cfg(not(feature = "__client"))]
fn of_tls(_: &(dyn Error + 'static)) -> Option<Kind> {
    None
}

fn of_io(error: &(dyn Error + 'static)) -> Option<Kind> {
    Some(match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionRefused => Kind::ConnectionRefused,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::PermissionDenied => Kind::Unreachable,
        io::ErrorKind::TimedOut => Kind::ConnectionTimedOut,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Kind::ClosedEarly,
        _ => return None,
    })
}

/// The words are held by tests, which fail when a new version of a library changes them.
fn of_words(words: &str) -> Option<Kind> {
    Some(match words {
        "dns error" => Kind::Dns,
        "connection closed before message completed" => Kind::ClosedEarly,
        "message head is too large" => Kind::HeadTooLarge,
        _ if words.starts_with("failed to lookup address information") => Kind::Dns,
        _ if words.starts_with("invalid HTTP") => Kind::NotHttp,
        // rustls without our feature, or another version of it.
        _ if words.starts_with("invalid peer certificate") => Kind::Certificate,
        _ if words.starts_with("received fatal alert") => Kind::Tls,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
