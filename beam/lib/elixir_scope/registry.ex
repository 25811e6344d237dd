defmodule ElixirScope.Registry do
  @moduledoc """
  Knows which instrumented modules the VM has loaded, in which version, and tells the agent.

  It looks at the loaded modules every second and when an event carries an unknown module key; the
  loader says at once what it loads. A module version's site table is kept as long as the VM runs
  (events of old code still name it), bounded in number.
  """
  use GenServer
  alias ElixirScope.{Clock, Rearm, Wire, Writer}

  @table __MODULE__.Tables
  @every_ms 1_000
  @versions_max 20_000

  @doc false
  def start_link(_), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "A module was loaded whose site table is this."
  @spec loaded(binary) :: :ok
  def loaded(site_table) when is_binary(site_table),
    do: GenServer.cast(__MODULE__, {:loaded, site_table})

  @doc "Looks again: a module was removed or replaced."
  @spec scan() :: :ok
  def scan, do: GenServer.cast(__MODULE__, :scan)

  @doc "An event carries this module key; if it is not known, the loaded modules are looked at."
  @spec unknown(non_neg_integer) :: :ok
  def unknown(key) do
    if :ets.whereis(@table) == :undefined or not :ets.member(@table, {:key, key}), do: scan()
    :ok
  end

  @doc "Every DEFINE and a MODULES snapshot, for a new connection."
  @spec announcement() :: [binary]
  def announcement do
    if :ets.whereis(@table) == :undefined do
      [Wire.modules(:snapshot, Clock.now_us(), [])]
    else
      defines = for [table] <- :ets.match(@table, {{:version, :_}, :"$1"}), do: Wire.define(table)
      defines ++ [Wire.modules(:snapshot, Clock.now_us(), present())]
    end
  end

  @doc "The module versions that are loaded now: `{16 bytes, module name}`."
  @spec present() :: [{binary, String.t()}]
  def present do
    for [module, version] <- :ets.match(@table, {{:module, :"$1"}, :"$2"}),
        do: {version, Atom.to_string(module)}
  end

  @impl true
  def init(_) do
    :ets.new(@table, [:named_table, :protected, read_concurrency: true])
    {:ok, %{}, {:continue, :first}}
  end

  @impl true
  def handle_continue(:first, state) do
    look()
    Process.send_after(self(), :look, @every_ms)
    {:noreply, state}
  end

  @impl true
  def handle_cast({:loaded, table}, state) do
    with {:ok, version} <- define(table), do: Writer.announce([Wire.define(table)]) && version
    look()
    {:noreply, state}
  end

  def handle_cast(:scan, state) do
    look()
    {:noreply, state}
  end

  @impl true
  def handle_info(:look, state) do
    look()
    Process.send_after(self(), :look, @every_ms)
    {:noreply, state}
  end

  def handle_info(_, state), do: {:noreply, state}

  defp look do
    loaded =
      for module <- :erlang.loaded(),
          function_exported?(module, :__elixir_scope__, 1),
          {:ok, version, table} <- [describe(module)],
          into: %{},
          do: {module, {version, table}}

    old = Map.new(:ets.match(@table, {{:module, :"$1"}, :"$2"}), fn [m, v] -> {m, v} end)
    new = for {module, {version, table}} <- loaded, old[module] != version, do: {module, version, table}
    gone = for {module, version} <- old, not is_map_key(loaded, module), do: {module, version}
    if new != [], do: announce_loaded(new)
    if gone != [], do: announce_removed(gone) && Rearm.look()
  end

  defp announce_loaded(new) do
    defines =
      for {_, version, table} <- new,
          :ets.lookup(@table, {:version, version}) == [],
          {:ok, _} <- [define(table)],
          do: Wire.define(table)

    for {module, version, _} <- new, do: :ets.insert(@table, {{:module, module}, version})
    Writer.announce(defines ++ [modules(:loaded, for({m, v, _} <- new, do: {m, v}))])
  end

  defp announce_removed(gone) do
    for {module, _} <- gone, do: :ets.delete(@table, {:module, module})
    Writer.announce([modules(:removed, gone)])
  end

  defp modules(op, list),
    do: Wire.modules(op, Clock.now_us(), for({m, v} <- list, do: {v, Atom.to_string(m)}))

  # The head of a site table: magic, format version, module version.
  defp define(<<"ESST", 1::16-little, version::binary-16, _::binary>> = table) do
    if :ets.info(@table, :size) < 3 * @versions_max do
      <<key::59, _::bitstring>> = version
      :ets.insert(@table, [{{:version, version}, table}, {{:key, key}, version}])
      {:ok, version}
    else
      :full
    end
  end

  defp define(_), do: :invalid

  defp describe(module) do
    case module.__elixir_scope__(:sites) do
      <<"ESST", _::16, version::binary-16, _::binary>> = table -> {:ok, version, table}
      _ -> :invalid
    end
  rescue
    # Unloaded between the look and the call, or another library's function of this name.
    _ -> :invalid
  end
end
