//! [`Keys`]: the access keys that get tokens.

use std::{collections::HashMap, str};

use super::{authorization::BasicPair, tokens::random};
use crate::sinch::AccessKey;

/// The access keys that get tokens. No two have the same KEY ID.
pub(super) struct Keys {
    own: AccessKey,
    /// The other keys, by their KEY ID.
    added: HashMap<String, AccessKey>,
}

// === impl Keys ===

impl Keys {
    /// Makes `own` the only key.
    pub(super) fn only(own: AccessKey) -> Self {
        Self { own, added: HashMap::new() }
    }

    pub(super) fn own(&self) -> &AccessKey {
        &self.own
    }

    /// Replaces the server's own key. Added keys stay.
    pub(super) fn replace_own(&mut self, key: AccessKey) {
        self.own = key;
    }

    /// Adds a key. It replaces the one that has its KEY ID.
    pub(super) fn add(&mut self, key: AccessKey) {
        if self.own.key_id() == key.key_id() {
            self.own = key;
        } else {
            self.added.insert(key.key_id().to_owned(), key);
        }
    }

    /// Returns the key that `pair` is, if there is one.
    pub(super) fn find(&self, pair: &BasicPair) -> Option<&AccessKey> {
        let key_id = str::from_utf8(&pair.key_id).ok()?;
        let key = if self.own.key_id() == key_id { &self.own } else { self.added.get(key_id)? };
        let expected = BasicPair::parse(&key.basic()?)?;
        (expected == *pair).then_some(key)
    }
}

/// Makes up a key as the dashboard shows them: a UUID, and a secret with a `:`, which the Basic pair must survive.
#[expect(clippy::expect_used, reason = "a key may have all characters of hexadecimal and base64url")]
pub(super) fn random_key() -> AccessKey {
    let key_id = format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        fastrand::u32(..),
        fastrand::u16(..),
        fastrand::u16(..0x1000),
        fastrand::u16(..0x1000),
        fastrand::u64(..1 << 48),
    );
    let key_secret = format!("{}:{}", random(9), random(9));
    AccessKey::new(key_id, key_secret).expect("a valid access key")
}
