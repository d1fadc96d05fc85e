//! [`Applications`]: the application keys whose signatures are accepted.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::sinch::ApplicationKey;

/// The application keys whose signatures are accepted. No two have the same key.
pub(super) struct Applications {
    own: ApplicationKey,
    added: HashMap<String, ApplicationKey>,
}

// === impl Applications ===

impl Applications {
    /// Makes `own` the only key.
    pub(super) fn only(own: ApplicationKey) -> Self {
        Self { own, added: HashMap::new() }
    }

    pub(super) fn own(&self) -> &ApplicationKey {
        &self.own
    }

    /// Adds a key. It replaces the one that is the same but for its secret.
    pub(super) fn add(&mut self, key: ApplicationKey) {
        if self.own.key() == key.key() {
            self.own = key;
        } else {
            self.added.insert(key.key().to_owned(), key);
        }
    }

    pub(super) fn find(&self, key: &str) -> Option<&ApplicationKey> {
        if self.own.key() == key { Some(&self.own) } else { self.added.get(key) }
    }
}

/// Makes up a key as the dashboard shows them: a UUID, and 16 bytes in base64.
#[expect(clippy::expect_used, reason = "a key is visible ASCII, and a secret is base64")]
pub(super) fn random_application() -> ApplicationKey {
    let key = format!(
        "{:08x}-{:04x}-4{:03x}-b{:03x}-{:012x}",
        fastrand::u32(..),
        fastrand::u16(..),
        fastrand::u16(..0x1000),
        fastrand::u16(..0x1000),
        fastrand::u64(..1 << 48),
    );
    let secret = BASE64_STANDARD.encode(fastrand::u128(..).to_be_bytes());
    ApplicationKey::new(key, secret).expect("a valid application key")
}
