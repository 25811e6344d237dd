//! Asks where a site is, in the words of the source.

use codegraph::{Place, SyntaxDocument, Unmapped, resolve};
use event::SiteKind;
use repo_sync::index_source;

/// An indexed text.
pub(crate) struct Text {
    pub(crate) source: String,
    pub(crate) document: SyntaxDocument,
}

impl Text {
    pub(crate) fn new(source: &str) -> Self {
        let document = index_source(source.as_bytes()).unwrap();
        assert_eq!(SyntaxDocument::decode(&document.encode()).unwrap(), document);
        Self {
            source: source.to_owned(),
            document,
        }
    }

    pub(crate) fn resolve(
        &self,
        line: u32,
        column: u32,
        token: &str,
        kind: SiteKind,
    ) -> Result<Place, Unmapped> {
        resolve(&self.document, self.source.as_bytes(), line, column, token, kind)
    }

    pub(crate) fn slice(&self, bytes: (u32, u32)) -> &str {
        &self.source[bytes.0 as usize..bytes.1 as usize]
    }

    /// The node that a site stands for.
    #[track_caller]
    pub(crate) fn node(&self, line: u32, column: u32, token: &str, kind: SiteKind) -> &str {
        let place = self.resolve(line, column, token, kind).unwrap();
        assert_eq!(self.slice(place.token_bytes), token);
        assert_eq!((place.line, place.column), (line, column));
        self.slice(place.node_bytes)
    }

    /// `module.name/arity clause` around a site.
    pub(crate) fn function(&self, line: u32, column: u32, token: &str, kind: SiteKind) -> String {
        let place = self.resolve(line, column, token, kind).unwrap();
        let around = place.function.unwrap();
        format!(
            "{}.{}/{} {}",
            around.module, around.name, around.arity, around.clause
        )
    }

    /// The functions, `module.name/arity-defaults kind clauses`.
    pub(crate) fn functions(&self) -> Vec<String> {
        let definitions = &self.document.definitions;
        let clauses = |index: usize| {
            let mine = definitions
                .clauses
                .iter()
                .filter(move |clause| clause.function == index as u32);
            mine.filter(|clause| clause.index != codegraph::NONE).count()
        };
        let module = |index: u32| {
            definitions
                .modules
                .get(index as usize)
                .map_or("?", |module| module.names.first().map_or("?", String::as_str))
        };
        let describe = |(index, function): (usize, &codegraph::Function)| {
            let defaults = if function.defaults == 0 {
                String::new()
            } else {
                format!("-{}", function.defaults)
            };
            let name = format!(
                "{}.{}/{}{defaults}",
                module(function.module),
                function.name,
                function.arity
            );
            format!("{name} {} {}", function.kind.word(), clauses(index))
        };
        definitions.functions.iter().enumerate().map(describe).collect()
    }
}
