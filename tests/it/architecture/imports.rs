//! The paths that a file names: its `use` trees, and what its code spells out.

use super::lexer::{Token, is_word, library_tokens};

#[derive(Debug)]
pub(super) struct Import<'a> {
    /// The inline modules around it, from the outermost.
    pub(super) scope: Vec<&'a str>,
    /// As written: `["super", "state", "Stage"]`. The last one is `*` if everything is imported.
    pub(super) path: Vec<&'a str>,
    pub(super) line: usize,
    pub(super) kind: Kind<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// `use path as name;`
    Use { name: &'a str, is_public: bool },
    /// `path` in the code.
    Inline,
}

/// A `mod` of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mod<'a> {
    /// The inline modules around it, and its own name.
    pub(super) path: Vec<&'a str>,
    pub(super) is_inline: bool,
}

/// What a file names and what modules it has.
pub(super) fn read<'a>(tokens: &[Token<'a>]) -> (Vec<Import<'a>>, Vec<Mod<'a>>) {
    let mut reader =
        Reader { tokens, at: 0, depth: 0, scopes: Vec::new(), imports: Vec::new(), mods: Vec::new() };
    reader.run();
    (reader.imports, reader.mods)
}

struct Reader<'a, 't> {
    tokens: &'t [Token<'a>],
    at: usize,
    depth: usize,
    /// The inline modules that are open, each with the depth that it stands at.
    scopes: Vec<(&'a str, usize)>,
    imports: Vec<Import<'a>>,
    mods: Vec<Mod<'a>>,
}

impl<'a> Reader<'a, '_> {
    fn run(&mut self) {
        while let Some(token) = self.peek(0) {
            match token {
                "use" if self.peek(1) != Some("<") => self.use_item(),
                "mod" => self.mod_item(),
                "{" => {
                    self.depth += 1;
                    self.at += 1;
                }
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.scopes.last().is_some_and(|(_, depth)| *depth == self.depth) {
                        self.scopes.pop();
                    }
                    self.at += 1;
                }
                _ if self.begins_path() => self.inline_path(),
                _ => self.at += 1,
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<&'a str> {
        self.tokens.get(self.at + ahead).map(|token| token.text)
    }

    fn before(&self, back: usize) -> Option<&'a str> {
        self.at.checked_sub(back).map(|at| self.tokens[at].text)
    }

    fn scope(&self) -> Vec<&'a str> {
        self.scopes.iter().map(|(name, _)| *name).collect()
    }

    fn mod_item(&mut self) {
        self.at += 1;
        let Some(name) = self.peek(0) else { return };
        let mut path = self.scope();
        path.push(name);
        let is_inline = self.peek(1) == Some("{");
        self.mods.push(Mod { path, is_inline });
        if is_inline {
            self.scopes.push((name, self.depth));
        }
        self.at += 1;
    }

    fn use_item(&mut self) {
        let is_public = matches!(self.before(1), Some("pub" | ")"));
        self.at += 1;
        // A path that begins with `::` is another crate's.
        if self.peek(0) != Some("::") {
            self.tree(&[], is_public);
        }
        while self.peek(0).is_some_and(|token| token != ";") {
            self.at += 1;
        }
    }

    /// Reads what stands below `prefix`, up to the `,`, `}` or `;` behind it.
    fn tree(&mut self, prefix: &[&'a str], is_public: bool) {
        let mut path = prefix.to_vec();
        while let Some(token) = self.peek(0) {
            let line = self.tokens[self.at].line;
            self.at += 1;
            if token == "{" {
                while self.peek(0).is_some_and(|token| token != "}") {
                    self.tree(&path, is_public);
                    self.at += usize::from(self.peek(0) == Some(","));
                }
                self.at += 1;
                return;
            }
            // `a::{self}` is `a`.
            if token != "self" || path.is_empty() {
                path.push(token);
            }
            match self.peek(0) {
                Some("::") => self.at += 1,
                next => {
                    let name = if next == Some("as") { self.peek(1) } else { path.last().copied() };
                    self.at += if next == Some("as") { 2 } else { 0 };
                    let kind = Kind::Use { name: name.unwrap_or_default(), is_public };
                    self.imports.push(Import { scope: self.scope(), path, line, kind });
                    return;
                }
            }
        }
    }

    fn begins_path(&self) -> bool {
        let is_visibility = self.before(1) == Some("in") && self.before(3) == Some("pub");
        is_word(self.tokens[self.at])
            && self.peek(1) == Some("::")
            && self.before(1) != Some("::")
            && !is_visibility
    }

    fn inline_path(&mut self) {
        let (scope, line) = (self.scope(), self.tokens[self.at].line);
        let mut path = vec![self.tokens[self.at].text];
        self.at += 1;
        while self.peek(0) == Some("::") {
            self.at += 1;
            match self.tokens.get(self.at) {
                Some(next) if is_word(*next) => path.push(next.text),
                _ => break,
            }
            self.at += 1;
        }
        self.imports.push(Import { scope, path, line, kind: Kind::Inline });
    }
}

fn written(source: &str) -> Vec<String> {
    let tokens = library_tokens(source);
    let (imports, _) = read(&tokens);
    let written = imports.iter().map(|import| {
        let (scope, path) = (import.scope.join("::"), import.path.join("::"));
        match import.kind {
            Kind::Inline => format!("{}:{scope}> {path}", import.line),
            Kind::Use { name, is_public: false } => format!("{}:{scope}> use {path} as {name}", import.line),
            Kind::Use { name, is_public: true } => {
                format!("{}:{scope}> pub use {path} as {name}", import.line)
            }
        }
    });
    written.collect()
}

#[test]
fn each_name_of_a_nested_use_is_an_import_on_its_own_line() {
    let source = "use crate::{\n    a::{self, B, c::*},\n    d::E as F,\n};\npub(crate) use self::g::H;";
    let expected = [
        "2:> use crate::a as a",
        "2:> use crate::a::B as B",
        "2:> use crate::a::c::* as *",
        "3:> use crate::d::E as F",
        "5:> pub use self::g::H as H",
    ];
    assert_eq!(written(source), expected);
}

#[test]
fn a_path_in_the_code_is_an_import() {
    let source = "
        fn a(b: crate::c::D<super::e::F>) -> impl G + use<'_> { self::h::<I>::j() }
        impl K for Vec<l::M> { pub(in crate::n) fn o() { <P as Q>::r(::std::s) } }
    ";
    let expected = ["2:> crate::c::D", "2:> super::e::F", "2:> self::h", "3:> l::M"];
    assert_eq!(written(source), expected);
}

#[test]
fn an_import_knows_the_inline_modules_around_it() {
    let source = "mod a { mod b { use super::C; } fn d() { super::e(); } } use self::f;";
    let expected = ["1:a::b> use super::C as C", "1:a> super::e", "1:> use self::f as f"];
    assert_eq!(written(source), expected);
    let tokens = library_tokens(source);
    let (_, mods) = read(&tokens);
    let paths: Vec<_> = mods.iter().map(|module| module.path.join("::")).collect();
    assert_eq!(paths, ["a", "a::b"]);
}
