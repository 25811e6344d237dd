//! Which definition a comment is about: the function that it stands in or just above of, else the module.

use codegraph::definitions::Outline;
use codegraph::quoted::{NodeId, Quoted};
use search::SEPARATOR;

/// A file's comments: its text, and where they lie in it (`Lowered::comments`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Comments<'a> {
    /// The text.
    pub text: &'a str,
    /// Bytes from `#` to the end of the line, in the order of the text.
    pub places: &'a [(u32, u32)],
}

/// The comments of each function and module of an outline, by their numbers; texts that do not follow one another have a
/// [`SEPARATOR`] between.
#[derive(Debug, Default)]
pub(super) struct Said {
    functions: Vec<String>,
    modules: Vec<String>,
}

impl Said {
    /// Of a function.
    pub(super) fn of_function(&self, index: usize) -> &str {
        self.functions.get(index).map_or("", String::as_str)
    }

    /// Of a module.
    pub(super) fn of_module(&self, index: usize) -> &str {
        self.modules.get(index).map_or("", String::as_str)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Function(usize),
    Module(usize),
}

impl Comments<'_> {
    /// Gives each comment to whom it is about.
    pub(super) fn said(&self, tree: &Quoted, outline: &Outline) -> Said {
        let mut said = Said {
            functions: vec![String::new(); outline.functions.len()],
            modules: vec![String::new(); outline.modules.len()],
        };
        if self.places.is_empty() {
            return said;
        }
        let mut last: Option<(Owner, u32)> = None;
        for (place, owner) in self.places.iter().zip(self.owners(tree, outline)) {
            let Some(owner) = owner else {
                continue;
            };
            let comment = self.between(place.0, place.1).trim_start_matches('#').trim();
            let to = match owner {
                Owner::Function(index) => said.functions.get_mut(index),
                Owner::Module(index) => said.modules.get_mut(index),
            };
            let (Some(to), true) = (to, comment.contains(char::is_alphanumeric)) else {
                continue;
            };
            if !to.is_empty() {
                let goes_on =
                    last.is_some_and(|(of, end)| of == owner && is_next(self.between(end, place.0)));
                to.push(if goes_on { ' ' } else { SEPARATOR });
            }
            to.push_str(comment);
            last = Some((owner, place.1));
        }
        said
    }

    /// The owner of each comment. From the end of the file to its beginning: what is above a definition, without an empty
    /// line between, is about it, also if its attributes stand between.
    fn owners(&self, tree: &Quoted, outline: &Outline) -> Vec<Option<Owner>> {
        let span = |node: NodeId| (tree.node(node).start, tree.node(node).end);
        let clauses = outline.clauses.iter();
        let clauses =
            Nest::of(clauses.map(|clause| (span(clause.node), Owner::Function(clause.function as usize))));
        let modules = outline.modules.iter().zip(0..);
        let modules = Nest::of(modules.map(|(module, index)| (span(module.node), Owner::Module(index))));
        let attributes = outline.attributes.iter();
        let attributes = attributes.map(|attribute| (span(attribute.node), None));
        let defined = clauses.outermost().chain(modules.all());
        let mut below: Vec<((u32, u32), Option<Owner>)> = defined
            .map(|(place, owner)| (place, Some(owner)))
            .chain(attributes.filter(|((start, _), _)| clauses.at(*start).is_none()))
            .collect();
        below.sort_unstable_by_key(|(place, _)| *place);

        let mut next: Option<(Owner, u32)> = None;
        let mut owners = vec![None; self.places.len()];
        for (owner, place) in owners.iter_mut().zip(self.places).rev() {
            while let Some((of, what)) = below.pop_if(|(of, _)| of.0 > place.0) {
                let kept = next.filter(|(_, at)| self.between(of.1, *at).trim().is_empty());
                next = what
                    .or_else(|| kept.map(|(owner, _)| owner))
                    .map(|owner| (owner, of.0));
            }
            // Beside code it is about that.
            let beside = self.code_before(place.0);
            let inside = clauses.at(beside.unwrap_or(place.0));
            let above = next.filter(|(_, at)| {
                inside.is_none() && beside.is_none() && is_next(self.between(place.1, *at))
            });
            if inside.is_none() {
                next = above.map(|(owner, _)| (owner, place.0));
            }
            *owner = inside
                .or_else(|| above.map(|(owner, _)| owner))
                .or_else(|| modules.at(place.0));
        }
        owners
    }

    fn between(&self, start: u32, end: u32) -> &str {
        // What ends behind where the next begins has nothing between that is empty.
        self.text.get(start as usize..end as usize).unwrap_or("?")
    }

    /// The last byte of the code that stands before it on its line.
    fn code_before(&self, start: u32) -> Option<u32> {
        let before = self.between(0, start);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let blanks = line.len() - line.trim_end().len();
        (blanks < line.len()).then(|| start - blanks as u32 - 1)
    }
}

/// Is there nothing but the end of a line?
fn is_next(between: &str) -> bool {
    between.trim().is_empty() && between.matches('\n').count() <= 1
}

/// Spans that lie in one another or apart.
struct Nest {
    // By start; each with the one that it lies in.
    spans: Vec<((u32, u32), Owner, Option<usize>)>,
}

impl Nest {
    fn of(spans: impl Iterator<Item = ((u32, u32), Owner)>) -> Self {
        let mut spans: Vec<_> = spans.map(|(place, owner)| (place, owner, None)).collect();
        spans.sort_by_key(|((start, end), _, _)| (*start, std::cmp::Reverse(*end)));
        let mut open: Vec<(usize, u32)> = Vec::new();
        for (index, ((start, end), _, around)) in spans.iter_mut().enumerate() {
            while open.pop_if(|(_, end)| *end <= *start).is_some() {}
            *around = open.last().map(|(index, _)| *index);
            open.push((index, *end));
        }
        Self { spans }
    }

    fn all(&self) -> impl Iterator<Item = ((u32, u32), Owner)> {
        self.spans.iter().map(|(place, owner, _)| (*place, *owner))
    }

    fn outermost(&self) -> impl Iterator<Item = ((u32, u32), Owner)> {
        let spans = self.spans.iter().filter(|(_, _, around)| around.is_none());
        spans.map(|(place, owner, _)| (*place, *owner))
    }

    /// The innermost around a byte.
    fn at(&self, byte: u32) -> Option<Owner> {
        let before = self.spans.partition_point(|((start, _), _, _)| *start <= byte);
        let mut around = before.checked_sub(1);
        while let Some(((_, end), owner, outer)) = around.and_then(|index| self.spans.get(index)) {
            if byte < *end {
                return Some(*owner);
            }
            around = *outer;
        }
        None
    }
}
