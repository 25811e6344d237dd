defmodule ElixirScope.Loader.Originals do
  @moduledoc """
  The original beams of what was instrumented while running, compressed.

  Kept by a process of its own, started when the first is put and not linked to anyone: a module has to be
  removable after the rest of the library has stopped.
  """
  use GenServer

  @table __MODULE__
  @wait_ms 5_000

  @doc "Keeps an original, with the file name it was loaded under."
  @spec put(module(), ElixirScope.ModuleVersion.t(), binary(), charlist()) :: :ok
  def put(module, version, binary, file),
    do: GenServer.call(server(), {:put, module, version, :zlib.zip(binary), file}, @wait_ms)

  @doc """
  The original of a module version.

      iex> ElixirScope.Loader.Originals.fetch(NoSuchModule, <<0::128>>)
      :error
  """
  @spec fetch(module(), ElixirScope.ModuleVersion.t()) :: {:ok, binary(), charlist()} | :error
  def fetch(module, version) do
    with true <- :ets.whereis(@table) != :undefined,
         [{^module, ^version, compressed, file}] <- :ets.lookup(@table, module) do
      {:ok, :zlib.unzip(compressed), file}
    else
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
  def handle_call({:put, module, version, compressed, file}, _from, state) do
    :ets.insert(@table, {module, version, compressed, file})
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
