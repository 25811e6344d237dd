defmodule ElixirScope.FirstPathTest do
  @moduledoc "One trace, from `ElixirScope.trace/2` to the bytes on the agent's socket."
  use ExUnit.Case, async: false
  alias ElixirScope.Probe
  alias ElixirScope.Test.Agent

  setup do
    # The runner has the token of the last test's last message.
    :seq_trace.set_token([])
    path = Agent.path()
    Application.put_env(:elixir_scope, :socket, path)
    agent = start_supervised!({Agent, path: path})
    %{agent: agent}
  end

  test "a trace's root, call, return and end arrive with their parents, clocks and classes", %{agent: agent} do
    trace =
      ElixirScope.trace("order", fn ->
        frame = Probe.call(7, 3)
        Probe.branch(7, 4, frame)
        Probe.return(7, 5, frame, {:error, :nil_div})
        ElixirScope.current_trace()
      end)

    events = Agent.wait(agent, fn events -> Enum.count(events, &(&1.trace == trace)) == 5 end)
    events = events |> Enum.filter(&(&1.trace == trace)) |> Enum.sort_by(& &1.hlc)
    assert [root, call, branch, return, root_end] = events
    assert Enum.map(events, & &1.kind) == [:root, :call, :branch, :return, :root_end]
    assert root.payload.name == "order"
    assert call.parent == root.id and branch.parent == call.id and return.parent == call.id
    assert root_end.parent == root.id
    assert {call.site, branch.site, return.site, return.class} == {3, 4, 5, 4}
    assert call.key == 7
    assert Enum.map(events, & &1.ordinal) == Enum.to_list(root.ordinal..(root.ordinal + 4))
    assert ElixirScope.current_trace() == nil
    assert :erlang.seq_trace_info(:label) == []
  end
end
