//! [`House`]: the files of a crate, their modules, and who imports whose names.

use std::collections::BTreeMap;

use super::{
    imports::{Import, Kind, Mod, read},
    lexer::{Token, library_tokens},
};

/// A path of modules from the crate's root.
pub(super) type Module<'a> = Vec<&'a str>;

/// What is compiled into the library: test modules are not in it.
#[derive(Debug)]
pub(super) struct House<'a> {
    pub(super) files: Vec<File<'a>>,
    pub(super) arrows: Vec<Arrow>,
    /// The file of each module, inline ones included.
    modules: BTreeMap<Module<'a>, usize>,
    /// What each name means that a `use` brings into a module.
    names: BTreeMap<Module<'a>, Module<'a>>,
}

#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) path: String,
    pub(super) module: Module<'a>,
    pub(super) tokens: Vec<Token<'a>>,
}

/// A file imports a name that another file owns.
#[derive(Debug)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) line: usize,
    /// As written.
    pub(super) path: String,
    /// Whether the name is one that the crate's root re-exports.
    pub(super) is_through_root: bool,
}

impl<'a> House<'a> {
    /// Reads a crate, given the text of each file under its `src/`.
    pub(super) fn read(sources: &'a BTreeMap<String, String>) -> Self {
        let mut house =
            Self { files: Vec::new(), arrows: Vec::new(), modules: BTreeMap::new(), names: BTreeMap::new() };
        let mut imports = Vec::new();
        house.enter(sources, "src/lib.rs", &[], &mut imports);
        for (file, imports) in imports.iter().enumerate() {
            for import in imports {
                house.name(file, import);
            }
        }
        for (file, imports) in imports.iter().enumerate() {
            for import in imports {
                house.arrow(file, import);
            }
        }
        house
    }

    fn enter(
        &mut self,
        sources: &'a BTreeMap<String, String>,
        path: &str,
        module: &[&'a str],
        imports: &mut Vec<Vec<Import<'a>>>,
    ) {
        let tokens = library_tokens(&sources[path]);
        let (named, mods) = read(&tokens);
        let file = self.files.len();
        self.modules.insert(module.to_vec(), file);
        self.files.push(File { path: path.to_owned(), module: module.to_vec(), tokens });
        imports.push(named);
        let folder = match path.strip_suffix("lib.rs").or_else(|| path.strip_suffix("mod.rs")) {
            Some(folder) => folder.to_owned(),
            None => path.replace(".rs", "/"),
        };
        for Mod { path, is_inline } in mods {
            let below = [module, &path].concat();
            if is_inline {
                self.modules.insert(below, file);
                continue;
            }
            let path = folder.clone() + &path.join("/");
            let candidates = [format!("{path}.rs"), format!("{path}/mod.rs")];
            match candidates.iter().find(|candidate| sources.contains_key(*candidate)) {
                Some(path) => self.enter(sources, path, &below, imports),
                None => panic!("neither of {candidates:?} is there"),
            }
        }
    }

    /// Notes what a `use` brings into its module.
    fn name(&mut self, file: usize, import: &Import<'a>) {
        let Kind::Use { name, .. } = import.kind else { return };
        let scope = self.scope(file, import);
        if let Some(target) = self.absolute(&scope, &import.path) {
            self.names.insert([&scope[..], &[name]].concat(), target);
        }
    }

    fn arrow(&mut self, from: usize, import: &Import<'a>) {
        let scope = self.scope(from, import);
        let Some(target) = self.absolute(&scope, &import.path) else { return };
        let owner = self.owner(&target);
        let to = self.modules[&owner];
        let is_re_export = matches!(import.kind, Kind::Use { is_public: true, .. });
        if from == to || is_re_export && owner.starts_with(&self.files[from].module) {
            return;
        }
        let is_through_root = target.first().is_none_or(|first| !self.modules.contains_key(&vec![*first]));
        let path = import.path.join("::");
        self.arrows.push(Arrow { from, to, line: import.line, path, is_through_root });
    }

    fn scope(&self, file: usize, import: &Import<'a>) -> Module<'a> {
        [&self.files[file].module[..], &import.scope].concat()
    }

    /// The path from the crate's root, or `None` if it is another crate's or a local name.
    fn absolute(&self, scope: &[&'a str], path: &[&'a str]) -> Option<Module<'a>> {
        let (first, rest) = path.split_first()?;
        let start = match *first {
            "crate" => Vec::new(),
            "self" => scope.to_vec(),
            "super" => {
                let (_, parent) = scope.split_last()?;
                let supers = rest.iter().take_while(|segment| **segment == "super").count();
                let parent = parent.get(..parent.len().checked_sub(supers)?)?;
                return Some([parent, &rest[supers..]].concat());
            }
            name => {
                let here = [scope, &[name]].concat();
                let imported = self.names.get(&here).filter(|target| self.modules.contains_key(*target));
                match imported {
                    Some(target) => target.clone(),
                    None => self.modules.contains_key(&here).then_some(here)?,
                }
            }
        };
        Some([&start[..], rest].concat())
    }

    /// The module that owns what is at `path`: re-exports are followed.
    fn owner(&self, path: &[&'a str]) -> Module<'a> {
        let mut module = Vec::new();
        for (at, segment) in path.iter().enumerate() {
            let below = [&module[..], &[*segment]].concat();
            if self.modules.contains_key(&below) {
                module = below;
            } else if let Some(target) = self.names.get(&below) {
                return self.owner(&[&target[..], &path[at + 1..]].concat());
            } else {
                break;
            }
        }
        module
    }
}

impl File<'_> {
    /// The wing that the file stands in.
    pub(super) fn wing(&self) -> &str {
        self.module.first().unwrap_or(&"lib")
    }

    /// Whether it shows what its wing has, and owns nothing.
    pub(super) fn is_face(&self) -> bool {
        ["/lib.rs", "/mod.rs"].iter().any(|name| self.path.ends_with(name))
    }
}
