defmodule ElixirScope.Instrument.EndToEndTest do
  @moduledoc """
  Instrumented modules with the real probe: from a call in a trace to the events at the agent, each with
  the parent that the source shows.
  """
  use ExUnit.Case, async: false

  alias ElixirScope.Test.{Agent, Fixture}
  alias ElixirScope.{Instrument, ModuleVersion, SiteTable}

  @text """
  defmodule Traced.Server do
    use GenServer
    def start_link(level), do: GenServer.start_link(__MODULE__, level)
    def take(pid, number), do: GenServer.call(pid, {:take, number})

    @impl true
    def init(level), do: {:ok, level}

    @impl true
    def handle_call({:take, number}, _from, level) do
      case enough?(number, level) do
        true -> {:reply, :ok, level - number}
        false -> {:reply, {:error, :insufficient_stock}, level}
      end
    end

    defp enough?(number, level), do: number <= level
  end

  defmodule Traced do
    def order(pid, number) do
      first = leaf(1)
      second = outer(inner(number))
      task = Task.async(fn -> in_task(second) end)
      Task.await(task)
      result = Traced.Server.take(pid, number)
      decide(result, first)
    end

    def inner(x), do: leaf(x)
    def outer(x), do: leaf(x) + 1
    def in_task(x), do: leaf(x)
    def leaf(x), do: {:leaf, x} |> elem(1)

    def decide(result, _first) do
      if result == :ok, do: :done, else: divide(nil)
    rescue
      _ in ArithmeticError -> :bad_arithmetic
    end

    def divide(by), do: 10 / by
  end
  """

  setup_all do
    Application.ensure_all_started(:elixir_scope)
    %{beams: Fixture.compile(@text)}
  end

  setup %{beams: beams} do
    :seq_trace.set_token([])
    path = Agent.path()
    Application.put_env(:elixir_scope, :socket, path)
    agent = start_supervised!({Agent, path: path})
    on_exit(fn -> for {module, beam} <- beams, do: Fixture.load(module, beam) end)
    %{agent: agent}
  end

  test "each call has the parent that the source shows, in its process and across processes", context do
    tables = load(context, [])
    {:ok, pid} = Traced.Server |> apply(:start_link, [5])

    {result, trace} =
      ElixirScope.trace("order", fn ->
        {apply(Traced, :order, [pid, 3]), ElixirScope.current_trace()}
      end)

    assert result == :done
    events = wait(context.agent, trace, &Enum.any?(&1, fn event -> event.kind == :root_end end))
    calls = for event <- events, event.kind in [:call, :fn, :callback], do: event
    names = Map.new(calls, &{&1.id, name(&1, tables)})
    edges = for event <- calls, do: {names[event.parent], name(event, tables)}

    assert edges == [
             {nil, "order"},
             {"order", "leaf"},
             {"order", "inner"},
             {"inner", "leaf"},
             {"order", "outer"},
             {"outer", "leaf"},
             {"order", "fn in order"},
             {"fn in order", "in_task"},
             {"in_task", "leaf"},
             {"order", "take"},
             {"take", "handle_call"},
             {"handle_call", "enough?"},
             {"order", "decide"}
           ]
  end

  test "the failing branch, its exception and its values are told", context do
    tables = load(context, values: true)
    {:ok, pid} = Traced.Server |> apply(:start_link, [5])

    {result, trace} =
      ElixirScope.trace("order", fn ->
        {apply(Traced, :order, [pid, 10]), ElixirScope.current_trace()}
      end)

    assert result == :bad_arithmetic
    events = wait(context.agent, trace, &Enum.any?(&1, fn event -> event.kind == :root_end end))
    kinds = for event <- events, name(event, tables) == "decide", do: event.kind
    assert :exception in kinds
    assert Enum.any?(events, &(&1.kind == :value and name(&1, tables) == "divide"))
  end

  test "outside a trace nothing is recorded, and switched off nothing is", context do
    tables = load(context, [])
    {:ok, pid} = Traced.Server |> apply(:start_link, [5])
    before = length(Agent.events(context.agent))
    assert apply(Traced, :order, [pid, 1]) == :done
    assert :erlang.get(:"$elixir_scope") == :undefined
    trace = ElixirScope.trace("marker", fn -> ElixirScope.current_trace() end)
    ended? = &(&1.kind == :root_end and &1.trace == trace)
    # What earlier tests left in the buffer may come along.
    events = Agent.wait(context.agent, fn events -> Enum.any?(events, ended?) end)

    traced = for event <- Enum.drop(events, before), is_map_key(tables, event.key), do: event
    assert traced == []
  end

  defp load(%{beams: beams}, options) do
    for {module, beam} <- beams, into: %{} do
      options = [source: @text, source_state: :hashed_by_build] ++ options
      {:ok, instrumented, table} = Instrument.rewrite(beam, options)
      Fixture.load(module, instrumented)
      {ModuleVersion.key(table.module_version), table}
    end
  end

  defp wait(agent, trace, fun) do
    events = Agent.wait(agent, &(&1 |> Enum.filter(fn event -> event.trace == trace end) |> fun.()))
    events |> Enum.filter(&(&1.trace == trace)) |> Enum.sort_by(& &1.hlc)
  end

  defp name(event, tables) do
    with %{} = table <- tables[event.key], {:ok, site} <- SiteTable.site(table, event.site) do
      name = Enum.at(table.functions, site.function).name
      if site.kind == :fn, do: "fn in #{name}", else: name
    else
      _other -> nil
    end
  end
end
