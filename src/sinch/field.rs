//! The fields that credentials are made of: read from the environment, and checked before any I/O.

use std::env;

use crate::error::CredentialsError;

/// Refuses what no server could accept in `field`: nothing at all, and control characters.
pub(super) fn check(field: &'static str, value: &str) -> Result<(), CredentialsError> {
    if value.is_empty() {
        return Err(CredentialsError::empty(field));
    }
    if value.chars().any(char::is_control) {
        return Err(CredentialsError::control(field));
    }
    Ok(())
}

/// Reads an environment variable. One that is empty counts as not set.
pub(super) fn variable(name: &'static str) -> Result<String, CredentialsError> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Err(CredentialsError::unset(name)),
        Ok(value) => Ok(value),
        Err(env::VarError::NotPresent) => Err(CredentialsError::unset(name)),
        Err(env::VarError::NotUnicode(_)) => Err(CredentialsError::not_unicode(name)),
    }
}
