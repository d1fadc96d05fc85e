//! [`Seal`]: names and seals what a fleet keeps in a store, by the key whose token it is.
//!
//! HKDF-SHA256 (RFC 5869) over the KEY SECRET gives two independent values, each for one endpoint and one KEY ID: the name of
//! the entries, and the key that seals them by AES-256-GCM. So who can read the store learns neither token nor secret, and
//! what is sealed by another secret, for another endpoint, in another format or under another name, does not open.

use std::fmt::Write;

#[cfg(feature = "client")]
use aws_lc_rs as crypto;
use crypto::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    rand::{SecureRandom, SystemRandom},
};
#[cfg(not(feature = "client"))]
use ring as crypto;
use zeroize::Zeroizing;

/// The format of what is sealed. Another one is another fleet: the salt has it, too.
const VERSION: u8 = 1;
const SALT: &[u8] = b"tower-sinch-auth fleet 1";
/// The length of an entry's id, in bytes.
const ID_LEN: usize = 16;
/// The length of a lease, in bytes.
const LEASE_LEN: usize = 16;

/// Seals the entries of the processes that share one access key at one endpoint.
pub(super) struct Seal {
    id: String,
    key: LessSafeKey,
}

/// A length, as HKDF asks for one.
struct Len(usize);

// === impl Seal ===

impl Seal {
    /// Derives name and key. Errs never, for lengths that are fixed here; the library has no other way to say so.
    pub(super) fn new(endpoint: &str, key_id: &str, key_secret: &str) -> Result<Self, Unspecified> {
        let secret = Salt::new(HKDF_SHA256, SALT).extract(key_secret.as_bytes());
        let mut id = [0; ID_LEN];
        expand(&secret, "name", endpoint, key_id, &mut id)?;
        let mut key = Zeroizing::new([0; 32]);
        expand(&secret, "seal", endpoint, key_id, &mut *key)?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key)?);
        let id = id.iter().fold(String::with_capacity(2 * ID_LEN), |mut id, byte| {
            // Writing to a string does not fail.
            let _ = write!(id, "{byte:02x}");
            id
        });
        Ok(Self { id, key })
    }

    /// Returns the name of the shared token. The braces keep both entries in one slot of a Redis cluster.
    pub(super) fn token_name(&self) -> String {
        format!("{{{}}}:token", self.id)
    }

    /// Returns the name of the lease.
    pub(super) fn lease_name(&self) -> String {
        format!("{{{}}}:lease", self.id)
    }

    /// Seals `plain` for the entry called `name`: version, nonce, ciphertext and tag.
    pub(super) fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce)?;
        let mut sealed = Zeroizing::new(Vec::with_capacity(plain.len()));
        sealed.extend_from_slice(plain);
        let aad = Aad::from(associated(name));
        let tag =
            self.key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)?;
        Ok([&[VERSION][..], &nonce, &sealed, tag.as_ref()].concat())
    }

    /// Opens what was sealed for the entry called `name`. `None` for anything else.
    pub(super) fn open(&self, name: &str, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&[VERSION], rest) = value.split_first_chunk()? else {
            return None;
        };
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let aad = Aad::from(associated(name));
        let opened =
            self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut plain).ok()?.len();
        plain.truncate(opened);
        Some(plain)
    }
}

/// Returns whether `value` is as long as a lease.
pub(super) fn is_lease(value: &[u8]) -> bool {
    value.len() == LEASE_LEN
}

/// Draws a lease that no other process has.
pub(super) fn lease() -> Result<[u8; LEASE_LEN], Unspecified> {
    let mut lease = [0; LEASE_LEN];
    SystemRandom::new().fill(&mut lease)?;
    Ok(lease)
}

fn associated(name: &str) -> Vec<u8> {
    [&[VERSION], name.as_bytes()].concat()
}

/// Expands `secret` for one purpose. Each part is preceded by its length, so that no two contexts read the same.
fn expand(
    secret: &Prk,
    label: &str,
    endpoint: &str,
    key_id: &str,
    out: &mut [u8],
) -> Result<(), Unspecified> {
    let parts = [label, endpoint, key_id].map(|part| ((part.len() as u64).to_be_bytes(), part.as_bytes()));
    let info: Vec<&[u8]> = parts.iter().flat_map(|(len, part)| [&len[..], part]).collect();
    secret.expand(&info, Len(out.len()))?.fill(out)
}

// === impl Len ===

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests;
