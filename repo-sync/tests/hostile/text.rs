//! Files whose text is not what Elixir takes, or hardly.

use super::{found, project, write};

/// Scenario: bytes that are not UTF-8, a byte order mark. Guarantee: one fault each, which says where and why.
#[test]
fn texts_that_elixir_refuses() {
    let root = project();
    write(root.path(), "lib/bytes.ex", b"x = \"\xff\"");
    write(root.path(), "lib/late.ex", b"defmodule Late do\nend\n# \xc3(");
    write(root.path(), "lib/mark.ex", "\u{feff}defmodule Mark do\nend\n");
    write(root.path(), "lib/utf16.ex", b"\xff\xfed\0e\0f\0");
    let found = found(root.path());
    assert_eq!(
        found.faults,
        [
            "lib/bytes.ex: not UTF-8 at byte 5",
            "lib/late.ex: not UTF-8 at byte 24",
            "lib/mark.ex: the file begins with a byte order mark, which Elixir does not accept",
            "lib/utf16.ex: not UTF-8 at byte 0",
        ]
    );
    assert_eq!(found.paths, ["lib/good.ex"]);
}

/// Scenario: line ends of Windows, an empty file, only comments, only blank lines; a NUL byte in a string, which
/// Elixir takes. Guarantee: all are files of the project, without a fault.
#[test]
fn texts_that_are_unusual() {
    let root = project();
    write(root.path(), "lib/comments.ex", "# nothing\n  # here\n");
    write(
        root.path(),
        "lib/crlf.ex",
        "defmodule Crlf do\r\n  def g, do: \"\"\"\r\n  a\r\n  \"\"\"\r\nend\r\n",
    );
    write(root.path(), "lib/empty.ex", "");
    write(root.path(), "lib/lines.ex", "\n\n\r\n\n");
    write(root.path(), "lib/nul.ex", "x = \"\0\"\n");
    let found = found(root.path());
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!(found.paths.len(), 6);
}

/// Scenario: a syntax error in one of two functions. Guarantee: the file is there, and its fault says how many errors, on
/// which line, and how much is touched.
#[test]
fn a_text_with_an_error_is_indexed_around_it() {
    let root = project();
    write(
        root.path(),
        "lib/half.ex",
        "defmodule Half do\n  def whole(a), do: a\n\n  def broken(a), do: a + )\nend\n",
    );
    let found = super::indexed(root.path(), &mut || {});
    assert_eq!(found.paths, ["lib/good.ex", "lib/half.ex"]);
    let [fault] = found.faults.as_slice() else {
        panic!("{found:?}");
    };
    assert!(
        fault.starts_with("lib/half.ex: 1 syntax errors, the first at line 4; "),
        "{fault}"
    );
    let opened = super::opened(root.path(), &|| {});
    assert_eq!(opened.paths, found.paths);
    assert!(
        matches!(opened.faults.as_slice(), [fault] if fault.starts_with("lib/half.ex: 1 syntax errors, the first at line 4")),
        "{opened:?}"
    );
}
