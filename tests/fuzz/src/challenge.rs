//! `WWW-Authenticate` by the grammar of RFC 9110 §11.6.1 and §5.6, read strictly and written in all its freedom.

use arbitrary::{Arbitrary, Unstructured};

/// How many commas a field with a token68 may have for the crate to read on behind that.
const MAX_COMMAS: usize = 15;
/// How much the crate reads of all fields.
const MAX_LEN: usize = 8 * 1024;

/// One challenge.
#[derive(Debug, Default)]
pub struct Challenge {
    scheme: Vec<u8>,
    params: Vec<(Vec<u8>, Vec<u8>)>,
    has_token68: bool,
}

/// Returns whether these fields name another reason than the token; `None` if they are not by the grammar, or too long
/// to be read to their end.
pub fn names_another_reason(fields: &[&[u8]]) -> Option<bool> {
    if fields.iter().map(|field| field.len().max(1)).sum::<usize>() > MAX_LEN {
        return None;
    }
    let mut found = false;
    for field in fields {
        let challenges = read(field)?;
        let commas = field.iter().filter(|byte| **byte == b',').count();
        if commas > MAX_COMMAS && challenges.iter().any(|challenge| challenge.has_token68) {
            return None;
        }
        found |= challenges.iter().any(Challenge::is_another_reason);
    }
    Some(found)
}

// === impl Challenge ===

impl Challenge {
    fn is_another_reason(&self) -> bool {
        let reasons: [&[u8]; 2] = [b"insufficient_scope", b"invalid_request"];
        let is_reason = |(name, value): &(Vec<u8>, Vec<u8>)| {
            name.eq_ignore_ascii_case(b"error") && reasons.contains(&&**value)
        };
        self.scheme.eq_ignore_ascii_case(b"bearer") && self.params.iter().any(is_reason)
    }
}

/// Reads a field by the grammar: a list of challenges, whose parameters are a list, too.
fn read(field: &[u8]) -> Option<Vec<Challenge>> {
    let mut challenges: Vec<Challenge> = Vec::new();
    for element in elements(field)? {
        let element = element.trim_ascii();
        if element.is_empty() {
            continue;
        }
        if let Some(param) = param(element) {
            // Behind a scheme and a comma it may be anything, and so is nothing.
            let challenge = challenges.last_mut().filter(|challenge| !challenge.params.is_empty())?;
            challenge.params.push(param);
            continue;
        }
        let (scheme, rest) = token(element)?;
        let mut challenge = Challenge { scheme: scheme.to_vec(), ..Challenge::default() };
        let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
        let rest = rest.get(spaces..)?;
        match (param(rest), is_token68(rest)) {
            _ if rest.is_empty() => {}
            _ if spaces == 0 => return None,
            (Some(param), _) => challenge.params.push(param),
            (None, true) => challenge.has_token68 = true,
            (None, false) => return None,
        }
        challenges.push(challenge);
    }
    Some(challenges)
}

/// Splits a list at its commas, those within quotes aside.
fn elements(field: &[u8]) -> Option<Vec<&[u8]>> {
    let mut elements = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in field.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                elements.push(field.get(start..at)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    elements.push(field.get(start..)?);
    (!quoted).then_some(elements)
}

/// `token BWS "=" BWS ( token / quoted-string )`, and nothing behind it.
fn param(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (name, rest) = token(text)?;
    let value = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = match value.strip_prefix(b"\"") {
        Some(quoted) => unquoted(quoted)?,
        None => {
            let (value, rest) = token(value)?;
            rest.is_empty().then(|| value.to_vec())?
        }
    };
    Some((name.to_vec(), value))
}

/// The value of a quoted-string without its first quote.
fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    let mut bytes = text.iter().copied();
    loop {
        match bytes.next()? {
            b'"' => return bytes.next().is_none().then_some(value),
            b'\\' => value.push(bytes.next().filter(|byte| is_text(*byte))?),
            byte if is_text(byte) => value.push(byte),
            _ => return None,
        }
    }
}

fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take_while(|byte| is_tchar(**byte)).count();
    (length > 0).then(|| text.split_at(length))
}

fn is_token68(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let (text, _) = text.split_at(text.len() - padding);
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What may stand in a quoted-string: qdtext, a quoted quote or backslash, obs-text.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Writes challenges by the grammar, and whether they name another reason.
///
/// # Errors
///
/// If there are not enough bytes.
pub fn written(input: &mut Unstructured<'_>) -> arbitrary::Result<(Vec<u8>, bool)> {
    let mut text = Vec::new();
    let mut found = false;
    for _ in 0..input.int_in_range(1..=4)? {
        text.extend(separator(input)?);
        let scheme: &[u8] = input.choose(&[&b"Bearer"[..], b"bearer", b"BEARER", b"Basic", b"DPoP", b"x"])?;
        text.extend(scheme);
        if input.ratio(1, 6)? {
            text.extend(&b" YWJj=="[..input.int_in_range(2..=7)?]);
            continue;
        }
        for number in 0..input.int_in_range(0..=3)? {
            let gap: &[u8] = if number == 0 { input.choose(&[&b" "[..], b"  "])? } else { separator(input)? };
            text.extend(gap);
            let name: &[u8] =
                input.choose(&[&b"error"[..], b"ERROR", b"error_description", b"realm", b"errors", b"e"])?;
            let value: &[u8] = input.choose(&[
                &b"insufficient_scope"[..],
                b"invalid_request",
                b"invalid_token",
                b"Invalid_Request",
                b"a, Bearer error=invalid_request",
                b"error=\"invalid_request\"",
                b"",
                b"\xc3\xa9\\",
            ])?;
            text.extend(name);
            text.extend(*input.choose(&[&b"="[..], b" =", b"= ", b"\t=\t"])?);
            write_value(&mut text, value, bool::arbitrary(input)?, u64::arbitrary(input)?);
            let is_reason = matches!(value, b"insufficient_scope" | b"invalid_request");
            found |=
                is_reason && scheme.eq_ignore_ascii_case(b"bearer") && name.eq_ignore_ascii_case(b"error");
        }
    }
    text.extend(*input.choose(&[&b""[..], b",", b" ,"])?);
    Ok((text.trim_ascii().to_vec(), found))
}

fn separator(input: &mut Unstructured<'_>) -> arbitrary::Result<&'static [u8]> {
    Ok(input.choose(&[&b", "[..], b",", b" ,", b",,", b", ,\t"])?)
}

/// Writes a token as it is, if it is one and may be; else a quoted-string with the given bytes escaped.
fn write_value(text: &mut Vec<u8>, value: &[u8], may_be_token: bool, escapes: u64) {
    if may_be_token && !value.is_empty() && value.iter().all(|byte| is_tchar(*byte)) {
        text.extend(value);
        return;
    }
    text.push(b'"');
    for (at, byte) in value.iter().enumerate() {
        if b"\\\"".contains(byte) || (escapes >> (at % 64)) & 1 == 1 {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text.push(b'"');
}
