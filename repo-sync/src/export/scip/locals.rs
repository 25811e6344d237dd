//! Local variables: each binding is a symbol of its own, as each rebinding is a variable of its own.

use codegraph::flow::Analyzer;
use codegraph::quoted::NodeId;
use scip::types::SymbolRole;
use scip::types::symbol_information::Kind as SymbolKind;

use super::file::FileIndex;

impl FileIndex<'_> {
    pub(super) fn locals(&mut self) {
        let source = self.source;
        let (tree, outline) = (&source.tree, &source.outline);
        let mut analyzer = Analyzer::new(tree, outline);
        let mut next = 0usize;
        for function in 0..outline.functions.len() as u32 {
            let Some(flow) = analyzer.function(function) else {
                continue;
            };
            let heads: Vec<std::ops::Range<usize>> = outline
                .functions
                .get(function as usize)
                .into_iter()
                .flat_map(|function| &function.clauses)
                .filter_map(|clause| outline.clauses.get(*clause as usize))
                .map(|clause| tree.subtree(clause.head))
                .collect();
            let is_parameter = |node: NodeId| heads.iter().any(|head| head.contains(&node.index()));
            // The symbol of each binding that is written where it is said to be.
            let mut symbols: Vec<Option<String>> = Vec::with_capacity(flow.dfg.bindings.len());
            for binding in &flow.dfg.bindings {
                let name = tree.symbols().text(binding.name);
                let Some(at) = self.exactly(self.span(binding.node), name) else {
                    symbols.push(None);
                    continue;
                };
                let symbol = format!("local {next}");
                next += 1;
                let kind = if is_parameter(binding.node) {
                    SymbolKind::Parameter
                } else {
                    SymbolKind::Variable
                };
                self.define_local(&symbol, at, kind, name);
                symbols.push(Some(symbol));
            }
            for read in &flow.dfg.uses {
                let binding = read.binding.map(|binding| binding as usize);
                let Some(symbol) = binding.and_then(|binding| symbols.get(binding)?.clone()) else {
                    continue;
                };
                let name = tree.text(read.node);
                if let Some(at) = self.exactly(self.span(read.node), name) {
                    self.refer(symbol, at, SymbolRole::ReadAccess);
                }
            }
        }
    }
}
