use http::{HeaderMap, HeaderValue, StatusCode, header::WWW_AUTHENTICATE};

use super::rejects_token;

fn rejected(status: StatusCode, fields: &[&[u8]]) -> bool {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(field).unwrap());
    }
    rejects_token(status, &headers)
}

#[track_caller]
fn assert_counts(fields: &[&[u8]]) {
    assert!(rejected(StatusCode::UNAUTHORIZED, fields), "{}", String::from_utf8_lossy(&fields.join(&b'\n')));
}

#[track_caller]
fn assert_does_not_count(fields: &[&[u8]]) {
    assert!(!rejected(StatusCode::UNAUTHORIZED, fields), "{}", String::from_utf8_lossy(&fields.join(&b'\n')));
}

#[test]
fn only_a_401_counts() {
    for status in [200, 204, 301, 400, 403, 404, 407, 429, 500, 503] {
        let expired: &[u8] = br#"Bearer error="invalid_token", error_description="expired""#;
        assert!(!rejected(StatusCode::from_u16(status).unwrap(), &[expired]), "{status}");
    }
}

#[test]
fn every_documented_shape_counts_and_so_does_none_at_all() {
    assert_counts(&[]);
    assert_counts(&[br#"Bearer error="invalid_token", error_description="Jwt expired at 2024-07-08T22:12:28Z", error_uri="https://tools.ietf.org/html/rfc6750#section-3.1""#]);
    assert_counts(&[br#"Bearer realm="sinch", error="invalid_token", error_description="expired""#]);
    assert_counts(&[br#"Basic realm="Realm""#]);
    assert_counts(&[br#"Bearer realm="https://numbers.api.sinch.com/v1", error="invalid_token""#]);
    assert_counts(&[b"Bearer"]);
}

#[test]
fn insufficient_scope_and_invalid_request_do_not_count() {
    assert_does_not_count(&[br#"Bearer error="insufficient_scope""#]);
    assert_does_not_count(&[br#"Bearer realm="a, b", error="invalid_request""#]);
    assert_does_not_count(&[b"Bearer error=insufficient_scope"]);
    assert_does_not_count(&[br#"BEARER ERROR="insufficient_scope", scope="x""#]);
    assert_does_not_count(&[br#"bearer error="insufficient\_scope""#]);
}

#[test]
fn every_challenge_of_every_field_line_is_looked_at() {
    assert_does_not_count(&[br#"Basic realm="r", Bearer error="insufficient_scope""#]);
    assert_does_not_count(&[br#"Bearer error="insufficient_scope", Basic realm="r""#]);
    assert_does_not_count(&[br#"Basic realm="r""#, br#"Bearer error="insufficient_scope""#]);
}

#[test]
fn what_merely_looks_like_another_reason_counts() {
    assert_counts(&[br#"Bearer error="invalid_token", error_description="error=\"insufficient_scope\"""#]);
    assert_counts(&[br#"Bearer error_description="insufficient_scope""#]);
    assert_counts(&[br#"Basic realm="Bearer error=insufficient_scope""#]);
    assert_counts(&[br#"DPoP error="insufficient_scope""#]);
    assert_counts(&[br#"Bearer error="insufficient_scopes""#]);
}

#[test]
fn what_cannot_be_parsed_counts() {
    for field in [
        &b""[..],
        b",,,",
        br#"Bearer error="insufficient_scope"#,
        br#"Bearer error=""#,
        b"Bearer =",
        b"\xff\xfe",
        br#""Bearer error=insufficient_scope""#,
    ] {
        assert_counts(&[field]);
    }
}

#[test]
fn a_challenge_that_cannot_be_parsed_does_not_hide_the_others() {
    assert_does_not_count(&[b"Negotiate YWJjZA==, Bearer error=\"insufficient_scope\""]);
    assert_does_not_count(&[b"???, Bearer error=\"insufficient_scope\""]);
    assert_does_not_count(&[b"???, ???, Bearer error=\"insufficient_scope\""]);
    assert_does_not_count(&[b"\xff\xfe", b"Bearer error=\"insufficient_scope\""]);
}

#[test]
fn what_a_malformed_challenge_quotes_is_no_challenge() {
    assert_counts(&[br#"? realm="a, Bearer error=insufficient_scope, Basic b=c, d""#]);
    assert_counts(&[br#"? realm="a \", Bearer error=insufficient_scope, Basic b=c, d""#]);
    assert_does_not_count(&[br#"? realm="a", Bearer error=insufficient_scope"#]);
    assert_does_not_count(&[br"?\, Bearer error=insufficient_scope"]);
    // Outside of quotes a backslash is a character like any other.
    assert_counts(&[br#"?\", Bearer error=insufficient_scope, Basic b=c, d""#]);
}

#[test]
fn a_description_in_another_alphabet_does_not_hide_the_error() {
    let field = "Bearer error_description=\"é\", error=\"insufficient_scope\"";
    assert_does_not_count(&[field.as_bytes()]);
}

/// A parameter of a challenge, of so many bytes.
fn filler(len: usize) -> Vec<u8> {
    [&b"x=\""[..], &b"a".repeat(len - 4), b"\""].concat()
}

#[test]
fn another_reason_is_seen_only_within_8_kib_of_a_field_line() {
    let reason = b", error=insufficient_scope";
    let field = |len: usize| [&b"Bearer "[..], &filler(len - 7 - reason.len()), reason].concat();
    assert_does_not_count(&[&field(8 * 1024)]);
    assert_counts(&[&field(8 * 1024 + 1)]);
    assert_counts(&[&field(1024 * 1024)]);
}

#[test]
fn another_reason_is_seen_only_within_8_kib_of_all_field_lines() {
    let reason = b"Bearer error=insufficient_scope";
    let field = |len: usize| [&b"Basic "[..], &filler(len - 6)].concat();
    let left = 8 * 1024 - reason.len();
    assert_does_not_count(&[&field(left), reason]);
    assert_counts(&[&field(left + 1), reason]);
    assert_does_not_count(&[&field(left - 100), &field(100), reason]);
    assert_counts(&[&field(left - 100), &field(101), reason]);
}

#[test]
fn an_empty_field_line_counts_as_a_byte() {
    let reason: &[u8] = b"Bearer error=insufficient_scope";
    let lines = |empty| [vec![&b""[..]; empty], vec![reason]].concat();
    assert_does_not_count(&lines(8 * 1024 - reason.len()));
    assert_counts(&lines(8 * 1024 - reason.len() + 1));
}

#[test]
fn a_parameter_beyond_8_kib_does_not_hide_those_before_it() {
    let long = filler(9 * 1024);
    assert_does_not_count(&[&[&b"Bearer error=insufficient_scope, "[..], &long].concat()]);
    assert_does_not_count(&[&[br#"Basic a="b,c", Bearer error="invalid_request" , "#, &*long].concat()]);
    assert_counts(&[&[&b"Bearer "[..], &long, b", error=insufficient_scope"].concat()]);
}

#[test]
fn a_value_cut_at_8_kib_is_no_value() {
    let cut = b", error=insufficient_scope";
    for within in 0..4 {
        let filler = filler(8 * 1024 - 7 - cut.len() - within);
        let field = [&b"Bearer "[..], &filler, cut, &b"s".repeat(within + 1)].concat();
        assert_counts(&[&field]);
    }
}

#[test]
fn a_hostile_field_is_given_up_soon() {
    let commas = [b"?,".repeat(30_000), br#"Bearer error="insufficient_scope""#.to_vec()].concat();
    assert_counts(&[&commas]);
}
