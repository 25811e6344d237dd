//! The shapes that every module has.

use super::show;

/// Scenario: a module with a function. Guarantee: nested calls with `do` lists.
#[test]
fn a_module() {
    assert_eq!(
        show("defmodule A.B do\n  def f(x), do: x + 1\nend\n"),
        "{:defmodule, [], [{:__aliases__, [], [:A, :B]}, [{:do, {:def, [], [{:f, [], [{:x, [], nil}]}, \
         [{:do, {:+, [], [{:x, [], nil}, 1]}}]]}}]]}"
    );
}
