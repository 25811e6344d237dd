//! A project with cases that the reference query must find, and cases that it must not.

#![expect(clippy::expect_used, reason = "without a folder there is no test")]

use std::path::Path;

/// The source: functions whose name ends in `_found` are to be found.
const SOURCE: &str = r#"defmodule Planted do
  def four_found(x) do
    x = x + 1
    x = x * 2
    x = abs(x)
    case x do
      0 -> raise "inside four"
      _ -> x
    end
  end

  def three(x) do
    x = x + 1
    x = x * 2
    case x do
      0 -> raise "inside three"
      _ -> x
    end
  end

  def piped_found(y) do
    y = y + 1
    y = y + 2
    y = y + 3
    y |> case do
      0 -> raise "inside piped"
      _ -> y
    end
  end

  def clauses(:a = z), do: z
  def clauses(:b = z), do: z
  def clauses(:c = z), do: z
  def clauses(z) do
    case z do
      :d -> raise "inside clauses"
      _ -> z
    end
  end

  def other(a, b) do
    b = b + 1
    b = b + 2
    b = b + 3
    case a do
      0 -> raise "inside other"
      _ -> b
    end
  end

  def computed(x) do
    x = x + 1
    x = x + 2
    x = x + 3
    case abs(x) do
      0 -> raise "inside computed"
      _ -> x
    end
  end

  def outside(x) do
    x = x + 1
    x = x + 2
    x = x + 3
    result =
      case x do
        0 -> :zero
        _ -> :other
      end
    raise "behind outside_found"
    result
  end

  def argument(x) do
    x = x + 1
    x = x + 2
    x = x + 3
    abs(x)
    case foo(x) do
      0 -> raise "inside argument"
      _ -> x
    end
  end

  def closure_found(list, n) do
    n = n + 1
    n = n + 2
    n = n + 3
    Enum.map(list, fn item ->
      case n do
        0 -> raise "inside closure"
        _ -> item
      end
    end)
  end

  def nested_found(m) do
    m = m + 1
    m = m + 2
    m = m + 3
    case m do
      0 ->
        if m == 0 do
          raise "inside nested"
        end
      _ -> raise "other arm of nested"
    end
  end

  defp foo(x), do: x
end
"#;

/// Functions whose case is to be found; `outside/1` has one too, without an error inside.
pub(crate) const FOUND: &[&str] = &[
    "closure_found/2",
    "four_found/1",
    "nested_found/1",
    "outside/1",
    "piped_found/1",
];

/// Errors that are inside of one.
pub(crate) const RAISED: &[&str] = &[
    "inside closure",
    "inside four",
    "inside nested",
    "inside piped",
    "other arm of nested",
];

/// Each `raise` of the source once went off: an event table made of the syntax.
pub(crate) const ERRORS: &str = "CREATE TABLE error_event AS \
    SELECT 't' || n.pre AS trace_id, 'shop@host' AS node, n.pre AS hlc, n.version, n.nid, 'error' AS kind, m.text AS message, \
    now() AS time \
    FROM ast_node n JOIN ast_node m ON m.parent = n.pre AND m.kind = 'string' WHERE n.kind = 'raise'";

/// Writes the project.
pub(crate) fn write(root: &Path) {
    let mix = "defmodule Planted.MixProject do\n  def project, do: [app: :planted]\nend\n";
    std::fs::create_dir_all(root.join("lib")).expect("a folder");
    std::fs::write(root.join("mix.exs"), mix).expect("mix.exs");
    std::fs::write(root.join("lib/planted.ex"), SOURCE).expect("a source");
}
