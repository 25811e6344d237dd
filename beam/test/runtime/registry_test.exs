defmodule ElixirScope.RegistryTest do
  @moduledoc "The agent knows which instrumented modules are loaded, in which version, at each moment."
  use ExUnit.Case, async: false
  alias ElixirScope.{Probe, SiteTable, Writer}
  alias ElixirScope.Test.{Agent, Divider, Sites}

  setup do
    :seq_trace.set_token([])
    path = Agent.path()
    Application.put_env(:elixir_scope, :socket, path)
    agent = start_supervised!({Agent, path: path})
    # Not the last test's link.
    wait(fn -> Agent.messages(agent) != [] and Writer.link() == :ready end)
    %{agent: agent}
  end

  # A module that a test makes, so that its object code is at hand.
  defp compile(answer) do
    name = ElixirScope.RegistryTest.Made

    [{^name, beam}] =
      Code.compile_string(
        "defmodule #{inspect(name)} do\n  def answer, do: {:answer, #{answer}}\nend",
        "made.ex"
      )

    {name, beam}
  end

  defp wait(fun, left \\ 600) do
    cond do
      result = fun.() -> result
      left == 0 -> flunk("waited in vain")
      true -> Process.sleep(5) && wait(fun, left - 1)
    end
  end

  defp modules(agent, op, name) do
    for {:modules, ^op, _, list} <- Agent.messages(agent), {version, ^name} <- list, do: version
  end

  test "instrumented: DEFINE, then loaded; removed: removed; a new connection: a snapshot", %{agent: agent} do
    Code.compiler_options(ignore_module_conflict: true, debug_info: true)
    {name, beam} = compile(1)
    text = Atom.to_string(name)
    {:ok, %SiteTable{module_version: version}} = ElixirScope.instrument(name, beam: beam)
    wait(fn -> modules(agent, :loaded, text) == [version] end)

    [table] =
      for {:define, table} <- Agent.messages(agent),
          {:ok, %{module: ^text} = t} <- [SiteTable.decode(table)],
          do: t

    assert table.module_version == version

    Agent.hang_up(agent)
    wait(fn -> version in modules(agent, :snapshot, text) end)
    messages = Agent.messages(agent)
    assert Enum.count(messages, &match?({:hello, _}, &1)) == 2
    # After the second HELLO all tables come again.
    [_ | again] =
      messages
      |> Enum.drop_while(&(not match?({:modules, :loaded, _, _}, &1)))
      |> Enum.drop_while(&(not match?({:hello, _}, &1)))

    assert Enum.any?(again, &match?({:define, _}, &1))

    :ok = ElixirScope.remove(name)
    wait(fn -> modules(agent, :removed, text) == [version] end)
  after
    Code.compiler_options(ignore_module_conflict: false)
  end

  test "callbacks: shape of the message, class of the result, whether the state changed", %{agent: agent} do
    {:ok, table} = ElixirScope.instrument(Divider)
    index = Sites.index(table)
    {:ok, pid} = GenServer.start_link(Divider, 10)

    trace =
      ElixirScope.trace("shapes", fn ->
        5 = GenServer.call(pid, {:divide, 2})
        send(pid, {:special_shape, 1, 2})
        ElixirScope.current_trace()
      end)

    events =
      Agent.wait(agent, fn events ->
        Enum.count(events, &(&1.trace == trace and &1.kind == :callback_return)) == 2
      end)

    mine = events |> Enum.filter(&(&1.trace == trace)) |> Sites.resolve(index) |> Enum.sort_by(& &1.hlc)
    texts = for {:shape, id, text} <- Agent.messages(agent), into: %{}, do: {id, text}
    assert [call, info] = Enum.filter(mine, &(&1.kind == :callback))
    assert texts[call.shape] == "{:divide, _}"
    assert texts[info.shape] == "{:special_shape, _, _}"
    assert [called, informed] = Enum.filter(mine, &(&1.kind == :callback_return))
    assert {called.class, called.state_changed?} == {18, false}
    assert {informed.class, informed.state_changed?} == {19, true}
    assert called.parent == call.id and call.remote?
    GenServer.stop(pid)
    :ok = ElixirScope.remove(Divider)
  end

  test "events of a key that is not known are delivered all the same", %{agent: agent} do
    trace = ElixirScope.trace("unknown", fn -> Probe.call(123_456, 1) && ElixirScope.current_trace() end)
    Agent.wait(agent, fn events -> Enum.any?(events, &(&1.trace == trace and &1.key == 123_456)) end)
  end
end
