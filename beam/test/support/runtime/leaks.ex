defmodule ElixirScope.Test.Leaks do
  @moduledoc """
  What the token-leak suite runs, instrumented: `inside/1` is called only by work that a trace caused,
  `outside/1` only by work that no trace caused.
  """

  def inside(tag), do: {:inside, tag}
  def outside(tag), do: {:outside, tag}

  def task(tag) do
    task = Task.async(fn -> inside(tag) end)
    Task.await(task)
    inside(:after_task)
  end

  def stream(tags) do
    tags |> Task.async_stream(fn tag -> inside(tag) end, ordered: false) |> Enum.to_list()
    inside(:after_stream)
  end

  @doc "Two requests, one after the other: neither causes the other."
  def two_calls(one, two) do
    GenServer.call(one, {:inside, :one})
    GenServer.call(two, {:inside, :two})
    GenServer.cast(two, {:inside, :three})
    {:done, length([])}
  end

  def remote(node, tag) do
    :erpc.call(node, __MODULE__, :inside, [tag])
    inside(:after_erpc)
  end

  def spawned(tag) do
    me = self()

    spawn(fn ->
      inside(tag)
      send(me, :spawned_done)
    end)

    receive do
      :spawned_done -> inside(:after_spawn)
    end
  end

  @doc "An untokened message is matched in mid-call."
  def plain(helper) do
    send(helper, :go_later)

    receive do
      :plain -> inside(:after_plain)
    end

    inside(:at_the_end)
  end

  @doc "Sends `:plain` from a process that never had a token."
  def untraced_helper(to) do
    spawn(fn ->
      ElixirScope.Test.Leaks.Bare.wait_then_send(to)
    end)
  end

  @doc "A raw server: its messages come from several traces, from a timer and from untraced processes."
  def loop(notify) do
    receive do
      {:work, tag} ->
        inside(tag)
        send(notify, {:done, tag})
        loop(notify)

      {:later, ms} ->
        Process.send_after(self(), :tick, ms)
        loop(notify)

      :tick ->
        outside(:tick)
        send(notify, :ticked)
        loop(notify)

      {:plain, _} ->
        outside(:plain)
        send(notify, :plain_done)
        loop(notify)

      :stop ->
        :ok
    end
  end
end

defmodule ElixirScope.Test.Leaks.Bare do
  @moduledoc "Never instrumented."

  def wait_then_send(to) do
    receive do
      :go_later ->
        # The answer is sent by a process without a token.
        :seq_trace.set_token([])
        send(to, :plain)
    end
  end
end

defmodule ElixirScope.Test.Leaks.Server do
  @moduledoc "A GenServer with every way to lose or to keep a trace."
  use GenServer
  import ElixirScope.Test.Leaks

  def start_link(opts), do: GenServer.start_link(__MODULE__, opts, Keyword.take(opts, [:name]))
  def start(opts), do: GenServer.start(__MODULE__, opts, Keyword.take(opts, [:name]))

  @impl true
  def init(opts) do
    {:ok, %{notify: opts[:notify], waiting: [], items: [], free: 1}}
  end

  @impl true
  def handle_call({:inside, tag}, _from, s), do: {:reply, inside(tag), s}

  def handle_call({:timer, ms}, _from, s) do
    Process.send_after(self(), :tick, ms)
    {:reply, inside(:timer), s}
  end

  def handle_call({:monitor, pid}, _from, s) do
    Process.monitor(pid)
    {:reply, inside(:monitor), s}
  end

  def handle_call({:listen, path}, _from, s) do
    {:ok, socket} = :gen_tcp.connect({:local, path}, 0, [:binary, active: true])
    {:reply, inside(:socket), Map.put(s, :socket, socket)}
  end

  def handle_call(:self_send, _from, s) do
    send(self(), {:mine, :self})
    {:reply, inside(:before_self), s}
  end

  def handle_call(:self_cast, _from, s) do
    GenServer.cast(self(), {:mine_too, :self})
    {:reply, inside(:before_self), s}
  end

  def handle_call(:continue, _from, s), do: {:reply, inside(:before_continue), s, {:continue, :more}}
  def handle_call(:defer, from, s), do: {:noreply, %{s | waiting: [from | s.waiting]}}

  def handle_call(:release, _from, s) do
    for from <- Enum.reverse(s.waiting), do: GenServer.reply(from, :released)
    inside(:release)
    {:reply, :ok, %{s | waiting: []}}
  end

  def handle_call(:checkout, _from, %{free: 1} = s), do: {:reply, :worker, %{s | free: 0}}
  def handle_call(:checkout, from, s), do: {:noreply, %{s | waiting: s.waiting ++ [from]}}
  def handle_call(:crash, _from, _s), do: raise(ArithmeticError)

  def handle_call({:gather, n}, _from, s) do
    # A callback that takes messages of other traces in its middle.
    for _ <- 1..n do
      receive do
        {:item, _} -> :ok
      end
    end

    {:reply, inside(:gathered), s}
  end

  @impl true
  def handle_cast({:checkin}, %{waiting: [from | rest]} = s) do
    GenServer.reply(from, :worker)
    inside(:checkin)
    {:noreply, %{s | waiting: rest}}
  end

  def handle_cast({:checkin}, s), do: {:noreply, %{s | free: 1}}

  def handle_cast({:inside, tag}, s) do
    inside(tag)
    tell(s, {:cast_done, tag})
  end

  def handle_cast({:mine_too, tag}, s) do
    inside(tag)
    tell(s, :mine_done)
  end

  @impl true
  def handle_info({:mine, tag}, s) do
    inside(tag)
    tell(s, :mine_done)
  end

  def handle_info({:ask, other}, s) do
    GenServer.call(other, :defer)
    # No site follows: only the callback's end can see that a trace's reply was taken.
    {:noreply, s}
  end

  def handle_info({:sent, tag}, s) do
    inside(tag)
    tell(s, {:sent_done, tag})
  end

  def handle_info(message, s) do
    outside(message)
    tell(s, {:outside_done, elem_or(message)})
  end

  @impl true
  def handle_continue(:more, s) do
    inside(:continue)
    tell(s, :continue_done)
  end

  defp tell(s, what) do
    if s.notify, do: send(s.notify, what)
    {:noreply, s}
  end

  defp elem_or(message) when is_tuple(message), do: elem(message, 0)
  defp elem_or(message), do: message
end
