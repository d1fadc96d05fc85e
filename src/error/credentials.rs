//! [`CredentialsError`]: an error building or reading credentials.

use std::{error::Error, fmt, sync::Arc};

use super::box_error::BoxError;

/// An error building or reading an [`AccessKey`](crate::AccessKey), a [`ServicePlan`](crate::ServicePlan) or, with the
/// feature `signing`, an application key.
#[derive(Clone)]
pub struct CredentialsError(Kind);

#[derive(Clone)]
enum Kind {
    Unset(&'static str),
    NotUnicode(&'static str),
    Empty(&'static str),
    Control(&'static str),
    NotVisibleAscii(&'static str),
    #[cfg(feature = "signing")]
    NotBase64(&'static str),
    Colon {
        id: &'static str,
        secret: &'static str,
    },
    Other(Arc<dyn Error + Send + Sync>),
}

// === impl CredentialsError ===

impl CredentialsError {
    /// Wraps the error of a custom [`AccessKeySource`](crate::AccessKeySource), such as a secret store's.
    ///
    /// The message quotes `source`, and [`Error::source`] returns the cause of `source`.
    /// `source` must not hold the secret, because it will be logged.
    pub fn other(source: impl Into<BoxError>) -> Self {
        Self(Kind::Other(Arc::from(source.into())))
    }

    pub(crate) fn unset(variable: &'static str) -> Self {
        Self(Kind::Unset(variable))
    }

    pub(crate) fn not_unicode(variable: &'static str) -> Self {
        Self(Kind::NotUnicode(variable))
    }

    pub(crate) fn empty(field: &'static str) -> Self {
        Self(Kind::Empty(field))
    }

    pub(crate) fn control(field: &'static str) -> Self {
        Self(Kind::Control(field))
    }

    pub(crate) fn not_visible_ascii(field: &'static str) -> Self {
        Self(Kind::NotVisibleAscii(field))
    }

    #[cfg(feature = "signing")]
    pub(crate) fn not_base64(field: &'static str) -> Self {
        Self(Kind::NotBase64(field))
    }

    pub(crate) fn colon(id: &'static str, secret: &'static str) -> Self {
        Self(Kind::Colon { id, secret })
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Unset(name) => write!(f, "environment variable {name} is not set or empty; set it"),
            Kind::NotUnicode(name) => write!(f, "environment variable {name} is not Unicode; set it again"),
            Kind::Empty(field) => write!(f, "the {field} is empty; copy it from the Sinch dashboard"),
            Kind::Control(field) => {
                write!(f, "the {field} has a control character, such as a line break; trim it")
            }
            Kind::NotVisibleAscii(field) => {
                write!(f, "the {field} has a character other than visible ASCII; copy it again")
            }
            #[cfg(feature = "signing")]
            Kind::NotBase64(field) => {
                write!(f, "the {field} is not base64; copy it again, all of it, from the Sinch dashboard")
            }
            Kind::Colon { id, secret } => write!(f, "the {id} has a `:`; pass {id} and {secret} separately"),
            Kind::Other(source) => {
                write!(f, "the access key could not be read: {source}; check where it is read from")
            }
        }
    }
}

// `main` prints this if it returns the error: the message, not our variants.
impl fmt::Debug for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("CredentialsError");
        debug.field("message", &format_args!("{self}"));
        if let Some(source) = self.source() {
            debug.field("source", &source);
        }
        debug.finish()
    }
}

impl Error for CredentialsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            // The message quotes the error itself, so its cause comes next.
            Kind::Other(source) => source.source(),
            _ => None,
        }
    }
}
