defmodule ElixirScope.TokenLeakTest do
  @moduledoc """
  The VM's token leaks (timers, sockets, `:DOWN`, ...) and gets lost (untokened messages, foreign replies).

  Each scenario guarantees: no event of what no trace caused (`outside/1` never shows), every event of what a
  trace caused (`inside/1` shows in that trace), and every parent is an event of the same trace, up to its root.
  """
  use ExUnit.Case, async: false
  alias ElixirScope.Test.{Agent, Cluster, Leaks, Sites}
  alias ElixirScope.Test.Leaks.Server

  @moduletag :capture_log

  setup_all do
    Cluster.distribute()
    path = Agent.path()
    Application.put_env(:elixir_scope, :socket, path)
    agent = start_supervised!({Agent, path: path})
    {_, there} = Cluster.start("leak", path)
    {_, third} = Cluster.start("leak", path)
    index = Sites.instrument([Leaks, Server], [node(), there, third])

    on_exit(fn ->
      for module <- [Leaks, Server], do: ElixirScope.remove(module)
    end)

    %{agent: agent, there: there, third: third, index: index}
  end

  # Runs `fun` as a trace of a process of its own; its result and its trace id.
  defp in_trace(fun) do
    # What the test itself was told by traced processes is no cause of this trace.
    :seq_trace.set_token([])

    Task.async(fn ->
      ElixirScope.trace("leak", fn -> {ElixirScope.current_trace(), fun.()} end)
    end)
    |> Task.await(15_000)
  end

  # The events of a trace, once it shows `inside` that often (and has ended).
  defp settled(context, trace, inside) do
    Agent.wait(context.agent, fn events ->
      mine = events |> Enum.filter(&(&1.trace == trace)) |> Sites.resolve(context.index)
      length(Sites.calls(mine, :inside)) >= inside and Enum.any?(mine, &(&1.kind == :root_end))
    end)

    # Whatever else is on its way shows up as well.
    quiet(context.agent)
    events = context.agent |> Agent.events() |> Sites.resolve(context.index)
    mine = Enum.filter(events, &(&1.trace == trace))

    assert length(Sites.calls(mine, :inside)) == inside,
           "inside: #{inspect(Enum.map(mine, &{&1.kind, &1.at}))}"

    assert Sites.calls(mine, :outside) == []
    assert_tree(mine)
    mine
  end

  defp quiet(agent, last \\ -1) do
    Process.sleep(60)
    count = length(Agent.events(agent))
    if count != last, do: quiet(agent, count), else: :ok
  end

  defp assert_tree(events) do
    by_id = Map.new(events, &{{&1.node, &1.id}, &1})

    for event <- events, event.kind not in [:root, :exit] do
      home = if event.remote?, do: event.w10, else: event.node
      parent = by_id[{home, event.parent}]
      assert parent, "no parent in the trace: #{inspect(Map.take(event, [:kind, :at, :parent, :remote?]))}"
      assert parent.hlc < event.hlc
    end

    assert Enum.count(events, &(&1.kind == :root)) == 1
  end

  defp server(node \\ node(), opts \\ []) do
    {:ok, pid} = :erpc.call(node, Server, :start, [[notify: self()] ++ opts])
    on_exit(fn -> Process.exit(pid, :kill) end)
    pid
  end

  defp parent_of(events, event) do
    home = if event.remote?, do: event.w10, else: event.node
    Enum.find(events, &(&1.id == event.parent and &1.node == home))
  end

  # By parents of the same process only.
  defp below?(events, event, above) do
    parent = parent_of(events, event)
    parent != nil and parent.pid == event.pid and (parent.id == above.id or below?(events, parent, above))
  end

  test "timer: a tick that a request armed is in no trace", context do
    for node <- [node(), context.there] do
      server = server(node)
      {trace, _} = in_trace(fn -> GenServer.call(server, {:timer, 20}) end)
      assert_receive {:outside_done, :tick}, 2000
      settled(context, trace, 1)
    end
  end

  test "timer: what a tick sends on carries no trace", context do
    other = server()
    server = server()
    {trace, _} = in_trace(fn -> GenServer.call(server, {:timer, 20}) end)
    assert_receive {:outside_done, :tick}, 2000
    send(other, :tock)
    assert_receive {:outside_done, :tock}, 2000
    settled(context, trace, 1)
  end

  test "socket: data is in no trace", context do
    path = Agent.path()
    {:ok, listen} = :gen_tcp.listen(0, [:binary, ifaddr: {:local, path}, active: false])
    server = server()
    {trace, _} = in_trace(fn -> GenServer.call(server, {:listen, path}) end)
    {:ok, socket} = :gen_tcp.accept(listen)
    :gen_tcp.send(socket, "hello")
    assert_receive {:outside_done, :tcp}, 2000
    File.rm(path)
    settled(context, trace, 1)
  end

  test "'DOWN' and monitor: the end of a process is in no trace", context do
    for node <- [node(), context.there] do
      victim = :erpc.call(node, :erlang, :spawn, [:timer, :sleep, [:infinity]])
      server = server()
      {trace, _} = in_trace(fn -> GenServer.call(server, {:monitor, victim}) end)
      Process.exit(victim, :kill)
      assert_receive {:outside_done, :DOWN}, 2000
      settled(context, trace, 1)
    end
  end

  test "Task, Task.async_stream, spawn: children are in the trace, and come back to their caller", context do
    {trace, _} =
      in_trace(fn ->
        Leaks.task(:task)
        Leaks.stream([1, 2, 3])
        Leaks.spawned(:spawned)
      end)

    # task 2, stream 4, spawned 2
    events = settled(context, trace, 8)
    assert Enum.count(events, &(&1.kind == :spawn)) == 5

    for after_it <- [:task, :stream, :spawned] do
      [call] = Sites.calls(events, after_it)
      # The function's own last call hangs below the function, not below the child process.
      assert Enum.any?(Sites.calls(events, :inside), &below?(events, &1, call))
    end
  end

  test "traces of one process, one after the other: each message is its own trace's", context do
    server = server(context.there)
    :seq_trace.set_token([])

    traces =
      Task.async(fn ->
        for i <- 1..5 do
          ElixirScope.trace("leak", fn ->
            if rem(i, 2) == 0,
              do: GenServer.cast(server, {:inside, i}),
              else: GenServer.call(server, {:inside, i})

            ElixirScope.current_trace()
          end)
        end
      end)
      |> Task.await()

    assert length(Enum.uniq(traces)) == 5
    for trace <- traces, do: settled(context, trace, 1)
  end

  test "requests one after the other are siblings: a reply's label does not travel on", context do
    {one, two} = {server(context.there), server(context.third)}
    {trace, _} = in_trace(fn -> Leaks.two_calls(one, two) end)
    assert_receive {:cast_done, :three}, 2000
    events = settled(context, trace, 3)
    [call] = Sites.calls(events, :two_calls)
    callbacks = Enum.filter(events, &(&1.kind == :callback))
    assert length(callbacks) == 3
    assert Enum.all?(callbacks, &(parent_of(events, &1) == call))
  end

  test ":erpc: the remote function is in the trace, and the caller stays in its frame", context do
    {trace, _} = in_trace(fn -> Leaks.remote(context.there, :erpc) end)
    events = settled(context, trace, 2)
    assert length(Enum.uniq_by(Sites.calls(events, :inside), & &1.node)) == 2
  end

  test ":pg and registered names: a broadcast reaches every member in the trace", context do
    for node <- [node(), context.there, context.third] do
      {:ok, _} =
        :erpc.call(node, Supervisor, :start_child, [
          ElixirScope.Supervisor,
          %{id: :pg, start: {:pg, :start_link, [:es_leaks]}}
        ])
    end

    servers = for node <- [node(), context.there, context.third], do: server(node, name: :es_named)
    for s <- servers, do: :erpc.call(node(s), :pg, :join, [:es_leaks, :all, s])
    wait_until(fn -> length(:pg.get_members(:es_leaks, :all)) == 3 end)

    {trace, _} =
      in_trace(fn ->
        for pid <- :pg.get_members(:es_leaks, :all), do: send(pid, {:sent, :pg})
        GenServer.cast({:es_named, context.there}, {:inside, :named})
        GenServer.call({:es_named, context.third}, {:inside, :named})
        GenServer.call(:es_named, {:inside, :local})
      end)

    for _ <- 1..3, do: assert_receive({:sent_done, :pg}, 2000)
    events = settled(context, trace, 6)
    assert events |> Enum.map(& &1.node) |> Enum.uniq() |> length() == 3
  end

  test "restart: the new process is caused by the crash, its later ticks by nothing", context do
    me = self()

    {:ok, supervisor} =
      Supervisor.start_link([%{id: :s, start: {Server, :start_link, [[notify: me, name: :es_restart]]}}],
        strategy: :one_for_one
      )

    old = Process.whereis(:es_restart)

    {trace, _} =
      in_trace(fn ->
        catch_exit(GenServer.call(:es_restart, :crash))
        Leaks.inside(:after_crash)
      end)

    wait_until(fn -> Process.whereis(:es_restart) not in [nil, old] end)
    send(:es_restart, :tick)
    assert_receive {:outside_done, :tick}, 2000
    Process.send_after(:es_restart, :tock, 5)
    assert_receive {:outside_done, :tock}, 2000
    events = settled(context, trace, 1)
    assert [error] = Enum.filter(events, &(&1.kind == :error))
    assert error.payload.type == "ArithmeticError"
    Supervisor.stop(supervisor)
  end

  test "a reply deferred to another request's callback leaves its caller in its own trace", context do
    server = server(context.there)
    me = self()

    waiting =
      Task.async(fn ->
        in_trace(fn ->
          send(me, :waiting)
          :released = GenServer.call(server, :defer)
          Leaks.inside(:after_deferred)
        end)
      end)

    assert_receive :waiting
    wait_until(fn -> :sys.get_state(server).waiting != [] end)
    {releasing, _} = in_trace(fn -> GenServer.call(server, :release) end)
    {trace, _} = Task.await(waiting)
    events = settled(context, trace, 1)
    settled(context, releasing, 1)
    # The other trace is a link, once.
    assert [link] =
             Enum.filter(
               Agent.events(context.agent),
               &(&1.kind == :link and &1.pid == hd(Sites.calls(events, :inside)).pid)
             )

    assert link.linked == releasing
  end

  test "an untraced callback that is handed a trace's reply ends it: the next tick is in no trace", context do
    {asking, asked} = {server(), server(context.there)}
    :seq_trace.set_token([])
    send(asking, {:ask, asked})
    wait_until(fn -> :sys.get_state(asked).waiting != [] end)
    {trace, _} = in_trace(fn -> GenServer.call(asked, :release) end)
    # The reply was taken when it waits for messages again (asking it would clear its token).
    wait_until(fn ->
      match?({:current_function, {:gen_server, :loop, _}}, Process.info(asking, :current_function))
    end)

    Process.send_after(asking, :tick, 1)
    assert_receive {:outside_done, :tick}, 2000
    settled(context, trace, 1)
  end

  test "pool checkout: the one who waited stays in its trace", context do
    pool = server(context.there)
    {first, _} = in_trace(fn -> GenServer.call(pool, :checkout) end)
    me = self()

    waiting =
      Task.async(fn ->
        in_trace(fn ->
          send(me, :waiting)
          :worker = GenServer.call(pool, :checkout)
          Leaks.inside(:checked_out)
        end)
      end)

    assert_receive :waiting
    wait_until(fn -> :sys.get_state(pool).waiting != [] end)
    {giving, _} = in_trace(fn -> GenServer.cast(pool, {:checkin}) end)
    {trace, _} = Task.await(waiting)
    settled(context, first, 0)
    settled(context, giving, 1)
    settled(context, trace, 1)
  end

  test "an untokened message matched in mid-call loses nothing", context do
    me = self()

    {trace, _} =
      in_trace(fn ->
        helper = Leaks.untraced_helper(self())
        send(me, :ready)
        Leaks.plain(helper)
      end)

    settled(context, trace, 2)
  end

  test "self-send: by send and by cast, below the call that sent it", context do
    server = server(context.there)
    {trace, _} = in_trace(fn -> GenServer.call(server, :self_send) end)
    assert_receive :mine_done, 2000
    events = settled(context, trace, 2)
    callback = Enum.find(events, &(&1.kind == :callback and match?({_, "handle_info", _}, &1.at)))
    assert %{kind: :callback, at: {_, "handle_call", _}} = parent_of(events, callback)
    assert [%{kind: :send}] = Enum.filter(events, &(&1.kind == :send and &1.parent == callback.parent))

    {trace, _} = in_trace(fn -> GenServer.call(server, :self_cast) end)
    assert_receive :mine_done, 2000
    settled(context, trace, 2)
    # A message of nobody's afterwards is in no trace.
    {:ok, _} = :erpc.call(node(server), :timer, :send_after, [1, server, {:mine, :no_trace_now}])
    assert_receive :mine_done, 2000
    settled(context, trace, 2)
  end

  test "handle_continue goes on in the callback's trace", context do
    server = server(context.there)
    {trace, _} = in_trace(fn -> GenServer.call(server, :continue) end)
    assert_receive :continue_done, 2000
    events = settled(context, trace, 2)
    continue = Enum.find(events, &(&1.kind == :callback and match?({_, "handle_continue", _}, &1.at)))
    assert parent_of(events, continue).kind == :callback
  end

  test "a callback that takes messages of several traces stays in its own and links to them", context do
    server = server(context.there)
    task = Task.async(fn -> in_trace(fn -> GenServer.call(server, {:gather, 3}) end) end)

    wait_until(fn ->
      match?(
        {:current_function, {Server, _, _}},
        :erpc.call(node(server), Process, :info, [server, :current_function])
      )
    end)

    others = for i <- 1..3, do: elem(in_trace(fn -> send(server, {:item, i}) end), 0)
    {trace, _} = Task.await(task)
    events = settled(context, trace, 1)
    word = hd(Sites.calls(events, :inside)).pid

    links =
      context.agent
      |> Agent.events()
      |> Enum.filter(
        &(&1.kind == :link and &1.pid == word and &1.node == hd(Sites.calls(events, :inside)).node)
      )

    assert Enum.sort(Enum.map(links, & &1.linked)) == Enum.sort(others)
  end

  test "a raw server follows the trace of each message, and ends it at a message of none", context do
    loop = spawn(Leaks, :loop, [self()])
    {one, _} = in_trace(fn -> send(loop, {:work, 1}) end)
    assert_receive {:done, 1}, 2000
    {two, _} = in_trace(fn -> send(loop, {:work, 2}) end)
    assert_receive {:done, 2}, 2000
    :seq_trace.set_token([])
    send(loop, {:plain, 1})
    assert_receive :plain_done, 2000
    {three, _} = in_trace(fn -> send(loop, {:later, 10}) end)
    assert_receive :ticked, 2000
    send(loop, :stop)
    for trace <- [one, two], do: settled(context, trace, 1)
    settled(context, three, 0)
  end

  test "another user's token is left alone", context do
    {trace, label} =
      in_trace(fn ->
        :seq_trace.set_token(:label, 17)
        Leaks.inside(:foreign)
        label = :seq_trace.get_token(:label)
        Leaks.inside(:foreign)
        label
      end)

    assert label == {:label, 17}
    assert ElixirScope.stats().foreign_tokens > 0
    settled(context, trace, 2)
  end

  defp wait_until(fun, left \\ 300) do
    cond do
      fun.() -> :ok
      left == 0 -> flunk("waited in vain")
      true -> Process.sleep(10) && wait_until(fun, left - 1)
    end
  end
end
