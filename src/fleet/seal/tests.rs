//! What a seal promises.

use super::{NONCE_LEN, Seal, VERSION, is_lease, lease};

fn seal() -> Seal {
    Seal::new("https://auth.sinch.com/oauth2/token", "key-id", "key-secret").unwrap()
}

/// Fields of `of`, the others as in [`seal`].
fn other(endpoint: &str, key_id: &str, key_secret: &str) -> Seal {
    Seal::new(endpoint, key_id, key_secret).unwrap()
}

#[test]
fn what_was_sealed_opens() {
    let (name, plain) = (seal().token_name(), b"a token");
    let sealed = seal().seal(&name, plain).unwrap();
    assert_eq!(seal().open(&name, &sealed).as_deref().map(Vec::as_slice), Some(&plain[..]));
}

#[test]
fn another_secret_key_id_or_endpoint_is_another_fleet() {
    let endpoint = "https://auth.sinch.com/oauth2/token";
    let others = [
        other(endpoint, "key-id", "key-secret2"),
        other(endpoint, "key-id2", "key-secret"),
        other("https://auth.sinch.com/oauth2/token2", "key-id", "key-secret"),
        // The same bytes, cut elsewhere.
        other("https://auth.sinch.com/oauth2/tokenk", "ey-id", "key-secret"),
    ];
    let name = seal().token_name();
    let sealed = seal().seal(&name, b"a token").unwrap();
    for other in others {
        assert_ne!(other.token_name(), name);
        assert!(other.open(&name, &sealed).is_none());
    }
}

#[test]
fn what_is_sealed_under_one_name_does_not_open_under_another() {
    let sealed = seal().seal(&seal().token_name(), b"a token").unwrap();
    assert!(seal().open(&seal().lease_name(), &sealed).is_none());
}

#[test]
fn a_value_that_was_tampered_with_or_torn_does_not_open() {
    let name = seal().token_name();
    let sealed = seal().seal(&name, b"a token").unwrap();
    for at in 0..sealed.len() {
        let mut tampered = sealed.clone();
        tampered[at] ^= 1;
        assert!(seal().open(&name, &tampered).is_none(), "byte {at}");
        assert!(seal().open(&name, &sealed[..at]).is_none(), "{at} bytes");
    }
    assert!(seal().open(&name, &[&sealed[..], b"x"].concat()).is_none());
}

#[test]
fn no_two_sealed_values_are_the_same() {
    let name = seal().token_name();
    let (one, two) = (seal().seal(&name, b"a token").unwrap(), seal().seal(&name, b"a token").unwrap());
    assert_eq!((one[0], two[0]), (VERSION, VERSION));
    assert_ne!(one[1..=NONCE_LEN], two[1..=NONCE_LEN]);
    assert_ne!(one[NONCE_LEN + 1..], two[NONCE_LEN + 1..]);
}

#[test]
fn the_name_says_nothing_and_both_entries_share_a_slot() {
    let (token, lease) = (seal().token_name(), seal().lease_name());
    let tag = token.strip_suffix(":token").unwrap();
    assert_eq!(lease.strip_suffix(":lease"), Some(tag));
    let id = tag.strip_prefix('{').and_then(|tag| tag.strip_suffix('}')).unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
}

/// Recomputed by python3's `hmac` and `hashlib` from RFC 5869: another implementation of the same format.
#[test]
fn the_name_is_the_one_that_rfc_5869_gives() {
    assert_eq!(seal().token_name(), "{186800945153d2ded3db6c603dda2790}:token");
}

#[test]
fn no_two_leases_are_the_same() {
    let (one, two) = (lease().unwrap(), lease().unwrap());
    assert_ne!(one, two);
    assert!(is_lease(&one) && !is_lease(&one[1..]) && !is_lease(&[&one[..], b"x"].concat()));
}
