//! Templates of each kind, and the modules that they belong to.

use super::{HoleKind, Reason, TemplateFormat, holes, links, template_files};
use crate::lower::Lowerer;

fn texts(format: TemplateFormat, text: &str) -> Vec<(&str, u32, u32)> {
    holes(format, text)
        .into_iter()
        .map(|hole| {
            (
                &text[hole.start as usize..hole.end as usize],
                hole.line,
                hole.column,
            )
        })
        .collect()
}

/// Scenario: EEx with output, statements, comments, a quotation and braces. Guarantee: only Elixir is found, at its place.
#[test]
fn eex() {
    let text = "<%# no %><%% no %>\n<%= a %>{b}\n\u{e9} <% if c do %><%!-- <%= d %> --%>x<% end %>";
    let expected = [("a", 2, 5), ("if c do", 3, 6), ("end", 3, 39)];
    assert_eq!(texts(TemplateFormat::Eex, text), expected);
    let kinds: Vec<HoleKind> = holes(TemplateFormat::Eex, text)
        .iter()
        .map(|hole| hole.kind)
        .collect();
    assert_eq!(
        kinds,
        [HoleKind::Output, HoleKind::Statement, HoleKind::Statement]
    );
}

/// Scenario: HEEx with braces in text and attributes, nested, with quotes in them, in a script and in a comment.
/// Guarantee: the outermost braces, none of the script's or comment's.
#[test]
fn heex() {
    let text = "<.link navigate={~p\"/x/#{@id}\"} class={[\"}\", %{a: 1}]}>{@name}</.link>\n\
                <script>if (a) { b }</script><!-- {c} --><p>{d}</p><% e %>";
    let found: Vec<&str> = texts(TemplateFormat::Heex, text).iter().map(|it| it.0).collect();
    assert_eq!(found, ["~p\"/x/#{@id}\"", "[\"}\", %{a: 1}]", "@name", "d", "e"]);
    assert_eq!(texts(TemplateFormat::Heex, "a {b"), []);
}

/// Scenario: a project with a component, a view, a LiveView, a compiled file and one that nobody names. Guarantee: the
/// links that the sources say.
#[test]
fn modules() {
    let templates: Vec<String> = [
        "lib/w/controllers/page_html/home.html.heex",
        "lib/w/live/cart_live.html.heex",
        "lib/w/templates/page/index.html.eex",
        "priv/templates/mail.eex",
        "lib/w/other/lost.html.heex",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut lowerer = Lowerer::new().unwrap();
    let mut source = |path: &str, text: &str| (path.to_owned(), lowerer.lower(text).quoted);
    let sources = [
        source(
            "lib/w/controllers/page_html.ex",
            "defmodule W.PageHTML do\n  embed_templates \"page_html/*\"\nend",
        ),
        source("lib/w/live/cart_live.ex", "defmodule W.CartLive do\nend"),
        source("lib/w/views/page_view.ex", "defmodule W.PageView do\nend"),
        source(
            "lib/mail.ex",
            "defmodule Mail do\n  defmodule Text do\n    EEx.function_from_file(:def, :t, \"priv/templates/mail.eex\")\n  end\nend",
        ),
    ];
    let found: Vec<(String, String, Reason)> = links(&templates, &sources)
        .into_iter()
        .map(|link| (link.template, link.module, link.reason))
        .collect();
    let link =
        |template: usize, module: &str, reason| (templates[template].clone(), module.to_owned(), reason);
    assert_eq!(
        found,
        [
            link(0, "W.PageHTML", Reason::EmbedTemplates),
            link(1, "W.CartLive", Reason::SameName),
            link(2, "W.PageView", Reason::View),
            link(3, "Mail.Text", Reason::FunctionFromFile),
        ]
    );
}

/// Scenario: a folder with templates, sources, a hidden folder and built files. Guarantee: the templates, by path.
#[test]
fn files() {
    let root = tempfile::tempdir().unwrap();
    for path in [
        "lib/w/b.html.heex",
        "lib/a.eex",
        "lib/x.ex",
        "lib/.hidden/c.eex",
        "apps/s/lib/d.leex",
        "lib/deps/e.eex",
    ] {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    assert_eq!(
        template_files(root.path()).unwrap(),
        ["apps/s/lib/d.leex", "lib/a.eex", "lib/w/b.html.heex"]
    );
}

proptest::proptest! {
    /// Scenario: arbitrary text with delimiters in it. Guarantee: expressions are in order and inside the text.
    #[test]
    fn any_text_has_holes_in_order(text in "(<%=?|%>|<%!--|--%>|[{}\"'\\\\\n]|<script|</script|\\PC){0,40}") {
        for format in [TemplateFormat::Eex, TemplateFormat::Heex] {
            let mut last = 0;
            for hole in holes(format, &text) {
                proptest::prop_assert!(last <= hole.start && hole.start <= hole.end);
                proptest::prop_assert!(text.get(hole.start as usize..hole.end as usize).is_some());
                proptest::prop_assert!(hole.line >= 1 && hole.column >= 1);
                last = hole.end;
            }
        }
    }
}
