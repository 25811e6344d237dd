defmodule Shop.Remote do
  @moduledoc """
  Calls to another role's node that end in an answer, whatever happens there: `{:error, :timeout}`,
  `{:error, :unavailable}` (the node or the process is not there) or `{:error, :crashed}`.
  """

  alias Shop.Cluster

  @type failure :: {:error, :timeout | :unavailable | :crashed}

  @doc "Calls the server of that name on the role's node."
  @spec call(atom, Cluster.role(), term, timeout_ms :: pos_integer) :: term | failure
  def call(name, role, message, timeout_ms) do
    GenServer.call({name, Cluster.node_of(role)}, message, timeout_ms)
  catch
    :exit, {:timeout, _call} -> {:error, :timeout}
    :exit, {:noproc, _call} -> {:error, :unavailable}
    :exit, {{:nodedown, _node}, _call} -> {:error, :unavailable}
    :exit, {:noconnection, _call} -> {:error, :unavailable}
    :exit, {:shutdown, _call} -> {:error, :unavailable}
    :exit, {_crash, _call} -> {:error, :crashed}
  end

  @doc "Applies a function on the role's node."
  @spec apply(Cluster.role(), module, atom, [term], timeout_ms :: pos_integer) :: {:ok, term} | failure
  def apply(role, module, function, arguments, timeout_ms) do
    {:ok, :erpc.call(Cluster.node_of(role), module, function, arguments, timeout_ms)}
  rescue
    error in ErlangError ->
      case error.original do
        {:erpc, :timeout} -> {:error, :timeout}
        {:erpc, :noconnection} -> {:error, :unavailable}
        _other -> {:error, :crashed}
      end
  end
end
