//! The document's bytes: what is written is read, and nothing else is.

use proptest::prelude::*;

use super::*;

/// A consistent document over a source of ASCII and two-byte letters, from a seed of numbers.
fn document(seed: &[u8]) -> SyntaxDocument {
    let mut document = SyntaxDocument {
        source: SourceHash::of(seed),
        source_bytes: seed.len() as u32 * 4,
        line_starts: (0..=seed.len() as u32 / 3)
            .map(|line| line * 12)
            .take_while(|l| *l <= seed.len() as u32 * 4)
            .collect(),
        kinds: vec!["source".into(), "call".into(), "identifier".into()],
        ..Default::default()
    };
    document.nodes.push(SyntaxNode {
        kind: 0,
        start_byte: 0,
        end_byte: document.source_bytes,
        parent: NONE,
        post: 0,
    });
    let mut open = vec![0u32];
    for (index, byte) in seed.iter().enumerate() {
        open.truncate(1 + *byte as usize % open.len());
        let start_byte = index as u32 * 4;
        let outer = document.nodes[open[open.len() - 1] as usize];
        let parent = if outer.end_byte > start_byte {
            open[open.len() - 1]
        } else {
            0
        };
        let end_byte = (start_byte + 2 + u32::from(*byte)).min(document.nodes[parent as usize].end_byte);
        if parent == 0 {
            open.truncate(1);
        }
        open.push(document.nodes.len() as u32);
        document.nodes.push(SyntaxNode {
            kind: u32::from(*byte) % 3,
            start_byte,
            end_byte,
            parent,
            post: 0,
        });
        let line = start_byte / 12 + 1;
        let column = start_byte % 12 + 1 - u32::from(*byte & 1 == 1 && !start_byte.is_multiple_of(12));
        let role = if byte & 2 == 2 {
            AnchorRole::Head
        } else {
            AnchorRole::Arrow
        };
        let node = u32::from(*byte) % document.nodes.len() as u32;
        document.anchors.push(Anchor {
            line,
            column,
            start_byte,
            end_byte: start_byte + 2,
            node,
            role,
        });
    }
    assert!(document.number_nodes());
    define(&mut document);
    document
}

fn define(document: &mut SyntaxDocument) {
    let mut names = vec!["Elixir.A".to_owned(), "Elixir.B".to_owned()];
    names.truncate(document.nodes.len());
    document.definitions.modules.push(Module {
        names,
        kind: DefinitionKind::Defimpl,
        node: 0,
        parent: NONE,
    });
    let function = Function {
        module: 0,
        name: "+".into(),
        kind: DefinitionKind::Defp,
        arity: 2,
        defaults: 1,
    };
    document.definitions.functions.push(function);
    for node in 0..document.nodes.len() as u32 {
        let head = if document.anchors.is_empty() { NONE } else { 0 };
        let clause = Clause {
            function: 0,
            index: if node == 0 { NONE } else { node },
            node,
            head,
            damaged: node == 1,
        };
        document.definitions.clauses.push(clause);
        document.errors.push(node);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(seed in proptest::collection::vec(any::<u8>(), 0..200)) {
        let document = document(&seed);
        let bytes = document.encode();
        let read = SyntaxDocument::decode(&bytes).unwrap();
        prop_assert_eq!(&read, &document);
        prop_assert_eq!(ContentHash::of(&bytes), read.hash());
    }

    #[test]
    fn a_changed_document_is_read_or_refused_but_never_a_panic(
        seed in proptest::collection::vec(any::<u8>(), 0..60),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = document(&seed).encode();
        prop_assert!(SyntaxDocument::decode(&bytes[..cut.index(bytes.len())]).is_err());
        for (index, value) in changes {
            let len = bytes.len();
            bytes[index.index(len)] = value;
        }
        if let Ok(read) = SyntaxDocument::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes, "one value, one encoding");
            let source = vec![b'a'; read.source_bytes as usize];
            for line in 0..20 {
                for column in 0..14 {
                    let _ = crate::resolve(&read, &source, line, column, "aa", event::SiteKind::Case);
                }
                let _ = crate::resolve_line(&read, &source, line);
            }
        }
    }

    #[test]
    fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = SyntaxDocument::decode(&bytes);
        let marked = [b"ESDC\x01".as_slice(), &bytes].concat();
        let _ = SyntaxDocument::decode(&marked);
    }
}

#[test]
fn postorder_tells_what_is_around_what() {
    let node = |parent| SyntaxNode {
        kind: 0,
        start_byte: 0,
        end_byte: 0,
        parent,
        post: 0,
    };
    let mut document = SyntaxDocument {
        nodes: vec![node(NONE), node(0), node(1), node(0)],
        ..Default::default()
    };
    assert!(document.number_nodes());
    assert_eq!(
        document.nodes.iter().map(|node| node.post).collect::<Vec<_>>(),
        [3, 1, 0, 2]
    );
    assert!(document.is_around(0, 3) && document.is_around(1, 2) && !document.is_around(1, 3));
    document.nodes.push(node(1));
    assert!(!document.number_nodes(), "a child after its parent was closed");
}

#[test]
fn a_newer_document_says_its_version() {
    let mut bytes = document(&[1, 2, 3]).encode();
    bytes[4] = 9;
    let fault = SyntaxDocument::decode(&bytes).unwrap_err().to_string();
    assert_eq!(fault, "version 9 is not known; this program reads version 1");
}

/// Scenario: the root names a parent before the first node. Guarantee: refused, as everything that is never written.
#[test]
fn a_root_with_a_parent_is_refused() {
    let mut document = document(&[]);
    document.definitions = Definitions::default();
    document.anchors.clear();
    document.errors.clear();
    let mut bytes = document.encode();
    // Behind the root's parent: no modules, functions, clauses, anchors, errors.
    let parent = bytes.len() - 6;
    assert_eq!(bytes[parent..], [0; 6]);
    assert_eq!(SyntaxDocument::decode(&bytes), Ok(document));
    bytes[parent] = 1;
    assert!(SyntaxDocument::decode(&bytes).is_err());
}

/// Scenario: a million empty kinds, a million empty names of one module. Guarantee: refused before a text of 24 bytes
/// is made of each byte.
#[test]
fn lists_of_nothing_are_refused() {
    let mut many = document(&[]);
    many.kinds = vec![String::new(); 1 << 20];
    assert!(SyntaxDocument::decode(&many.encode()).is_err());
    many.kinds = vec!["k".into(); (1 << 16) + 1];
    assert!(SyntaxDocument::decode(&many.encode()).is_err());
    let mut many = document(&[]);
    many.definitions.modules[0].names = vec![String::new(); 1 << 20];
    assert!(SyntaxDocument::decode(&many.encode()).is_err());
}
