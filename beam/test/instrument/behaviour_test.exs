defmodule ElixirScope.Instrument.BehaviourTest do
  @moduledoc """
  An instrumented module does what the original does: values, exceptions, messages, evaluation order,
  lines in stack traces, tail calls.
  """
  use ExUnit.Case, async: false

  alias ElixirScope.Test.{Fixture, RecordingProbe}

  @moduletag :capture_log

  @calls [
    literal: [],
    argument: [1],
    tuple: [1, 2],
    clauses: [0],
    clauses: [5],
    clauses: [5000],
    clauses: [1.5],
    clauses: [:x],
    on_one_line: [1],
    on_one_line: [2],
    defaults: [1],
    defaults: [1, 9],
    defaults: [1, 9, 8],
    upcase: ["a"],
    pinned: [1, 1],
    pinned: [{:ok, 1}, 1],
    pinned: [[1, 2], 1],
    pinned: [%{key: 1}, 1],
    pinned: [2, 1],
    binaries: [<<2, "abc">>],
    binaries: [<<200>>],
    binaries: ["prefix!"],
    binaries: [""],
    withs: [%{a: 1, c: 5}],
    withs: [%{a: 1, c: 1}],
    withs: [%{a: 1}],
    withs: [%{a: 1, c: :x}],
    withs: [%{a: 1, c: nil}],
    with_alone: [%{a: %{b: 1}}],
    with_alone: [%{a: %{}}],
    with_alone: [%{a: 1}],
    with_alone: [%{}],
    ifs: [1, 2],
    ifs: [nil, {:x, 1}],
    ifs: [3, nil],
    ifs: [nil, nil],
    conds: [1],
    conds: [3],
    conds: [nil],
    conds: [:x],
    booleans: [[1, 2]],
    booleans: [[1, -2]],
    bad_boolean: [true],
    bad_boolean: [false],
    bad_boolean: [:neither],
    comprehension: [[1, 2, 3]],
    reduced: [[1, 2, 3]],
    bytes: ["abc"],
    receives: [1],
    receives_inside: [1],
    only_after: [],
    captures: [[1, 2, 3]],
    nested: [5],
    macros: [4],
    macros: [:x],
    structs: [3],
    keywords: [[a: 1, b: 2]],
    interpolated: [1],
    interpolated: [nil],
    sigils: [1],
    heredoc: [1],
    heredoc: [2],
    after_unicode: [1],
    after_unicode: [nil],
    escaped: [2],
    raises: [3],
    raise_in_argument: [3],
    no_clause: [:only],
    no_clause: [:other],
    no_case: [2],
    generated_a: [1],
    generated_b: [2],
    logged: [1],
    loop: [10, 0]
  ]

  @thrown [
    quote(do: fn -> 1 end),
    quote(do: fn -> 7 end),
    quote(do: fn -> raise ArgumentError end),
    quote(do: fn -> :erlang.error(:badarith) end),
    quote(do: fn -> raise "x" end),
    quote(do: fn -> Map.fetch!(%{}, :gone) end),
    quote(do: fn -> raise MatchError, term: 1 end),
    quote(do: fn -> exit({:shutdown, 1}) end),
    quote(do: fn -> exit(:normal) end),
    quote(do: fn -> throw(:a) end),
    quote(do: fn -> throw(5) end),
    quote(do: fn -> throw({:thrown, 9}) end),
    quote(do: fn -> throw(:uncaught) end)
  ]

  setup_all do
    {text, beams} = Fixture.compile_file("broad.ex")
    %{text: text, beams: beams}
  end

  for options <- [[], [values: true], [sites: :calls], [entries: ["Broad"]]], traced? <- [false, true] do
    test "the same results with #{inspect(options)}, traced: #{traced?}", %{text: text, beams: beams} do
      expected = run_all(beams, text, nil, false)
      results = run_all(beams, text, unquote(options), unquote(traced?))
      assert length(results) == length(expected)
      for {result, before} <- Enum.zip(results, expected), do: assert(result == before)
    end
  end

  test "arguments are evaluated in the same order", %{text: text, beams: beams} do
    for options <- [nil, [], [values: true]] do
      load_all(beams, text, options)
      RecordingProbe.traced(fn -> apply(Broad, :order, [self()]) end)
      assert notes() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    end
  end

  test "messages are sent as before", %{text: text, beams: beams} do
    load_all(beams, text, [])
    {result, events} = RecordingProbe.traced(fn -> apply(Broad, :sends, [self()]) end)
    assert result == :last
    sent = [{:hello, 1}, :piped, :process, {:"$gen_cast", :cast}, 1, :last]
    for message <- sent, do: assert_received(^message)
    to = self()

    assert for({:sent, _site, _frame, ^to, message} <- events, do: message) ==
             [{:hello, 1}, :piped, :process, :cast, 1, :last]
  end

  test "a received message begins a frame of its own", %{text: text, beams: beams} do
    table = load_all(beams, text, [])
    send(self(), {:other, 4})
    {4, events} = RecordingProbe.traced(fn -> apply(Broad, :receives, [1]) end)
    assert [{:call, call}, {:call, _}, {:return, _, _, 5}, {:receive, arm, call}, {:call, _} | _] = events
    assert %{kind: :receive, token: "->"} = Enum.at(table.sites, arm - 1)
  end

  test "tail calls stay tail calls: the stack does not grow with the number of rounds", %{
    text: text,
    beams: beams
  } do
    for traced? <- [false, true], options <- [[], [values: true]] do
      load_all(beams, text, options)

      for name <- [:loop_case, :loop_try, :loop_with, :loop_fn, :loop_receive] do
        run = fn rounds ->
          Task.async(fn ->
            if traced?, do: Process.put(:"$elixir_scope", :traced)
            apply(Broad, name, [rounds])
          end)
          |> Task.await(60_000)
        end

        assert {name, run.(10)} == {name, run.(3_000)}
      end
    end
  end

  test "three million rounds keep the memory of an untraced process constant", %{text: text, beams: beams} do
    load_all(beams, text, [])

    {total, words} =
      Task.async(fn ->
        total = apply(Broad, :loop, [3_000_000, 0])
        true = apply(Broad, :loop_and, [3_000_000])
        {total, elem(Process.info(self(), :total_heap_size), 1)}
      end)
      |> Task.await(60_000)

    assert total == div(3_000_000 * 3_000_001, 2) + 6_000_000
    assert words < 20_000
  end

  test "the generated function answers, and nothing else is new", %{text: text, beams: beams} do
    functions = apply(Broad, :__info__, [:functions])
    table = load_all(beams, text, [])
    {:ok, version} = ElixirScope.ModuleVersion.of(beams[Broad])
    assert apply(Broad, :__elixir_scope__, [:version]) == version
    assert apply(Broad, :__elixir_scope__, [:key]) == ElixirScope.ModuleVersion.key(version)
    assert {:ok, table} == ElixirScope.SiteTable.decode(apply(Broad, :__elixir_scope__, [:sites]))
    assert apply(Broad, :__info__, [:functions]) == functions
  end

  defp run_all(beams, text, options, traced?) do
    load_all(beams, text, options)

    calls =
      for {name, arguments} <- @calls,
          do: {name, arguments, run(fn -> apply(Broad, name, arguments) end, traced?)}

    thrown =
      for quoted <- @thrown, name <- [:tries, :try_plain] do
        {function, _} = Code.eval_quoted(quoted)
        {Macro.to_string(quoted), name, run(fn -> apply(Broad, name, [function]) end, traced?)}
      end

    calls ++ thrown
  end

  defp load_all(beams, _text, nil) do
    for {module, beam} <- beams, do: Fixture.load(module, beam)
  end

  defp load_all(beams, text, options) do
    tables =
      for {module, beam} <- beams, not protocol?(module), into: %{} do
        {module, Fixture.load_rewritten(module, beam, text, options)}
      end

    tables[Broad]
  end

  defp protocol?(module), do: module == Broad.Size

  defp run(function, false), do: outcome(function)
  defp run(function, true), do: function |> then(&RecordingProbe.traced(fn -> outcome(&1) end)) |> elem(0)

  defp outcome(function) do
    {:value, function.()}
  catch
    kind, reason -> {kind, reason, lines(__STACKTRACE__)}
  end

  # Where it was raised. An entry's body is a function of its own, so that names may differ.
  defp lines(stacktrace) do
    for {module, _name, _arity, location} <- Enum.take(stacktrace, 1), do: {module, location[:line]}
  end

  defp notes do
    receive do
      {:note, value} -> [value | notes()]
    after
      0 -> []
    end
  end
end
