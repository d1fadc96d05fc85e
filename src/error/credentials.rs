//! [`CredentialsError`]: why credentials cannot be used.

use std::{error::Error, fmt, sync::Arc};

use super::box_error::BoxError;

/// Why an [`AccessKey`](crate::AccessKey) or a [`ServicePlan`](crate::ServicePlan) could not be had.
#[derive(Clone)]
pub struct CredentialsError(Flaw);

#[derive(Clone)]
enum Flaw {
    Unset(&'static str),
    NotUnicode(&'static str),
    Empty(&'static str),
    Control(&'static str),
    NotVisibleAscii(&'static str),
    Colon,
    Other(Arc<dyn Error + Send + Sync>),
}

// === impl CredentialsError ===

impl CredentialsError {
    /// Wraps the error of a custom [`AccessKeySource`](crate::AccessKeySource), such as a secret store's.
    ///
    /// It must not hold the secret, because it will be logged.
    pub fn other(source: impl Into<BoxError>) -> Self {
        Self(Flaw::Other(Arc::from(source.into())))
    }

    pub(crate) fn unset(variable: &'static str) -> Self {
        Self(Flaw::Unset(variable))
    }

    pub(crate) fn not_unicode(variable: &'static str) -> Self {
        Self(Flaw::NotUnicode(variable))
    }

    pub(crate) fn empty(field: &'static str) -> Self {
        Self(Flaw::Empty(field))
    }

    pub(crate) fn control(field: &'static str) -> Self {
        Self(Flaw::Control(field))
    }

    pub(crate) fn not_visible_ascii(field: &'static str) -> Self {
        Self(Flaw::NotVisibleAscii(field))
    }

    pub(crate) fn colon() -> Self {
        Self(Flaw::Colon)
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Flaw::Unset(name) => write!(f, "environment variable {name} is not set or empty; set it"),
            Flaw::NotUnicode(name) => write!(f, "environment variable {name} is not Unicode; set it again"),
            Flaw::Empty(field) => write!(f, "the {field} is empty; copy it from the Sinch dashboard"),
            Flaw::Control(field) => {
                write!(f, "the {field} has a control character, such as a line break; trim it")
            }
            Flaw::NotVisibleAscii(field) => {
                write!(f, "the {field} has a character other than visible ASCII; copy it again")
            }
            Flaw::Colon => f.write_str("the KEY ID has a `:`; pass KEY ID and KEY SECRET separately"),
            Flaw::Other(_) => f.write_str("the access key could not be read; see the source of this error"),
        }
    }
}

// What `main` prints when it returns this: the message, not our variants.
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
            Flaw::Other(source) => Some(&**source),
            _ => None,
        }
    }
}
