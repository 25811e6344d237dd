defmodule ElixirScope.LogEventsTest do
  @moduledoc "Log messages of traced processes: bounded text, the frame's own, never re-entrant, never an error."
  use ExUnit.Case, async: false
  import ExUnit.CaptureLog
  require Logger
  alias ElixirScope.{LogEvents, Probe}
  alias ElixirScope.Test.Agent

  doctest LogEvents

  setup do
    :seq_trace.set_token([])
    path = Agent.path()
    Application.put_env(:elixir_scope, :socket, path)

    on_exit(fn ->
      Application.delete_env(:elixir_scope, :log_untraced)
      LogEvents.attach()
    end)

    %{agent: start_supervised!({Agent, path: path})}
  end

  defp logs(agent, trace) do
    agent
    |> Agent.wait(fn events -> Enum.any?(events, &(&1.trace == trace and &1.kind == :root_end)) end)
    |> Enum.filter(&(&1.trace == trace and &1.kind == :log))
    |> Enum.sort_by(& &1.hlc)
  end

  test "messages of at least the level belong to the frame", %{agent: agent} do
    {{trace, call}, _} =
      with_log(fn ->
        Logger.error("before")

        ElixirScope.trace("logs", fn ->
          {call, _, _} = Probe.call(1, 1)
          Logger.info("too low")
          Logger.warning("stock is low")
          :logger.error("~s has ~p", ["order", %{n: 1, password: "canary-4"}])
          :logger.error(%{what: :report, token: "canary-4"})
          {ElixirScope.current_trace(), call}
        end)
      end)

    events = logs(agent, trace)
    assert ["stock is low", text, report] = Enum.map(events, & &1.payload)
    assert text =~ "order has" and report =~ "what: :report"
    refute text <> report =~ "canary"
    assert Enum.all?(events, &(&1.parent == call))
    refute Enum.any?(Agent.events(agent), &(&1.kind == :log and &1.payload =~ "before"))
  end

  test "long, broken and nested texts are bounded", %{agent: agent} do
    {trace, _} =
      with_log(fn ->
        ElixirScope.trace("long", fn ->
          :logger.error(String.duplicate("\u00e4", 100_000))
          :logger.error("~s", [String.duplicate("b", 100_000)])
          :logger.error(Map.new(1..1000, &{&1, String.duplicate("c", 1000)}))
          :logger.error("~p ~p", [1])
          ElixirScope.current_trace()
        end)
      end)

    events = logs(agent, trace)
    assert length(events) == 4
    assert Enum.all?(events, &(byte_size(&1.payload) <= 1024 and String.valid?(&1.payload)))
    assert [true, _, true, _] = Enum.map(events, & &1.cut?)

    for odd <- [
          {:string, [0x10FFFF, -1, :no, <<255, 255>>, ["x" | "y"]]},
          {:string, Enum.to_list(1..50_000)},
          :odd
        ] do
      {text, _} = LogEvents.text(odd)
      assert String.valid?(text) and byte_size(text) <= 1024
    end
  end

  test "never re-entrant: what is logged while a message is made into an event is left out", %{agent: agent} do
    {trace, _} =
      with_log(fn ->
        ElixirScope.trace("noisy", fn ->
          Process.put(:"$elixir_scope_logging", true)
          Logger.error("from inside")
          Process.delete(:"$elixir_scope_logging")
          Logger.error("from outside")
          ElixirScope.current_trace()
        end)
      end)

    assert [%{payload: "from outside"}] = logs(agent, trace)
  end

  test "with the writer full nothing waits and the events are counted", %{agent: agent} do
    {_, _, _, counters, _, _} = ElixirScope.Ring.runtime()

    {trace, _} =
      with_log(fn ->
        ElixirScope.trace("full", fn ->
          before = ElixirScope.stats()
          :atomics.add(counters, 15, 1_000_000)
          Logger.error("lost")
          :atomics.sub(counters, 15, 1_000_000)
          stats = ElixirScope.stats()
          assert stats.dropped.payload_full == before.dropped.payload_full + 1
          assert stats.emitted == before.emitted + 1
          ElixirScope.current_trace()
        end)
      end)

    assert logs(agent, trace) == []
  end

  test "untraced processes only if configured", %{agent: agent} do
    Application.put_env(:elixir_scope, :log_untraced, true)
    LogEvents.attach()
    with_log(fn -> Logger.error("untraced message") end)

    [event] =
      agent
      |> Agent.wait(fn events -> Enum.any?(events, &(&1.kind == :log)) end)
      |> Enum.filter(&(&1.kind == :log))

    assert event.payload == "untraced message" and event.untraced? and event.parent == 0
  end

  test "the handler never stays away: what raises in it is swallowed" do
    ElixirScope.trace("garbage", fn ->
      assert :ok = LogEvents.log(%{level: :error, msg: :garbage, meta: %{}}, %{})
      assert :ok = LogEvents.log(%{level: :error, msg: {"~p", :no_list}, meta: %{}}, %{})
    end)

    assert {:ok, %{module: LogEvents}} = :logger.get_handler_config(:elixir_scope)
  end
end
