//! A source file's syntax document, and finding places with it.

#![no_main]

use codegraph::{
    Anchor, AnchorRole, Clause, DefinitionKind, Function, Module, NONE, Precision, SourceHash,
    SyntaxDocument, SyntaxNode, resolve, resolve_line,
};
use event::SiteKind;
use fuzz::{heap, seeds};

/// A chain of calls over lines of twelve bytes, a module and a function around them.
fn document(calls: u32) -> Vec<u8> {
    let source_bytes = calls * 4 + 4;
    let node = |kind, start_byte, end_byte, parent| SyntaxNode {
        kind,
        start_byte,
        end_byte,
        parent,
        post: 0,
    };
    let mut document = SyntaxDocument {
        source: SourceHash::of(&calls.to_le_bytes()),
        source_bytes,
        line_starts: (0..=source_bytes / 12).map(|line| line * 12).collect(),
        kinds: vec!["source".into(), "call".into(), "identifier".into()],
        nodes: vec![node(0, 0, source_bytes, NONE)],
        ..Default::default()
    };
    for n in 0..calls {
        let parent = if n % 4 == 0 { 0 } else { n };
        document.nodes.push(node(1 + n % 2, n * 4, source_bytes, parent));
        document.anchors.push(Anchor {
            line: n * 4 / 12 + 1,
            column: n * 4 % 12 + 1,
            start_byte: n * 4,
            end_byte: n * 4 + 3,
            node: n + 1,
            role: if n % 2 == 0 {
                AnchorRole::Call
            } else {
                AnchorRole::Arrow
            },
        });
    }
    assert!(document.number_nodes());
    document.definitions.modules.push(Module {
        names: vec!["Elixir.A".into(), "Elixir.B".into()],
        kind: DefinitionKind::Defimpl,
        node: 0,
        parent: NONE,
    });
    document.definitions.functions.push(Function {
        module: 0,
        name: "+".into(),
        kind: DefinitionKind::Defp,
        arity: 2,
        defaults: 1,
    });
    document.definitions.clauses = (0..calls.min(3))
        .map(|n| Clause {
            function: 0,
            index: if n == 0 { NONE } else { n },
            node: n,
            head: n,
            damaged: n == 1,
        })
        .collect();
    document.errors = (0..calls).step_by(5).collect();
    document.encode()
}

/// A site whose token is an anchor's is found there and nowhere else.
fn check_place(document: &SyntaxDocument, source: &[u8], anchor: &Anchor) {
    let bytes = &source[anchor.start_byte as usize..anchor.end_byte as usize];
    let Ok(token) = std::str::from_utf8(bytes) else {
        return;
    };
    let place = resolve(
        document,
        source,
        anchor.line,
        anchor.column,
        token,
        SiteKind::Send,
    );
    let place = place.expect("the token is there");
    assert_eq!(place.token_bytes, (anchor.start_byte, anchor.end_byte));
    assert_eq!((place.node, place.precision), (anchor.node, Precision::Exact));
}

libfuzzer_sys::fuzz_target!(init: seeds::plant([1, 4, 40, 200].map(document)), |data: &[u8]| {
    let Ok(document) = heap::within(data.len(), 32, || SyntaxDocument::decode(data)) else {
        return;
    };
    assert_eq!(document.encode(), data);
    if document.source_bytes > 64 << 10 {
        return;
    }
    let source: Vec<u8> = data.iter().copied().cycle().take(document.source_bytes as usize).collect();
    for line in 0..document.line_starts.len().min(50) as u32 + 2 {
        assert!(document.line(line).iter().all(|anchor| anchor.line == line));
        let _ = resolve_line(&document, &source, line);
        let _ = resolve(&document, &source, line, 0, "a", SiteKind::Send);
        for anchor in document.line(line).iter().take(20) {
            check_place(&document, &source, anchor);
        }
    }
    for anchor in document.anchors.iter().take(50) {
        assert!(document.ancestry(anchor.node).all(|outer| document.is_around(outer, anchor.node)));
        let _ = (document.kind(anchor.node), document.definitions.clause_at(anchor.node));
    }
    for function in document.definitions.functions.iter().take(20) {
        let _ = document.definitions.find("Elixir.A", &function.name, function.arity).count();
    }
});
