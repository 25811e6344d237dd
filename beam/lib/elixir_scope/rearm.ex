defmodule ElixirScope.Rearm do
  @moduledoc """
  Hot code load drops instrumentation; here it is put back.

  A module that was instrumented on the running node (`ElixirScope.instrument/2`, unless `rearm: false`) and whose
  current code no longer is, is instrumented again: from the new code's debug info, with the same options, by the
  rules of `ElixirScope.Loader`. Where that is refused (a process still runs the old code, the file on disk is not
  what is loaded), it is tried again, after one second at first, then ever more seldom, up to once a minute; it is
  counted (`rearm_refused` in `ElixirScope.stats/0`) and logged once.
  """
  use GenServer
  require ElixirScope.Counters
  require Logger
  alias ElixirScope.{Counters, Instrument, Loader, Ring}
  alias ElixirScope.Loader.Originals

  @every_ms 1_000
  @wait_max_ms 60_000

  @doc false
  def start_link(_), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "Looks at once: a module was replaced."
  @spec look() :: :ok
  def look, do: GenServer.cast(__MODULE__, :look)

  @doc "Looks, also at what was refused lately, and comes back when that is done."
  @spec look_now() :: :ok
  def look_now, do: GenServer.call(__MODULE__, :look_now, :infinity)

  @impl true
  def init(_) do
    # Compiling can wait for the application.
    Process.flag(:priority, :low)
    Process.send_after(self(), :look, @every_ms)
    # By module: when it is tried again, and the wait after that.
    {:ok, %{}}
  end

  @impl true
  def handle_call(:look_now, _from, refused), do: {:reply, :ok, look(refused, :infinity)}

  @impl true
  def handle_cast(:look, refused), do: {:noreply, look(refused, now_ms())}

  @impl true
  def handle_info(:look, refused) do
    refused = look(refused, now_ms())
    Process.send_after(self(), :look, @every_ms)
    {:noreply, refused}
  end

  def handle_info(_, refused), do: {:noreply, refused}

  defp look(refused, now) do
    armed = Originals.armed()
    refused = Map.take(refused, Enum.map(armed, &elem(&1, 0)))

    Enum.reduce(armed, refused, fn {module, options}, refused ->
      case refused do
        %{^module => {at, _wait}} when at > now -> refused
        _ -> module |> rearm(options) |> outcome(module, refused)
      end
    end)
  end

  defp rearm(module, options) do
    Loader.rearm(module, options)
  rescue
    exception -> {:error, {:raised, exception}}
  catch
    kind, reason -> {:error, {kind, reason}}
  end

  defp outcome(:ignore, module, refused), do: Map.delete(refused, module)

  defp outcome({:ok, _table}, module, refused) do
    count(Counters.field(:rearmed))
    Map.delete(refused, module)
  end

  defp outcome({:error, reason}, module, refused) do
    count(Counters.field(:rearm_refused))

    case refused do
      %{^module => {_at, wait}} ->
        wait = min(2 * wait, @wait_max_ms)
        Map.put(refused, module, {now_ms() + wait, wait})

      _first ->
        Logger.warning(
          "elixir_scope: #{inspect(module)} was replaced and is not instrumented again: #{Instrument.format_error(reason)}"
        )

        Map.put(refused, module, {now_ms() + @every_ms, @every_ms})
    end
  end

  defp count(field) do
    {_, _, _, counters, _, _} = Ring.runtime()
    :atomics.add(counters, field, 1)
  end

  defp now_ms, do: :erlang.monotonic_time(:millisecond)
end
