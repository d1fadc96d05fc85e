//! Rust source as tokens, without comments, literals, lifetimes, and what only tests see.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// A word, `::`, or one character.
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// The tokens of `source` that are compiled into the library.
pub(super) fn library_tokens(source: &str) -> Vec<Token<'_>> {
    without_tests(&tokens(source))
}

/// Whether the tokens begin with these texts.
pub(super) fn begins(tokens: &[Token<'_>], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.text == *text)
}

pub(super) fn is_word(token: Token<'_>) -> bool {
    token.text.starts_with(is_word_char)
}

/// How many tokens the attributes take that stand first.
pub(super) fn attributes(tokens: &[Token<'_>]) -> usize {
    let mut length = 0;
    while begins(&tokens[length..], &["#", "["]) || begins(&tokens[length..], &["#", "!", "["]) {
        length += balanced(&tokens[length..]);
    }
    length
}

/// How many tokens the item takes that stands first, without its attributes.
pub(super) fn item(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            // What encloses the item ends.
            ")" | "]" | "}" if depth == 0 => return at,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                let ends = tokens.get(at + 1).is_none_or(|next| next.text != ";");
                if depth == 0 && ends {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// How many tokens there are up to the end of the first group in brackets.
fn balanced(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some(first) = rest.first() {
        let length = if is_for_tests(rest) {
            let attributes = attributes(rest);
            attributes + item(&rest[attributes..])
        } else {
            kept.push(*first);
            1
        };
        rest = &rest[length..];
    }
    kept
}

fn is_for_tests(tokens: &[Token<'_>]) -> bool {
    let conditions: [&[&str]; 4] = [
        &["#", "[", "cfg", "(", "test", ")"],
        &["#", "[", "cfg", "(", "doctest", ")"],
        &["#", "[", "cfg", "(", "all", "(", "test", ","],
        &["#", "[", "cfg", "(", "all", "(", "doctest", ","],
    ];
    conditions.iter().any(|condition| begins(tokens, condition))
}

fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = first_lexeme(rest, first);
        let (text, after) = rest.split_at(length);
        if is_token {
            tokens.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The length of what stands first, and whether it is a token.
fn first_lexeme(rest: &str, first: char) -> (usize, bool) {
    if rest.starts_with("//") {
        (rest.find('\n').unwrap_or(rest.len()), false)
    } else if rest.starts_with("/*") {
        (block_comment(rest), false)
    } else if let Some(length) = string(rest).or_else(|| raw_string(rest)).or_else(|| quote(rest)) {
        (length, false)
    } else if rest.starts_with("::") {
        (2, true)
    } else if is_word_char(first) {
        (word(rest), true)
    } else {
        (first.len_utf8(), !first.is_whitespace())
    }
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let length = match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                2
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += length;
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &str) -> Option<usize> {
    let prefix = ["\"", "b\"", "c\""].into_iter().find(|prefix| rest.starts_with(prefix))?;
    Some(prefix.len() + up_to_end(&rest[prefix.len()..], b'"'))
}

fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix).map(|after| after.trim_start_matches('#'));
        after.is_some_and(|after| after.starts_with('"'))
    })?;
    let hashes = rest[prefix.len()..].find('"')?;
    let start = prefix.len() + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest[start..].find(&end).map_or(rest.len(), |length| start + length + end.len()))
}

/// A character, a byte, or a lifetime.
fn quote(rest: &str) -> Option<usize> {
    let prefix = if rest.starts_with("b'") { 2 } else { 1 };
    if !rest.starts_with('\'') && prefix == 1 {
        return None;
    }
    let after = &rest[prefix..];
    let mut chars = after.chars();
    let first = chars.next()?;
    if first == '\\' || chars.next() == Some('\'') {
        Some(prefix + up_to_end(after, b'\''))
    } else {
        Some(prefix + word(after))
    }
}

/// The length up to and with the `end` that no backslash precedes.
fn up_to_end(rest: &str, end: u8) -> usize {
    let mut is_escaped = false;
    let last = rest.bytes().position(|byte| {
        let is_end = byte == end && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    last.map_or(rest.len(), |last| last + 1)
}

fn word(rest: &str) -> usize {
    rest.find(|next| !is_word_char(next)).unwrap_or(rest.len())
}

fn is_word_char(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

#[test]
fn comments_literals_and_lifetimes_are_no_tokens() {
    let source = r###"
        //! [`crate::A`] /* "
        /* /* nested */ crate::B */
        const C: &'static str = "crate::D \" \\";
        const E: &[u8] = br#"crate::F " "#;
        const G: [char; 3] = ['"', '\'', 'x']; const H: u8 = b'"';
        fn r#fn<'a>() {}
    "###;
    let words: Vec<_> = tokens(source).into_iter().filter(|token| is_word(*token)).collect();
    let texts: Vec<_> = words.iter().map(|token| token.text).collect();
    assert_eq!(texts.join(" "), "const C str const E u8 const G char 3 const H u8 fn r fn");
    assert_eq!(words[0].line, 4);
    assert_eq!(words[words.len() - 1].line, 7);
}

#[test]
fn what_only_tests_see_is_left_out() {
    let source = "
        #[cfg(test)] mod tests;
        #[cfg(test)] #[expect(lint)] mod more { fn a() { b(); } }
        #[cfg(test)] use c::{d, e};
        #[cfg(all(doctest, feature))] struct F;
        #[cfg(test)] fn g() -> H { i() }
        #[cfg(not(test))] fn kept() {}
        struct J { #[cfg(test)] k: L }
        fn last() {}
    ";
    let texts: Vec<_> = library_tokens(source).into_iter().map(|token| token.text).collect();
    assert_eq!(texts.join(" "), "# [ cfg ( not ( test ) ) ] fn kept ( ) { } struct J { } fn last ( ) { }");
}
