//! Source text, lowered: any text has a tree, its nodes are in post-order, spans and symbols are inside their bounds. The
//! input is taken as text up to its first byte that is none.

#![no_main]

#[path = "../../repo-sync/src/lower/tests/invariants.rs"]
mod invariants;

use fuzz::{heap, seeds};
use invariants::check;
use repo_sync::lower::Lowerer;

/// A text for each part of the grammar.
const SEEDS: &[&str] = &[
    "defmodule A.B do\n  @x %{a: 1, \"b c\": 2}\n  def f(x, y \\\\ nil) when is_nil(x), do: {x, y}\nend\n",
    "case a do\n  {:ok, [h | t]} -> fn -> h.(t) end\n  _ when not b in c -> 1..2//3\nend\n",
    "try do\n  a[b]\nrescue\n  e in E -> ~r/x\\/#{y}/iu\nafter\n  'c#{d}'\nend\n",
    "x = \"\"\"\n  a\\\n  b #{c} \\u{1F600}\\x41\n  \"\"\"\n",
    "[&f/1 | t] ++ Enum.map(l, &(&1).a) |> g -1, ~S[\\\\], ?\\n, 0xFF_0, 1.5e3\n",
    "%{m | a => b | c}; %S{}; <<a::8, _::binary>>; A.{B, C}; a.\"b c\"(1)(2)\n",
    "\u{732b} = e\u{301}; \"\u{1f468}\u{200d}\u{1f469}\u{937}\u{94d}\u{920}\\#{\"",
];

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(SEEDS.iter().map(|seed| seed.as_bytes().to_vec())),
    |data: &[u8]| {
        let text = match std::str::from_utf8(data) {
            Ok(text) => text,
            Err(fault) => std::str::from_utf8(&data[..fault.valid_up_to()]).unwrap_or_default(),
        };
        let mut lowerer = Lowerer::new().expect("the grammar loads");
        let lowered = heap::within(text.len(), 1024, || lowerer.lower(text));
        check(&lowered.quoted, text);
        for error in &lowered.errors {
            assert!(error.start <= error.end && error.end as usize <= text.len() && error.line > 0);
        }
    }
);
