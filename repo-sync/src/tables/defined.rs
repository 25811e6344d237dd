//! Rows of what a file defines: modules, functions, clauses, entities.

use codegraph::identity::{EntityKind, qualified_names};
use codegraph::quoted::{NodeId, Symbol};
use tables::rows::{Clause, Entity, Function, Module};
use tables::{Folder, Id, TablesFault, Word};

use super::file::{OneFile, cut};
use super::nids::NidText;

impl OneFile<'_> {
    /// `module`.
    pub(super) fn modules(&self, to: &mut Folder) -> Result<(), TablesFault> {
        let mut nids = NidText::default();
        for (index, module) in self.source.outline.modules.iter().enumerate() {
            let entity = self.ids.modules.get(index).map(|owned| owned.entity.to_string());
            let content = self.contents.modules.get(index).copied().unwrap_or_default();
            let (line, end_line) = self.source.lines(module.node);
            for number in self.listed.modules.get(index).into_iter().flatten() {
                let Some(known) = self.project.module(*number) else {
                    continue;
                };
                let kinds: Vec<String> = known.kinds.iter().map(|kind| format!("{kind:?}")).collect();
                let behaviours = known.behaviours.iter();
                let behaviours: Vec<&str> = behaviours
                    .map(|name| name.strip_prefix("Elixir.").unwrap_or(name))
                    .collect();
                to.add(&Module {
                    version: Word(self.version),
                    module_id: i64::from(*number),
                    module: Word(&known.text()),
                    entity: entity.as_deref(),
                    file: Word(self.path),
                    line: line as i32,
                    end_line: end_line as i32,
                    word: Word(module.kind.word()),
                    kinds: &kinds.join(","),
                    behaviours: &behaviours.join(","),
                    parent_id: self.module_id(module.parent),
                    pre: self.pre(module.node),
                    nid: self.nid_text(&mut nids, module.node).map(Id),
                    content_id: &content.exact.to_string(),
                    alpha_id: &content.alpha.to_string(),
                })?;
            }
        }
        Ok(())
    }

    /// `function`: those of the file.
    pub(super) fn functions(&self, to: &mut Folder) -> Result<(), TablesFault> {
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        for (index, function) in outline.functions.iter().enumerate() {
            let entity = self
                .ids
                .functions
                .get(index)
                .map(|owned| owned.entity.to_string());
            let content = self.contents.functions.get(index).copied().unwrap_or_default();
            let (content_id, alpha_id) = (content.exact.to_string(), content.alpha.to_string());
            let clauses = || {
                let clauses = function.clauses.iter();
                clauses.filter_map(|clause| outline.clauses.get(*clause as usize))
            };
            let lines = clauses().map(|clause| self.source.lines(clause.node));
            let line = lines.clone().map(|(line, _)| line).min();
            let end_line = lines.map(|(_, end_line)| end_line).max();
            let syntax = self.function_id(index as u32);
            let text = self.function_text(index as u32);
            let name = tree.symbols().text(function.name);
            let is_private = function.kind.word().ends_with('p');
            let own = self.listed.functions.get(index).map_or(&[][..], Vec::as_slice);
            let numbers = own.iter().map(|number| Some(*number));
            // A function that the project does not list still has a body.
            for number in numbers.chain(own.is_empty().then_some(None)) {
                let known = number.and_then(|number| self.project.functions().get(number as usize));
                let definition = known.and_then(|known| known.definition.as_ref());
                let module_id = match definition {
                    Some(definition) => Some(i64::from(definition.module)),
                    None => self.module_id(function.module),
                };
                let module = module_id.and_then(|module| self.project.module(module as u32));
                let module = module.map(crate::project::CodeModule::text);
                to.add(&Function {
                    version: Word(self.version),
                    function_id: number.map(i64::from).or(syntax).unwrap_or_default(),
                    module_id,
                    module: module.as_deref().map(Word),
                    function: Word(&text),
                    name: (function.name != Symbol::NONE).then_some(name),
                    arity: i32::from(function.arity),
                    defaults: i32::from(function.defaults),
                    word: Some(Word(function.kind.word())),
                    is_private: Some(is_private),
                    is_callback: Some(definition.is_some_and(|definition| definition.is_callback)),
                    is_damaged: Some(clauses().any(|clause| clause.damaged)),
                    syntax_id: syntax,
                    file: Some(Word(self.path)),
                    line: line.map(|line| line as i32),
                    end_line: end_line.map(|line| line as i32),
                    entity: entity.as_deref(),
                    content_id: Some(&content_id),
                    alpha_id: Some(&alpha_id),
                })?;
            }
        }
        Ok(())
    }

    /// `clause`.
    pub(super) fn clauses(&self, to: &mut Folder) -> Result<(), TablesFault> {
        let mut nids = NidText::default();
        for (index, clause) in self.source.outline.clauses.iter().enumerate() {
            let entity = self.ids.clauses.get(index).map(ToString::to_string);
            let content = self.contents.clauses.get(index).copied().unwrap_or_default();
            let (line, end_line) = self.source.lines(clause.node);
            // What is written first behind the word: the head with its guard.
            let head = self.source.tree.kid(clause.node, 0).unwrap_or(clause.head);
            to.add(&Clause {
                version: Word(self.version),
                clause_id: self.listed.first_clause + index as i64,
                function_id: self.function_id(clause.function).unwrap_or_default(),
                place: clause.index.map(|place| place as i32),
                entity: entity.as_deref(),
                file: Word(self.path),
                line: line as i32,
                end_line: end_line as i32,
                head: cut(self.source.text_of(head)),
                pre: self.pre(clause.node),
                nid: self.nid_text(&mut nids, clause.node).map(Id),
                guard: clause.guard.map(|guard| self.pre(guard)),
                body: clause.body.map(|body| self.pre(body)),
                is_damaged: clause.damaged,
                content_id: &content.exact.to_string(),
                alpha_id: &content.alpha.to_string(),
            })?;
        }
        Ok(())
    }

    /// `entity`.
    pub(super) fn entities(&self, to: &mut Folder) -> Result<(), TablesFault> {
        let (tree, outline, ids) = (&self.source.tree, &self.source.outline, &self.ids);
        let names = qualified_names(self.path, tree, outline);
        let file = ids.file.entity.to_string();
        let module = |module: Option<u32>| {
            let owned = module.and_then(|module| ids.modules.get(module as usize));
            owned.map_or_else(|| file.clone(), |owned| owned.entity.to_string())
        };
        let mut add =
            |entity: &str, kind, name: &str, parent: Option<&str>, node: Option<NodeId>, line, next| {
                to.add(&Entity {
                    version: Word(self.version),
                    entity,
                    kind: Word(word(kind)),
                    name,
                    parent,
                    file: Word(self.path),
                    line,
                    pre: node.map(|node| self.pre(node)),
                    next,
                })
            };
        let next = |next: u32| Some(i64::from(next));
        let line = |node| self.source.lines(node).0 as i32;
        add(
            &file,
            EntityKind::File,
            self.path,
            None,
            None,
            1,
            next(ids.file.next),
        )?;
        for ((owned, name), one) in ids.modules.iter().zip(&names.modules).zip(&outline.modules) {
            let (id, parent) = (owned.entity.to_string(), module(one.parent));
            let at = (Some(one.node), line(one.node), next(owned.next));
            add(&id, EntityKind::Module, name, Some(&parent), at.0, at.1, at.2)?;
        }
        for ((owned, name), one) in ids.functions.iter().zip(&names.functions).zip(&outline.functions) {
            let (id, parent) = (owned.entity.to_string(), module(one.module));
            let first = one
                .clauses
                .first()
                .and_then(|first| outline.clauses.get(*first as usize));
            let at = first.map_or(1, |first| line(first.node));
            add(
                &id,
                EntityKind::Function,
                name,
                Some(&parent),
                None,
                at,
                next(owned.next),
            )?;
        }
        for ((entity, name), one) in ids.clauses.iter().zip(&names.clauses).zip(&outline.clauses) {
            let owner = ids.functions.get(one.function as usize);
            let owner = owner.map(|owner| owner.entity.to_string());
            let (id, at) = (entity.to_string(), line(one.node));
            add(
                &id,
                EntityKind::Clause,
                name,
                owner.as_deref(),
                Some(one.node),
                at,
                None,
            )?;
        }
        for ((entity, (kind, name)), one) in ids
            .attributes
            .iter()
            .zip(&names.attributes)
            .zip(&outline.attributes)
        {
            let (id, parent, at) = (entity.to_string(), module(one.module), line(one.node));
            add(&id, *kind, name, Some(&parent), Some(one.node), at, None)?;
        }
        Ok(())
    }
}

fn word(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Project => "project",
        EntityKind::File => "file",
        EntityKind::Module => "module",
        EntityKind::Function => "function",
        EntityKind::Clause => "clause",
        EntityKind::Attribute => "attribute",
        EntityKind::Type => "type",
        EntityKind::Callback => "callback",
    }
}
