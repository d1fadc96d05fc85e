use std::io;

use rustls::{AlertDescription, CertificateError, Error};

use super::kind_of;
use crate::error::{BoxError, token::Kind};

#[test]
fn an_error_of_rustls_is_known_by_its_words_too() {
    for (error, kind) in [
        (Error::InvalidCertificate(CertificateError::Expired), Kind::Certificate),
        (Error::AlertReceived(AlertDescription::HandshakeFailure), Kind::Tls),
    ] {
        let words = BoxError::from(error.to_string());
        assert_eq!(kind_of(&*words), kind, "{words}");
    }
}

#[cfg(feature = "__client")]
#[test]
fn an_error_of_rustls_is_known_by_its_type_however_deep() {
    for (error, kind) in [
        (Error::InvalidCertificate(CertificateError::Expired), Kind::Certificate),
        (Error::DecryptError, Kind::Tls),
    ] {
        assert_eq!(kind_of(&error), kind, "{error}");
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
        assert_eq!(kind_of(&wrapped), kind, "{wrapped}");
    }
}

#[test]
fn an_io_error_is_known_by_its_kind() {
    for (error, kind) in [
        (io::ErrorKind::ConnectionRefused, Kind::ConnectionRefused),
        (io::ErrorKind::NetworkUnreachable, Kind::Unreachable),
        (io::ErrorKind::HostUnreachable, Kind::Unreachable),
        (io::ErrorKind::PermissionDenied, Kind::Unreachable),
        (io::ErrorKind::TimedOut, Kind::ConnectionTimedOut),
        (io::ErrorKind::ConnectionReset, Kind::ClosedEarly),
        (io::ErrorKind::UnexpectedEof, Kind::ClosedEarly),
        (io::ErrorKind::Other, Kind::Exchange),
    ] {
        assert_eq!(kind_of(&io::Error::other(io::Error::from(error))), kind, "{error}");
    }
}

/// As std words what `getaddrinfo` answers.
#[test]
fn a_failed_look_up_is_known_by_its_words() {
    let error = io::Error::other("failed to lookup address information: Name or service not known");
    assert_eq!(kind_of(&error), Kind::Dns);
}
