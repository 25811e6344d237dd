//! The numbers of modules, functions, clauses, nodes and variables in one version.

use codegraph::definitions::Outline;
use codegraph::identity::RepositoryId;
use sha2::{Digest as _, Sha256};

use crate::project::CodeProject;

/// What is numbered through all files.
#[derive(Debug)]
pub(super) struct Numbers {
    // By file: its modules and functions, ascending.
    modules: Vec<Vec<u32>>,
    functions: Vec<Vec<u32>>,
    /// The number of the next function that the project does not list: its name is computed, or it is in no module.
    pub(super) next_function: i64,
    pub(super) next_clause: i64,
    /// Where the next file's nodes begin.
    pub(super) next_node: i64,
    pub(super) next_var: i64,
}

/// The numbers of what one file's outline lists.
#[derive(Debug)]
pub(super) struct Listed {
    /// By module of the outline: its modules in the project; several for `defimpl ..., for: [A, B]`.
    pub(super) modules: Vec<Vec<u32>>,
    /// By function of the outline: its functions in the project, one a name of its module; or none.
    pub(super) functions: Vec<Vec<u32>>,
    /// By function of the outline: the number that its syntax has.
    pub(super) syntax: Vec<i64>,
    /// The number of the file's first clause.
    pub(super) first_clause: i64,
    /// The number of the file's first node.
    pub(super) first_node: i64,
}

impl Numbers {
    pub(super) fn of(project: &CodeProject) -> Self {
        let (mut modules, mut functions) = (
            vec![Vec::new(); project.files().len()],
            vec![Vec::new(); project.files().len()],
        );
        for (index, module) in project.modules().iter().enumerate() {
            if let Some(list) = modules.get_mut(module.file as usize) {
                list.push(index as u32);
            }
        }
        for (index, function) in project.functions().iter().enumerate() {
            let file = function
                .definition
                .as_ref()
                .map(|definition| definition.file as usize);
            if let Some(list) = file.and_then(|file| functions.get_mut(file)) {
                list.push(index as u32);
            }
        }
        Self {
            modules,
            functions,
            next_function: project.functions().len() as i64,
            next_clause: 0,
            next_node: 0,
            next_var: 0,
        }
    }

    /// The project's functions of a file.
    pub(super) fn functions(&self, file: u32) -> &[u32] {
        self.functions.get(file as usize).map_or(&[], Vec::as_slice)
    }

    /// Numbers for a file; `None` if its outline is not the one that the project was made of.
    pub(super) fn listed(
        &mut self,
        project: &CodeProject,
        file: u32,
        outline: &Outline,
        nodes: usize,
    ) -> Option<Listed> {
        let mut left = self.modules.get(file as usize)?.iter().copied();
        let mut modules = Vec::with_capacity(outline.modules.len());
        for module in &outline.modules {
            // A computed name is one module.
            let own: Vec<u32> = left.by_ref().take(module.names.len().max(1)).collect();
            let fits = |(number, name): (&u32, &String)| {
                let known = project.modules().get(*number as usize);
                known.is_some_and(|known| *known.name == **name)
            };
            if own.len() != module.names.len().max(1) || !own.iter().zip(&module.names).all(fits) {
                return None;
            }
            modules.push(own);
        }
        if left.next().is_some() {
            return None;
        }
        let mut functions = vec![Vec::new(); outline.functions.len()];
        for number in self.functions(file) {
            let known = project.functions().get(*number as usize)?;
            let place = known.definition.as_ref()?.in_outline as usize;
            let function = outline.functions.get(place)?;
            if function.arity != known.arity {
                return None;
            }
            functions.get_mut(place)?.push(*number);
        }
        let syntax = functions
            .iter()
            .map(|own: &Vec<u32>| {
                if let Some(first) = own.first() {
                    return i64::from(*first);
                }
                self.next_function += 1;
                self.next_function - 1
            })
            .collect();
        let listed = Listed {
            modules,
            functions,
            syntax,
            first_clause: self.next_clause,
            first_node: self.next_node,
        };
        self.next_clause += outline.clauses.len() as i64;
        self.next_node += nodes as i64;
        Some(listed)
    }
}

/// The repository that minted ids belong to: named by the project, so that two machines mint the same.
pub(super) fn repository(project: &str) -> RepositoryId {
    let hash = Sha256::digest(project.as_bytes());
    RepositoryId(hash.first_chunk::<16>().copied().unwrap_or_default())
}
