//! What the grammar misreads is right in published documents too: they are made of the same reading as quoted forms.

use crate::support::Text;

const SOURCE: &str = r##"defmodule Shop.Misread do
  def clauses(x, list) do
    case x do
      :a ->
        b = x
        b
      invalid -> Enum.slice(list, invalid..-1)
    end
  end

  def holes(x) do
    "#{first(x)
    second(x)} and #{y = x; third("#{y; fourth(y)}")}"
  end

  def access(list), do: list[a: sum(1, n..-2)]

  def sigil, do: ~S[\\]

  def last(x), do: x
end
"##;

fn kinds_of(text: &Text, written: &str) -> Vec<String> {
    let document = &text.document;
    let spans = document
        .nodes
        .iter()
        .filter(|node| text.source.get(node.start_byte as usize..node.end_byte as usize) == Some(written));
    spans
        .map(|node| document.kinds[node.kind as usize].clone())
        .collect()
}

/// Scenario: a clause that begins with `in`, a range to `-1` as an argument, several expressions in a hole (also one inside
/// another), keywords in access, a sigil that ends behind backslashes. Guarantee: the document has no error; each piece
/// is a node of its own kind at its own bytes, with an anchor; parents hold their children, and the functions behind are
/// whole.
#[test]
fn misread_places_are_right_in_documents() {
    let text = Text::new(SOURCE);
    let document = &text.document;
    assert_eq!(document.errors, Vec::<u32>::new());
    assert_eq!(
        text.functions(),
        [
            "Elixir.Shop.Misread.clauses/2 def 1",
            "Elixir.Shop.Misread.holes/1 def 1",
            "Elixir.Shop.Misread.access/1 def 1",
            "Elixir.Shop.Misread.sigil/0 def 1",
            "Elixir.Shop.Misread.last/1 def 1",
        ]
    );
    let call = ["call".to_owned()];
    for written in [
        "Enum.slice(list, invalid..-1)",
        "first(x)",
        "second(x)",
        "third(\"#{y; fourth(y)}\")",
        "fourth(y)",
        "sum(1, n..-2)",
    ] {
        assert_eq!(kinds_of(&text, written), call, "{written}");
    }
    assert_eq!(kinds_of(&text, "invalid..-1"), ["binary_operator"]);
    assert_eq!(kinds_of(&text, "y = x"), ["binary_operator"]);
    assert_eq!(kinds_of(&text, "a: sum(1, n..-2)"), ["keywords", "pair"]);
    for token in ["invalid", "second", "third", "fourth", "sum"] {
        let at = SOURCE.find(token).unwrap() as u32;
        let anchor = document.anchors.iter().find(|anchor| anchor.start_byte == at);
        assert_eq!(
            anchor.map(|anchor| anchor.end_byte),
            Some(at + token.len() as u32),
            "{token}"
        );
    }
    for node in &document.nodes {
        if let Some(parent) = document.nodes.get(node.parent as usize) {
            assert!(parent.start_byte <= node.start_byte && node.end_byte <= parent.end_byte);
        }
    }
}
