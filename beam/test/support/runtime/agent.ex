defmodule ElixirScope.Test.Agent do
  @moduledoc """
  An agent for tests: listens on a Unix socket, keeps what nodes say, confirms as it is told to.

  `:store` - `:auto` confirms each chunk, `:hold` none; `:read` - `false` accepts and never reads.
  """
  use GenServer
  alias ElixirScope.Test.Records

  def start_link(opts) do
    drained()
    GenServer.start_link(__MODULE__, opts)
  end

  # What an earlier test flooded has left the rings: the events of the test that begins find room.
  defp drained(left \\ 3000) do
    if left > 0 and ElixirScope.stats().in_rings > 0 do
      Process.sleep(5)
      drained(left - 1)
    else
      if ElixirScope.stats().governor == ElixirScope.Governor.absent(), do: forget_kept()
    end
  end

  @doc "Forgets what the writer keeps for an agent, so that traces begin although there is none."
  def forget_kept do
    :ok = Supervisor.terminate_child(ElixirScope.Supervisor, ElixirScope.Writer)
    {:ok, _} = Supervisor.restart_child(ElixirScope.Supervisor, ElixirScope.Writer)
    forgotten()
  end

  # The writer's first round.
  defp forgotten do
    if ElixirScope.stats().governor == ElixirScope.Governor.absent() do
      Process.sleep(2)
      forgotten()
    end
  end

  @doc "A socket path that no other test uses, short enough for the system."
  def path, do: Path.join(System.tmp_dir!(), "es-#{System.pid()}-#{System.unique_integer([:positive])}.sock")

  @doc "Every event, of all nodes, each with its node's key."
  def events(agent), do: GenServer.call(agent, :events, 30_000)
  @doc "Messages that are no chunks, in order."
  def messages(agent), do: GenServer.call(agent, :messages)
  @doc "What was confirmed, by node key: the highest number and how many events."
  def stored(agent), do: GenServer.call(agent, :stored, 30_000)
  @doc "Confirms what was held."
  def release(agent), do: GenServer.call(agent, :release)
  @doc "Sends bytes to every node."
  def say(agent, bytes), do: GenServer.call(agent, {:say, bytes})
  @doc "Drops every connection; `:stop` also stops listening."
  def hang_up(agent, how \\ :listen), do: GenServer.call(agent, {:hang_up, how}, 30_000)

  @doc "Waits until `fun` says yes to the events; fails after five seconds."
  def wait(agent, fun, left \\ 500) do
    events = events(agent)

    cond do
      fun.(events) ->
        events

      left == 0 ->
        ExUnit.Assertions.flunk(
          "waited in vain; events: #{inspect(Enum.map(events, &{&1.kind, &1.site, &1.trace}), limit: 100)}"
        )

      true ->
        Process.sleep(10)
        wait(agent, fun, left - 1)
    end
  end

  @impl true
  def init(opts) do
    path = opts[:path]
    File.rm(path)

    {:ok, listen} =
      :gen_tcp.listen(0, [
        :binary,
        packet: 4,
        active: false,
        ifaddr: {:local, path},
        recbuf: opts[:recbuf] || 65_536
      ])

    me = self()
    acceptor = spawn_link(fn -> accept(listen, me) end)

    {:ok,
     %{
       listen: listen,
       acceptor: acceptor,
       path: path,
       store: opts[:store] || :auto,
       read: Keyword.get(opts, :read, true),
       sockets: %{},
       events: [],
       messages: [],
       stored: opts[:stored] || %{},
       counts: %{},
       held: []
     }}
  end

  defp accept(listen, owner) do
    case :gen_tcp.accept(listen) do
      {:ok, socket} ->
        :ok = :gen_tcp.controlling_process(socket, owner)
        send(owner, {:accepted, socket})
        accept(listen, owner)

      {:error, _} ->
        :ok
    end
  end

  @impl true
  def handle_call(:events, _from, s), do: {:reply, Enum.reverse(s.events), s}
  def handle_call(:messages, _from, s), do: {:reply, Enum.reverse(s.messages), s}
  def handle_call(:stored, _from, s), do: {:reply, {s.stored, s.counts}, s}

  def handle_call(:release, _from, s) do
    s = s.held |> Enum.reverse() |> Enum.reduce(s, fn {socket, chunk}, s -> confirm(s, socket, chunk) end)
    {:reply, :ok, %{s | held: [], store: :auto}}
  end

  def handle_call({:say, bytes}, _from, s) do
    for {socket, _} <- s.sockets, do: :gen_tcp.send(socket, bytes)
    {:reply, :ok, s}
  end

  def handle_call({:hang_up, how}, _from, s) do
    if how == :stop do
      :gen_tcp.close(s.listen)
      File.rm(s.path)
    end

    for {socket, _} <- s.sockets, do: :gen_tcp.close(socket)
    {:reply, :ok, %{s | sockets: %{}, held: []}}
  end

  @impl true
  def handle_info({:accepted, socket}, s) do
    if s.read, do: :inet.setopts(socket, active: true)
    {:noreply, put_in(s.sockets[socket], nil)}
  end

  def handle_info({:tcp, socket, bytes}, s) when is_map_key(s.sockets, socket),
    do: {:noreply, bytes |> Records.message() |> said(socket, s)}

  def handle_info({:tcp_closed, socket}, s), do: {:noreply, %{s | sockets: Map.delete(s.sockets, socket)}}
  def handle_info(_, s), do: {:noreply, s}

  defp said({:hello, hello}, socket, s) do
    entry =
      if n = s.stored[hello.key], do: <<1::16-little, 0::16-little, n::64-little>>, else: <<0::16-little>>

    :gen_tcp.send(socket, <<129, 1::16-little, entry::binary>>)
    %{s | sockets: Map.put(s.sockets, socket, hello.key), messages: [{:hello, hello} | s.messages]}
  end

  defp said({:chunk, chunk}, socket, s) do
    key = s.sockets[socket]
    known = s.stored[key] || 0

    cond do
      chunk.events == [] ->
        %{s | messages: [{:totals, chunk} | s.messages]}

      chunk.first <= known ->
        s

      s.store == :auto ->
        confirm(s, socket, chunk)

      true ->
        %{s | held: [{socket, chunk} | s.held]}
    end
  end

  defp said(message, _socket, s), do: %{s | messages: [message | s.messages]}

  defp confirm(s, socket, chunk) do
    key = s.sockets[socket]
    last = chunk.first + length(chunk.events) - 1
    :gen_tcp.send(socket, <<130, 0::16-little, last::64-little>>)
    arrived = ElixirScope.Clock.now_us()
    events = Enum.map(chunk.events, &Map.merge(&1, %{node: key, arrived: arrived}))

    %{
      s
      | stored: Map.put(s.stored, key, last),
        counts: Map.update(s.counts, key, length(events), &(&1 + length(events))),
        events: Enum.reverse(events) ++ s.events
    }
  end
end
