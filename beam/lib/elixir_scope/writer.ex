defmodule ElixirScope.Writer do
  @moduledoc """
  The one process that empties the rings, numbers the events and hands them to the agent.

  Every 20 ms while there are events (4 ms if many, up to 40 ms on an idle node), it drains the rings and the outbox into chunks
  of at most 64 KiB and gives them to `ElixirScope.Link`, which owns the socket. When the resend buffer
  is full (no agent, or a slow one), events leave the rings, are numbered and counted as
  `agent_absent`, and without an agent no trace is begun: the application never waits. It runs at low priority: what the application has to do goes first.
  """
  use GenServer
  require ElixirScope.Counters
  require ElixirScope.Kinds

  alias ElixirScope.{Clock, Config, Counters, Drain, Governor, Kinds, Link, Outbox, Ring, Totals, Wire}

  @chunk_max 65_536
  @head_bytes 95
  # A wake-up costs the node some 100 us, whatever it finds.
  @active_ms 20
  @busy_ms 4
  @idle_ms 40
  @pause_max_ms 100
  @totals_every_ms 1_000
  @keys_max 100_000
  @outbox_max 1_000

  @doc false
  def start_link(_), do: GenServer.start_link(__MODULE__, [])

  @doc "Drains everything that is committed now and tries to send it."
  @spec flush() :: :ok
  def flush, do: GenServer.call(__MODULE__, :flush)

  @doc "The state of the connection, for tests and `ElixirScope.stats/0`."
  @spec link() :: :down | :hello | :ready
  def link, do: GenServer.call(__MODULE__, :link)

  @doc "Sends a DEFINE and a MODULES message, if an agent is connected."
  @spec announce([binary]) :: :ok
  def announce(messages), do: GenServer.cast(__MODULE__, {:announce, messages})

  @impl true
  def init(_) do
    Process.flag(:trap_exit, true)
    Process.flag(:message_queue_data, :off_heap)
    Process.flag(:priority, :low)
    {rings, mask, _, counters, _, _} = runtime = Ring.runtime()
    settle(runtime)
    Process.register(self(), __MODULE__)

    drains =
      for {ring, lane} <- Enum.with_index(Tuple.to_list(rings), 1),
          do: Drain.new(ring, Ring.mask(ring), lane)

    state = %{
      runtime: runtime,
      counters: counters,
      drains: drains,
      link: Link.new(runtime),
      pending: [],
      pending_count: 0,
      pending_bytes: 0,
      unnumbered: {0, 0},
      keys: %{0 => true},
      wait_ms: @active_ms,
      # A sixteenth of a ring in one round: twenty times that would not fit.
      busy_at: div(mask + 1, 16),
      round: 0,
      drained: 0,
      totals_at: now_ms(),
      totals_sent: nil,
      calm: nil,
      governor: Governor.new(:atomics.get(counters, Counters.field(:governor)), Totals.ring_full(runtime)),
      level: :atomics.get(counters, Counters.field(:governor)),
      # No agent, and what can be kept for one is kept: no trace begins until there is one.
      absent?: false
    }

    {:ok, schedule(state, 0)}
  end

  # What a crashed writer had taken and what was in its resend buffer is lost, and counted.
  defp settle({rings, _, _, counters, _, _}) do
    Outbox.settle(counters, {0, 0})
    get = &:atomics.get(counters, &1)

    buffered =
      get.(Counters.field(:numbered)) - get.(Counters.field(:stored)) -
        get.(Counters.field(:lost_numbered))

    lose(counters, Kinds.reason(:agent_lost), buffered)

    # Taken from a ring and not yet numbered.
    taken = rings |> Tuple.to_list() |> Enum.map(&Ring.taken/1) |> Enum.sum()
    numbered = get.(Counters.field(:numbered)) - get.(Counters.field(:numbered_messages))
    torn(counters, max(taken - numbered - get.(Counters.field(:torn_slots)), 0))
  end

  defp torn(counters, count) do
    :atomics.add(counters, Counters.field(:torn_slots), count)
    :atomics.add(counters, Kinds.reason(:torn), count)
  end

  @impl true
  def handle_call(:flush, _from, state) do
    state = state |> drain() |> pump()
    {:reply, :ok, state}
  end

  def handle_call(:link, _from, state), do: {:reply, state.link.state, state}

  @impl true
  def handle_cast({:announce, messages}, state),
    do: {:noreply, pump(%{state | link: Link.announce(state.link, messages)})}

  @impl true
  def handle_info({:drain, round}, %{round: round} = state) do
    before = state.pending_count
    now = now_ms()
    began = :erlang.monotonic_time(:microsecond)

    state =
      state |> drain() |> govern(now) |> totals(now) |> Map.update!(:link, &Link.tick(&1, now)) |> pump()

    wait =
      cond do
        state.drained > state.busy_at -> @busy_ms
        state.drained > 0 or before > 0 -> @active_ms
        true -> min(max(state.wait_ms * 2, @active_ms), @idle_ms)
      end

    # At most half of one scheduler is ours: under more load the rings fill, drop and count.
    busy = div(:erlang.monotonic_time(:microsecond) - began, 1000)
    {:noreply, schedule(state, max(wait, min(busy, @pause_max_ms)))}
  end

  def handle_info({:drain, _earlier}, state), do: {:noreply, state}
  def handle_info({:EXIT, _, _}, state), do: {:noreply, state}

  def handle_info(message, state) do
    case Link.handle(state.link, message, now_ms()) do
      {:ok, link} -> {:noreply, pump(%{state | link: link})}
      :unknown -> {:noreply, state}
    end
  end

  @impl true
  def terminate(_reason, state) do
    state = state |> drain() |> pump()
    {emitted, dropped} = Totals.emitted_and_dropped(state.runtime)
    Link.close(state.link, Wire.bye(emitted, dropped))
  end

  defp schedule(state, wait) do
    round = state.round + 1
    Process.send_after(self(), {:drain, round}, wait)
    %{state | drained: 0, round: round, wait_ms: wait}
  end

  # Passes are bounded, so that the socket and the mailbox have their turn.
  defp drain(state, passes \\ 4) do
    now = now_ms()

    {drains, {state, more?}} =
      Enum.map_reduce(state.drains, {state, false}, fn d, {state, more?} ->
        {state, more, d} = take(state, d, now)
        {d, {state, more? or more}}
      end)

    {state, more?} = outbox(state, more?)
    state = cut(state)
    state = %{state | drains: Enum.map(drains, &Drain.free(&1, state.counters))}
    if more? and passes > 1, do: state |> pump() |> drain(passes - 1), else: state
  end

  # They count as on their way until they have numbers: what a crash takes away is known.
  defp outbox(state, more?) do
    taken = Outbox.take(@outbox_max)

    state =
      Enum.reduce(taken, state, fn {bytes, record}, state ->
        state = add(state, record, bytes, 1)
        {events, event_bytes} = state.unnumbered
        %{state | unnumbered: {events + 1, event_bytes + bytes}, drained: state.drained + 1}
      end)

    {state, more? or length(taken) == @outbox_max}
  end

  defp take(state, d, now) do
    {records, count, torn, more?, d} = Drain.take(d, now)
    if torn > 0, do: torn(state.counters, torn)
    state = records |> Enum.reverse() |> Enum.reduce(state, &add_record/2)
    {%{state | drained: state.drained + count + torn}, more?, d}
  end

  defp add_record({bytes, key}, %{keys: keys} = state) do
    state = if is_map_key(keys, key), do: state, else: meet(state, key)
    add(state, bytes, byte_size(bytes), 1)
  end

  # A module version that was not announced: the registry looks for it.
  defp meet(state, key) do
    ElixirScope.Registry.unknown(key)
    keys = if map_size(state.keys) < @keys_max, do: state.keys, else: %{0 => true}
    %{state | keys: Map.put(keys, key, true)}
  end

  defp add(state, bytes, size, count) do
    state = if state.pending_bytes + size > @chunk_max - @head_bytes, do: cut(state), else: state

    %{
      state
      | pending: [state.pending | bytes],
        pending_count: state.pending_count + count,
        pending_bytes: state.pending_bytes + size
    }
  end

  # Numbers the pending events and makes a chunk of them.
  defp cut(%{pending_count: 0} = state), do: state

  defp cut(%{pending_count: count, unnumbered: {messages, bytes}, counters: counters} = state) do
    # No call between these: killed here, the writer leaves all of them or none.
    first = :atomics.add_get(counters, Counters.field(:numbered), count) - count + 1
    :atomics.add(counters, Counters.field(:numbered_messages), messages)
    :atomics.sub(counters, Counters.field(:outstanding), messages)
    :atomics.sub(counters, Counters.field(:outstanding_bytes), bytes)
    head = head(state, count, first)
    chunk = IO.iodata_to_binary([head | state.pending])
    state = %{state | pending: [], pending_count: 0, pending_bytes: 0, unnumbered: {0, 0}}

    case Link.push(state.link, first, count, chunk) do
      {:ok, link} ->
        %{state | link: link}

      :full ->
        lose(counters, Kinds.reason(:agent_absent), count)
        %{state | absent?: state.link.state != :ready}
    end
  end

  defp head(state, count, first) do
    {emitted, dropped} = Totals.emitted_and_dropped(state.runtime)
    Wire.chunk_head(0, count, first, Clock.now_us(), emitted, dropped)
  end

  defp govern(state, now) do
    full = Totals.ring_full(state.runtime)

    governor =
      if Config.get(:governor), do: Governor.step(state.governor, now, full), else: Governor.new(0, full)

    absent? = state.absent? and state.link.state != :ready
    level = if absent?, do: Governor.absent(), else: governor.level
    if level != state.level, do: :atomics.put(state.counters, Counters.field(:governor), level)
    %{state | governor: governor, absent?: absent?, level: level}
  end

  # Drops change while no event passes: an empty chunk carries the totals, once a second at most.
  defp totals(state, now) do
    if now - state.totals_at >= @totals_every_ms do
      totals = Totals.emitted_and_dropped(state.runtime)
      first = :atomics.get(state.counters, Counters.field(:numbered)) + 1

      link =
        if totals != state.totals_sent and elem(totals, 1) != dropped(state.totals_sent),
          do: Link.announce(state.link, [head(state, 0, first)]),
          else: state.link

      %{settled(state) | totals_at: now, totals_sent: totals, link: link}
    else
      state
    end
  end

  # A process that was killed on its way to the outbox: known when nothing has moved for a second.
  defp settled(%{counters: counters} = state) do
    now =
      {:atomics.get(counters, Counters.field(:messages)),
       :atomics.get(counters, Counters.field(:outstanding))}

    if elem(now, 1) > 0 and now == state.calm, do: Outbox.settle(counters, state.unnumbered)
    %{state | calm: now}
  end

  defp dropped(nil), do: List.duplicate(0, 8)
  defp dropped({_, dropped}), do: dropped

  defp pump(state) do
    {stored, lost, link} = Link.pump(state.link)
    if stored > 0, do: :atomics.add(state.counters, Counters.field(:stored), stored)
    if lost > 0, do: lose(state.counters, Kinds.reason(:agent_lost), lost)
    %{state | link: link}
  end

  defp lose(counters, reason, count) do
    :atomics.add(counters, Counters.field(:lost_numbered), count)
    :atomics.add(counters, reason, count)
  end

  defp now_ms, do: :erlang.monotonic_time(:millisecond)
end
