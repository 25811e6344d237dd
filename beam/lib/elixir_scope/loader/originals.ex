defmodule ElixirScope.Loader.Originals do
  @moduledoc """
  The original beams of what was instrumented while running, compressed.

  Kept by a process of its own, started when the first is put and not linked to anyone: a module has to be
  removable after the rest of the library has stopped.
  """
  use GenServer

  @table __MODULE__
  @wait_ms 5_000

  @typedoc "What is kept of a module: opaque."
  @type kept :: tuple()

  @doc """
  Keeps an original, with the file name it was loaded under. `armed` are the options to instrument the module with
  again after a hot code load, or `nil`.
  """
  @spec put(module(), ElixirScope.ModuleVersion.t(), binary(), charlist(), keyword() | nil) :: :ok
  def put(module, version, binary, file, armed \\ nil),
    do: put({module, version, :zlib.zip(binary), file, armed})

  @doc "Keeps again what `take/1` gave."
  @spec put(kept() | nil) :: :ok
  def put(nil), do: :ok
  def put(kept), do: GenServer.call(server(), {:put, kept}, @wait_ms)

  @doc "What is kept of a module, which is forgotten."
  @spec take(module()) :: kept() | nil
  def take(module) do
    kept = lookup(module)
    delete(module)
    kept
  end

  @doc "The modules that are to be instrumented again after a hot code load, with their options."
  @spec armed() :: [{module(), keyword()}]
  def armed do
    if :ets.whereis(@table) == :undefined,
      do: [],
      else:
        for(
          [module, armed] when armed != nil <- :ets.match(@table, {:"$1", :_, :_, :_, :"$2"}),
          do: {module, armed}
        )
  end

  @doc """
  Whether a module is to be instrumented again.

      iex> ElixirScope.Loader.Originals.armed?(NoSuchModule)
      false
  """
  @spec armed?(module()) :: boolean()
  def armed?(module), do: match?({_, _, _, _, armed} when armed != nil, lookup(module))

  defp lookup(module) do
    if :ets.whereis(@table) != :undefined, do: @table |> :ets.lookup(module) |> List.first()
  end

  @doc """
  The original of a module version.

      iex> ElixirScope.Loader.Originals.fetch(NoSuchModule, <<0::128>>)
      :error
  """
  @spec fetch(module(), ElixirScope.ModuleVersion.t()) :: {:ok, binary(), charlist()} | :error
  def fetch(module, version) do
    case lookup(module) do
      {^module, ^version, compressed, file, _armed} -> {:ok, :zlib.unzip(compressed), file}
      _none -> :error
    end
  end

  @doc "Forgets the original of a module."
  @spec delete(module()) :: :ok
  def delete(module) do
    if :ets.whereis(@table) == :undefined,
      do: :ok,
      else: GenServer.call(server(), {:delete, module}, @wait_ms)
  end

  @impl true
  def init(nil) do
    :ets.new(@table, [:named_table, :protected])
    {:ok, nil}
  end

  @impl true
  def handle_call({:put, kept}, _from, state) do
    :ets.insert(@table, kept)
    {:reply, :ok, state}
  end

  def handle_call({:delete, module}, _from, state) do
    :ets.delete(@table, module)
    {:reply, :ok, state}
  end

  defp server do
    case GenServer.start(__MODULE__, nil, name: __MODULE__) do
      {:ok, pid} -> pid
      {:error, {:already_started, pid}} -> pid
    end
  end
end
