//! Rows of the syntax tree.

use tables::rows::{AstEdge, AstNode};
use tables::{Folder, Id, TablesFault, Word};

use super::file::{OneFile, cut};
use super::nids::NidText;
use super::roles::Upward;

impl OneFile<'_> {
    /// `ast_node` and `ast_edge`, by `pre`.
    pub(super) fn nodes(&self, up: &Upward<'_>, to: &mut Folder) -> Result<(), TablesFault> {
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        let names = |module: &Vec<u32>| {
            let module = module.first().and_then(|first| self.project.module(*first));
            module.map(crate::project::CodeModule::text)
        };
        let modules: Vec<Option<String>> = self.listed.modules.iter().map(names).collect();
        let functions: Vec<String> = (0..outline.functions.len() as u32)
            .map(|function| self.function_text(function))
            .collect();
        let (mut nids, mut subjects) = (NidText::default(), NidText::default());
        for node in self.in_pre_order() {
            let found = tree.node(node);
            let pre = self.pre(node);
            let module = outline.module_at(tree, node);
            let clause = outline.clause_at(tree, node);
            let function = clause
                .and_then(|clause| outline.clauses.get(clause as usize))
                .map(|clause| clause.function);
            let parent = up.parent(node);
            let kind = up.kind(node);
            let text = match tree.remote_call(node) {
                Some((_, name, _)) => name,
                None => tree.text(node),
            };
            let subject = (kind == "case").then(|| up.subject(node)).flatten();
            to.add(&AstNode {
                version: Word(self.version),
                nid: self.nid_text(&mut nids, node).map(Id),
                pre,
                post: pre + i64::from(found.size) - 1,
                parent: parent.map(|parent| self.pre(parent)),
                function_id: function.and_then(|function| self.function_id(function)),
                clause_id: clause.map(|clause| self.listed.first_clause + i64::from(clause)),
                module_id: self.module_id(module),
                module: module
                    .and_then(|module| modules.get(module as usize)?.as_deref())
                    .map(Word),
                function: function
                    .and_then(|function| functions.get(function as usize))
                    .map(|name| Word(name)),
                file: Word(self.path),
                kind: Word(kind),
                text: Some(cut(text)).filter(|text| !text.is_empty()),
                subject: subject
                    .and_then(|subject| self.nid_text(&mut subjects, subject))
                    .map(Id),
                line: self.line(node),
                column: (found.column > 0).then_some(found.column as i32),
                start_byte: found.start as i32,
                end_byte: found.end as i32,
            })?;
            if let Some(parent) = parent {
                to.add(&AstEdge {
                    version: Word(self.version),
                    parent: self.pre(parent),
                    child: pre,
                    place: up.place(node) as i32,
                    role: Word(up.role(node)),
                })?;
            }
        }
        Ok(())
    }
}
