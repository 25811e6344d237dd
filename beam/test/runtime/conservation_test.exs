defmodule ElixirScope.ConservationTest do
  @moduledoc """
  `emitted = stored + buffered + in rings + sum(dropped)`: with the agent there, absent, silent, restarting;
  each event within 100 ms; off means off.
  """
  use ExUnit.Case, async: false
  alias ElixirScope.{Probe, Writer}
  alias ElixirScope.Test.Agent

  setup do
    # The runner has the token of the last test's last message.
    :seq_trace.set_token([])
    path = Agent.path()
    Application.put_env(:elixir_scope, :socket, path)
    # The last test's agent is gone: its link is noticed before this one begins.
    wait_until(fn -> Writer.link() == :down end)
    on_exit(fn -> ElixirScope.on() end)
    %{path: path}
  end

  defp agent(path, opts \\ []), do: start_supervised!({Agent, [path: path] ++ opts}, id: make_ref())

  defp emit(n) do
    ElixirScope.trace("emit", fn ->
      frame = Probe.call(1, 1)
      for _ <- 1..n//1, do: Probe.branch(1, 2, frame)
      ElixirScope.current_trace()
    end)
  end

  defp assert_conserved do
    wait_until(fn -> ElixirScope.stats().in_rings == 0 end)
    stats = ElixirScope.stats()

    assert stats.emitted ==
             stats.stored + stats.buffered + stats.in_rings + Enum.sum(Map.values(stats.dropped)),
           inspect(stats)

    stats
  end

  # An event is in a ring, then buffered, then stored: both must be empty, read in this order.
  defp handed_over? do
    %{in_rings: in_rings} = ElixirScope.stats()
    in_rings == 0 and ElixirScope.stats().buffered == 0
  end

  defp wait_until(fun, left \\ 1000) do
    cond do
      fun.() -> :ok
      left == 0 -> flunk("waited in vain: #{inspect(ElixirScope.stats())}")
      true -> Process.sleep(5) && wait_until(fun, left - 1)
    end
  end

  test "with an agent, everything is stored", %{path: path} do
    agent = agent(path)
    before = ElixirScope.stats()
    trace = emit(20_000)
    wait_until(&handed_over?/0)
    stats = assert_conserved()
    full = stats.dropped.ring_full - before.dropped.ring_full
    # root, call, root_end
    assert Enum.count(Agent.events(agent), &(&1.trace == trace)) == 20_003 - full
  end

  test "without an agent: a full buffer, then agent_absent, then all that was kept arrives", %{path: path} do
    Application.put_env(:elixir_scope, :resend_bytes_max, 200_000)
    restart_writer()
    before = ElixirScope.stats()
    for _ <- 1..10, do: emit(1000) && Writer.flush()
    stats = assert_conserved()
    dropped = stats.dropped.agent_absent - before.dropped.agent_absent
    assert dropped > 0
    assert stats.buffered > 0
    # What can be kept is kept: nothing is gained by more traces.
    wait_until(fn -> ElixirScope.trace("unseen", &ElixirScope.current_trace/0) == nil end)
    agent = agent(path)
    wait_until(&handed_over?/0)
    wait_until(fn -> ElixirScope.trace("seen", &ElixirScope.current_trace/0) != nil end)
    wait_until(&handed_over?/0)
    assert_conserved()
    {_, counts} = Agent.stored(agent)
    assert counts |> Map.values() |> Enum.sum() == ElixirScope.stats().stored - before.stored
  after
    Application.delete_env(:elixir_scope, :resend_bytes_max)
    restart_writer()
  end

  test "an agent that reads and never confirms, then goes: what left the buffer is agent_lost", %{path: path} do
    Application.put_env(:elixir_scope, :resend_bytes_max, 200_000)
    restart_writer()
    before = ElixirScope.stats()
    silent = agent(path, store: :hold)
    wait_until(fn -> Writer.link() == :ready end)
    for _ <- 1..10, do: emit(1000) && Writer.flush()
    assert_conserved()
    assert ElixirScope.stats().dropped.agent_lost == before.dropped.agent_lost
    Agent.hang_up(silent, :stop)
    agent = agent(path)
    wait_until(&handed_over?/0)
    stats = assert_conserved()
    assert stats.dropped.agent_lost > before.dropped.agent_lost
    {_, counts} = Agent.stored(agent)
    assert counts |> Map.values() |> Enum.sum() == stats.stored - before.stored
  after
    Application.delete_env(:elixir_scope, :resend_bytes_max)
    restart_writer()
  end

  test "an agent that accepts and never reads holds nobody up", %{path: path} do
    agent(path, read: false, recbuf: 4096)
    {us, _} = :timer.tc(fn -> for _ <- 1..20, do: emit(1000) end)
    assert us < 5_000_000
    {us, :ok} = :timer.tc(fn -> Writer.flush() end)
    assert us < 200_000
    assert_conserved()
  end

  test "an agent that restarts many times gets each event once, in order", %{path: path} do
    start = ElixirScope.stats()
    stored = %{}

    {events, _} =
      Enum.reduce(1..8, {[], stored}, fn i, {events, stored} ->
        agent = agent(path, stored: stored)
        emit(200 + i)

        if rem(i, 2) == 0,
          do: wait_until(&handed_over?/0),
          else: Process.sleep(:rand.uniform(20))

        Agent.hang_up(agent, :stop)
        {highest, _} = Agent.stored(agent)
        {events ++ Agent.events(agent), highest}
      end)
      |> then(fn {events, stored} ->
        agent = agent(path, stored: stored)
        wait_until(&handed_over?/0)
        {events ++ Agent.events(agent), stored}
      end)

    numbers = Enum.map(events, & &1.number)
    assert numbers == Enum.sort(numbers)
    assert numbers == Enum.uniq(numbers)
    stats = assert_conserved()
    assert length(numbers) == stats.stored - start.stored
    assert stats.dropped.agent_lost == start.dropped.agent_lost
  end

  test "events of a killed, a crashed and an idle process arrive within 100 ms", %{path: path} do
    agent = agent(path)
    wait_until(fn -> Writer.link() == :ready and handed_over?() end)
    me = self()

    for fate <- [:kill, :idle, :crash] do
      pid =
        spawn(fn ->
          ElixirScope.trace("fate", fn ->
            Probe.call(1, 77)
            send(me, {:trace, ElixirScope.current_trace()})
            if fate == :crash, do: exit(:shutdown)
            Process.sleep(:infinity)
          end)
        end)

      assert_receive {:trace, trace}
      if fate == :kill, do: Process.exit(pid, :kill)
      events = Agent.wait(agent, fn events -> Enum.any?(events, &(&1.trace == trace and &1.site == 77)) end)
      event = Enum.find(events, &(&1.trace == trace and &1.site == 77))
      assert event.arrived - event.time <= 100_000
      Process.exit(pid, :kill)
    end
  end

  test "off: nothing begins, nothing is recorded, and it latches against the agent", %{path: path} do
    agent = agent(path)
    wait_until(fn -> Writer.link() == :ready end)
    me = self()

    runner =
      spawn(fn ->
        ElixirScope.trace("runs", fn ->
          frame = Probe.call(1, 1)
          send(me, :begun)
          receive do: (:go -> :ok)
          Probe.branch(1, 2, frame)
          send(me, {:token, :erlang.seq_trace_info(:label), Process.get(:"$elixir_scope")})
        end)
      end)

    assert_receive :begun
    {us, :ok} = :timer.tc(&ElixirScope.off/0)
    assert us < 1000
    before = ElixirScope.stats()
    send(runner, :go)
    assert_receive {:token, [], nil}
    assert ElixirScope.trace("no", fn -> ElixirScope.current_trace() end) == nil
    assert Probe.call(1, 1) == 0
    Agent.say(agent, <<131, 1>>)
    Writer.flush()
    refute ElixirScope.stats().on
    stats = assert_conserved()
    assert stats.dropped.switched_off == before.dropped.switched_off + 1
    assert stats.emitted == before.emitted + 1
    ElixirScope.on()
    assert ElixirScope.trace("yes", fn -> ElixirScope.current_trace() end) != nil
    # Without the latch the agent may switch.
    Agent.say(agent, <<131, 0>>)
    wait_until(fn -> not ElixirScope.stats().on end)
    Agent.say(agent, <<131, 1>>)
    wait_until(fn -> ElixirScope.stats().on end)
  end

  test "many processes at full speed, an agent that goes and comes: every event is stored once or counted", %{
    path: path
  } do
    start = ElixirScope.stats()
    stop_at = System.monotonic_time(:millisecond) + 2_000

    writers =
      for i <- 1..6 do
        Task.async(fn ->
          :seq_trace.set_token([])

          Stream.repeatedly(fn -> emit(50 * i) && Process.sleep(i) end)
          |> Enum.take_while(fn _ -> System.monotonic_time(:millisecond) < stop_at end)
        end)
      end

    {numbers, stored} =
      Enum.reduce(1..6, {[], %{}}, fn _, {numbers, stored} ->
        agent = agent(path, stored: stored)
        Process.sleep(100 + :rand.uniform(300))
        Agent.hang_up(agent, :stop)
        {highest, _} = Agent.stored(agent)
        {Enum.map(Agent.events(agent), & &1.number) ++ numbers, highest}
      end)

    Task.await_many(writers, 20_000)
    agent = agent(path, stored: stored)
    wait_until(fn -> ElixirScope.stats().buffered == 0 and ElixirScope.stats().in_rings == 0 end, 3000)
    numbers = Enum.map(Agent.events(agent), & &1.number) ++ numbers
    stats = assert_conserved()
    assert length(numbers) == length(Enum.uniq(numbers))
    assert length(numbers) == stats.stored - start.stored
    assert stats.dropped.torn == start.dropped.torn
  end

  test "an idle writer does next to nothing", %{path: path} do
    agent(path)
    wait_until(fn -> Writer.link() == :ready and handed_over?() end)
    Process.sleep(200)
    {:reductions, before} = Process.info(Process.whereis(Writer), :reductions)
    Process.sleep(400)
    {:reductions, now} = Process.info(Process.whereis(Writer), :reductions)
    assert now - before < 10_000
  end

  test "a writer that is killed in the middle of its work takes nothing twice and loses nothing uncounted", %{
    path: path
  } do
    agent = agent(path)
    wait_until(fn -> Writer.link() == :ready end)
    stop = :atomics.new(1, [])

    floods =
      for _ <- 1..2 do
        Task.async(fn ->
          Stream.repeatedly(fn -> emit(200) end) |> Enum.find(fn _ -> :atomics.get(stop, 1) == 1 end)
        end)
      end

    for _ <- 1..15 do
      Process.sleep(:rand.uniform(20))
      restart_writer()
    end

    :atomics.put(stop, 1, 1)
    Task.await_many(floods, 20_000)
    wait_until(fn -> Writer.link() == :ready and ElixirScope.stats().buffered == 0 end)
    assert_conserved()
    ids = for event <- Agent.events(agent), do: event.id
    assert length(ids) == length(Enum.uniq(ids))
  end

  test "the writer's crash loses what it held, and counts it", %{path: path} do
    emit(100)
    Writer.flush()
    buffered = ElixirScope.stats().buffered
    lost = ElixirScope.stats().dropped.agent_lost
    assert buffered > 0
    restart_writer()
    stats = assert_conserved()
    assert stats.dropped.agent_lost >= lost + buffered
    agent = agent(path)
    trace = emit(3)
    Agent.wait(agent, fn events -> Enum.count(events, &(&1.trace == trace)) == 6 end)
  end

  @tag :capture_log
  test "a socket path that is too long: one clear error, counted, nothing else", %{} do
    Application.put_env(:elixir_scope, :socket, "/tmp/" <> String.duplicate("x", 110))
    log = ExUnit.CaptureLog.capture_log(fn -> Process.sleep(2500) end)
    assert log =~ "the system's limit is 107"
    assert length(String.split(log, "limit is 107")) == 2
    assert emit(1)
    assert_conserved()
  end

  defp restart_writer do
    old = Process.whereis(Writer)
    Process.exit(old, :kill)
    wait_until(fn -> Process.whereis(Writer) not in [nil, old] end)
  end
end
