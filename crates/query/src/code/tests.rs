//! Sources that are right, and sources that are not what they claim.

use codegraph::{Anchor, AnchorRole, NONE, SyntaxNode};
use event::ModuleVersion;
use wire::site_table::{Function, FunctionKind, SourceState};

use super::*;

const TEXT: &[u8] = b"stock\n";
const MODULE: ModuleVersion = ModuleVersion(1 << 100);

/// One module version, whose only site is the variable at the start of `source`; one file, whatever is asked for.
struct Published {
    source: SourceHash,
    file: Option<(Vec<u8>, Vec<u8>)>,
}

impl CodeBlobs for Published {
    fn site_table(&self, _: ModuleKey) -> Option<Vec<u8>> {
        let table = SiteTable {
            version: MODULE,
            md5: [0; 16],
            source: self.source.0,
            source_state: SourceState::Build,
            module: "Elixir.Shop.Stock".to_owned(),
            file: "lib/stock.ex".to_owned(),
            application: String::new(),
            functions: vec![Function {
                name: "reserve".to_owned(),
                arity: 2,
                kind: FunctionKind::Def,
            }],
            sites: vec![Site {
                kind: SiteKind::Variable,
                flags: 0,
                function: 0,
                clause: 0,
                line: 1,
                column: 1,
                token: "stock".to_owned(),
            }],
        };
        Some(table.encode())
    }
    fn module_keys(&self) -> Vec<ModuleKey> {
        vec![MODULE.key()]
    }
    fn file(&self, _: SourceHash) -> Option<(Vec<u8>, Vec<u8>)> {
        self.file.clone()
    }
}

/// What a parser says of [`TEXT`], or would of another text of this length.
fn document(text: &[u8]) -> Vec<u8> {
    let node = |kind, end_byte, parent| SyntaxNode {
        kind,
        start_byte: 0,
        end_byte,
        parent,
        post: 0,
    };
    let mut document = SyntaxDocument {
        source: SourceHash::of(text),
        source_bytes: text.len() as u32,
        line_starts: vec![0],
        kinds: vec!["source".to_owned(), "identifier".to_owned()],
        nodes: vec![node(0, 6, NONE), node(1, 5, 0)],
        anchors: vec![Anchor {
            line: 1,
            column: 1,
            start_byte: 0,
            end_byte: 5,
            node: 1,
            role: AnchorRole::Identifier,
        }],
        ..Default::default()
    };
    assert!(document.number_nodes());
    document.encode()
}

/// Where the only site is, of a module compiled from `source`, when `file` is what is published under that hash.
fn place(source: SourceHash, file: Option<(&[u8], Vec<u8>)>) -> Place {
    let file = file.map(|(text, document)| (text.to_vec(), document));
    let index = CodeIndex::new(Arc::new(Published { source, file }));
    let site = index.site(MODULE.key(), SiteId(1)).unwrap();
    assert_eq!(site.mfa(), "Shop.Stock.reserve/2");
    site.place
}

/// Scenario: the file that the module was compiled from. Guarantee: its line and node.
#[test]
fn a_published_source_is_found() {
    let place = place(SourceHash::of(TEXT), Some((TEXT, document(TEXT))));
    assert_eq!((place.unmapped, place.source_line.as_str()), (None, "stock"));
    assert_eq!(place.node, Some((0, 5)));
    assert_eq!(place.source, SourceHash::of(TEXT).to_string());
}

/// Scenario: a document of another text of the same length, a text that is not the document's, both of another source than
/// asked for, a document that is none, no file, no hash. Guarantee: each is refused, and the place says why.
#[test]
fn a_document_that_does_not_describe_its_source_is_refused() {
    let (asked, other): (_, &[u8]) = (SourceHash::of(TEXT), b"stack\n");
    let cases = [
        (asked, Some((TEXT, document(other))), "describes another text"),
        (asked, Some((other, document(TEXT))), "describes another text"),
        (asked, Some((other, document(other))), "describes another text"),
        (asked, Some((TEXT, b"junk".to_vec())), "is malformed"),
        (asked, None, "is not published"),
        (SourceHash::default(), None, "does not say which source"),
    ];
    for (source, file, reason) in cases {
        let place = place(source, file);
        let why = place.unmapped.unwrap();
        assert!(why.contains(reason), "{why}");
        assert!(
            !source.is_known() || why.contains(&asked.to_string()[..12]),
            "{why}"
        );
        assert_eq!((place.node, place.source_line.as_str()), (None, ""));
        assert_eq!((place.line, place.token.as_str()), (1, "stock"));
    }
}
