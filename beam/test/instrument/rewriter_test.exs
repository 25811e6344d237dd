defmodule ElixirScope.Instrument.RewriterTest do
  @moduledoc """
  Which sites there are and what the probe is told, construct by construct.
  """
  use ExUnit.Case, async: false

  alias ElixirScope.Test.{Fixture, RecordingProbe}

  doctest ElixirScope.Instrument
  doctest ElixirScope.Instrument.Callbacks
  doctest ElixirScope.Instrument.Calls
  doctest ElixirScope.Instrument.Match
  doctest ElixirScope.Instrument.Options
  doctest ElixirScope.Instrument.Problem
  doctest ElixirScope.Instrument.Selection
  doctest ElixirScope.Instrument.Source
  doctest ElixirScope.Instrument.SourceText
  doctest ElixirScope.Loader
  doctest ElixirScope.Loader.Originals

  test "an untraced call tells the probe nothing; a token alone does" do
    define("def f(x), do: {x, 1}")
    assert RecordingProbe.traced(fn -> Process.delete(:"$elixir_scope") && run(:f, [1]) end) == {{1, 1}, []}

    {result, events} =
      RecordingProbe.traced(fn ->
        Process.delete(:"$elixir_scope")
        :seq_trace.set_token(:label, {:some, :label})
        result = run(:f, [1])
        :seq_trace.set_token([])
        result
      end)

    assert result == {1, 1}
    assert [{:call, 1}, {:return, 2, 1, {1, 1}}] = events
  end

  test "a resume stands before each call but the first, after its arguments" do
    define("""
    def f(x) do
      g(x)
      g(g(x))
      Map.get(%{}, x)
      h(g(1), x)
    end
    def g(x), do: id(x)
    def h(_, _), do: id(2)
    def id(x), do: :erlang.abs(x)
    """)

    {2, events} = RecordingProbe.traced(fn -> run(:f, [1]) end)
    kinds = for event <- events, elem(event, 0) in [:call, :resume], do: kind(event)

    assert kinds == [
             {:call, :f},
             {:call, :g},
             {:call, :id},
             {:resume, :f},
             {:call, :g},
             {:call, :id},
             {:resume, :f},
             {:call, :g},
             {:call, :id},
             {:resume, :f},
             {:call, :g},
             {:call, :id},
             {:resume, :f},
             {:call, :h},
             {:call, :id}
           ]
  end

  test "after a receive its frame is in force, so that what follows belongs to what was received" do
    define("""
    def f do
      x = receive do y -> y end
      id(x)
      id(x)
      {x}
    end
    def id(x), do: :erlang.abs(x)
    """)

    send(self(), 1)
    {{1}, events} = RecordingProbe.traced(fn -> run(:f, []) end)

    assert [
             {:call, call},
             {:receive, arm, call},
             {:resume, arm},
             {:call, _},
             _,
             {:resume, arm},
             {:call, _},
             _,
             {:return, _, arm, {1}}
           ] = events
  end

  test "returns stand where the value is no tail call" do
    define("""
    def f(:literal), do: 1
    def f(:call), do: id(1)
    def f(:operator), do: id(1) + 1
    def f({:case, x}) do
      case x do
        1 -> id(1)
        2 -> :two
      end
    end
    def f({:try, x}) do
      try do
        id(x)
      rescue
        _ -> id(2)
      end
    end
    def f({:with, x}) do
      with {:ok, y} <- x, do: id(y)
    end
    def f({:and, x, y}), do: x and id(y)
    def f({:raise, x}), do: raise(x)
    def id(x), do: x
    """)

    for {argument, returned?} <- [
          {:literal, true},
          {:call, false},
          {:operator, true},
          {{:case, 1}, false},
          {{:case, 2}, true},
          {{:try, 3}, true},
          {{:with, {:ok, 1}}, false},
          {{:with, :none}, true},
          {{:and, true, 1}, false},
          {{:and, false, 1}, true}
        ] do
      {value, events} = RecordingProbe.traced(fn -> run(:f, [argument]) end)
      returns = for {:return, site, _, value} <- events, name(site) == "f", do: value
      assert {argument, returns} == {argument, if(returned?, do: [value], else: [])}
    end
  end

  test "exceptions are told where they are handled" do
    define("""
    def f(function) do
      function.()
    rescue
      _ in ArgumentError -> :argument
      e -> {:other, e.__struct__}
    catch
      :exit, _ -> :exit
      {:value, x} -> x
      kind, value -> {kind, value}
    end
    """)

    for {function, handled, kind, reason} <- [
          {fn -> raise ArgumentError, "x" end, :argument, :error, %ArgumentError{message: "x"}},
          {fn -> raise "y" end, {:other, RuntimeError}, :error, %RuntimeError{message: "y"}},
          {fn -> exit(:over) end, :exit, :exit, :over},
          {fn -> throw({:value, 7}) end, 7, :throw, {:value, 7}},
          {fn -> throw(8) end, {:throw, 8}, :throw, 8}
        ] do
      {result, events} = RecordingProbe.traced(fn -> run(:f, [function]) end)
      assert result == handled
      assert [{:exception, _site, 1, ^kind, ^reason}] = for({:exception, _, _, _, _} = e <- events, do: e)
    end
  end

  test "callbacks of a server tell their message, state and result" do
    define("""
    use GenServer
    def init(argument), do: {:ok, [argument]}
    def handle_call({:push, x}, _from, [_ | _] = state) when is_integer(x), do: {:reply, :ok, [x | state]}
    def handle_call(:pop, from, [top | rest]) do
      GenServer.reply(from, top)
      {:noreply, rest}
    end
    def handle_info(_message, state), do: {:noreply, state}
    def other(x), do: x
    """)

    {_, events} = RecordingProbe.traced(fn -> run(:init, [1]) end)
    assert events == [{:callback, 1, :init, 1, nil}, {:callback_return, 2, 1, {:ok, [1]}, nil}]
    {_, events} = RecordingProbe.traced(fn -> run(:handle_call, [{:push, 2}, :from, [1]]) end)

    assert [
             {:callback, site, :handle_call, {:push, 2}, [1]},
             {:callback_return, _, site, {:reply, :ok, [2, 1]}, [1]}
           ] = events

    assert_raise FunctionClauseError, fn -> run(:handle_call, [{:push, :x}, :from, [1]]) end
    {_, [{:call, _}, {:return, _, _, 3}]} = RecordingProbe.traced(fn -> run(:other, [3]) end)
    assert {:noreply, :state} = run(:handle_info, [:anything, :state])
  end

  test "values are told where they are configured, by the names of the source" do
    text = """
    def f(a, %{key: [b | _]} = whole, {:ok, <<c, _::binary>>}, 5, _ignored) when a > 0 do
      case a do
        d when d > 1 -> Enum.map([1], fn e -> e + b + c + map_size(whole) end)
        _ -> :none
      end
    end
    def g(x), do: {x}
    """

    define(text, values: [:f])
    arguments = [2, %{key: [3]}, {:ok, "x"}, 5, 6]
    {[_], events} = RecordingProbe.traced(fn -> run(:f, arguments) end)

    assert [
             {:call, _, [a: 2, b: 3, whole: %{key: [3]}, "argument 3": {:ok, "x"}, c: ?x]},
             {:branch, _, _, [d: 2]},
             {:fn, _, _, [e: 1]},
             {:return, _, _, _} | _
           ] = events

    assert {{1}, [{:call, _}, {:return, _, _, {1}}]} = RecordingProbe.traced(fn -> run(:g, [1]) end)
  end

  test "an entry begins a trace around its body" do
    define("def f(x), do: g(x)\ndef g(x), do: {:g, x}\ndefp hidden, do: 1\ndef h, do: hidden()",
      entries: [{Rewritten, :f, 1}]
    )

    {{:g, 1}, events} = RecordingProbe.traced(fn -> run(:f, [1]) end)
    assert [{:trace, "Rewritten.f/1", site}, {:call, _}, {:call, _}, {:return, _, _, _}] = events
    assert %{kind: :entry, token: "f", line: 2, column: 5} = site(site)

    table = define("def f(x), do: g(x)\ndefp g(x), do: {:g, x}", entries: ["Rewritten"])
    assert [{_, %{token: "f"}}] = Fixture.sites(table, :entry)

    table = define("use GenServer\ndef init(x), do: {:ok, x}\ndef f(x), do: x", entries: ["Rewritten"])
    assert [{_, %{token: "f"}}] = Fixture.sites(table, :entry)
  end

  test "only the functions asked for, and only calls" do
    table = define("def f(x), do: if(x, do: 1, else: g(x))\ndef g(x), do: x", only: [:f], sites: :calls)
    assert [%{name: "f"}] = table.functions
    assert Enum.map(table.sites, & &1.kind) == [:clause, :return]
  end

  test "what a macro generated is left alone, and macros too" do
    table =
      define("""
      use GenServer
      defstruct [:a]
      def init(x), do: {:ok, x}
      def with_default(a, b \\\\ 1), do: {a, b}
      defmacro twice(x), do: quote(do: unquote(x) * 2)
      defguard small(x) when x < 3
      """)

    assert Enum.map(table.functions, &{&1.name, &1.arity}) |> Enum.sort() == [
             {"init", 1},
             {"with_default", 2}
           ]
  end

  test "a wrong option is an error" do
    %{Rewritten => beam} = Fixture.compile("defmodule Rewritten do\n  def f, do: 1\nend")
    assert ElixirScope.Instrument.rewrite(beam, sites: :none) == {:error, {:invalid_option, :sites, :none}}
    assert ElixirScope.Instrument.rewrite(beam, site: 1) == {:error, {:unknown_option, :site}}
  end

  defp define(body, options \\ []) do
    text = "defmodule Rewritten do\n#{body}\nend\n"
    %{Rewritten => beam} = Fixture.compile(text)
    table = Fixture.load_rewritten(Rewritten, beam, text, options)
    Process.put(:table, table)
    table
  end

  defp run(name, arguments), do: apply(Rewritten, name, arguments)
  defp site(number), do: Enum.at(Process.get(:table).sites, number - 1)

  defp name(number) do
    table = Process.get(:table)
    Enum.at(table.functions, site(number).function).name
  end

  defp kind({:call, site}), do: {:call, String.to_atom(name(site))}
  defp kind({:resume, site}), do: {:resume, String.to_atom(name(site))}
end
