defmodule Shop.Cluster do
  @moduledoc """
  The three nodes: who plays which role, and the connections between them.

  A node's role is `SHOP_ROLE`, else the first word of its name: `stock@127.0.0.1` and
  `stock-7@127.0.0.1` are both `:stock`, the latter in a cluster of nodes that end in `-7`.
  A node that is not distributed plays `:all` roles itself. The others are of the same host, unless
  `SHOP_NODES` (`web@a.shop,stock@b.shop,pay@c.shop`) says where they are.

  The server tries to reach the missing nodes again and again, driven by a timer. A node is there once
  its servers run, which its subscription to the order events tells.
  """
  use GenServer

  alias Shop.Events

  @roles [:web, :stock, :pay]
  @retry_ms 200

  @type role :: :web | :stock | :pay

  def start_link(_options), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "The role of this node."
  @spec role() :: role | :all
  def role do
    case System.get_env("SHOP_ROLE") do
      nil -> role_of(node())
      text -> Enum.find([:all | @roles], &(Atom.to_string(&1) == text)) || raise "no such role: #{text}"
    end
  end

  @doc """
  The role that a node's name tells.

      iex> Shop.Cluster.role_of(:"pay-7@127.0.0.1")
      :pay
      iex> Shop.Cluster.role_of(:nonode@nohost)
      :all
  """
  @spec role_of(node) :: role | :all
  def role_of(node) do
    [word | _rest] = node |> Atom.to_string() |> String.split(["-", "@"])
    Enum.find(@roles, :all, &(Atom.to_string(&1) == word))
  end

  @doc """
  The nodes of a list of names, by role.

      iex> Shop.Cluster.named("web@a.shop,pay@c.shop")
      %{web: :"web@a.shop", pay: :"pay@c.shop"}
      iex> Shop.Cluster.named("")
      %{}
  """
  @spec named(String.t()) :: %{optional(role) => node}
  def named(text) do
    for name <- String.split(text, ",", trim: true), node = String.to_atom(name), into: %{} do
      {role_of(node), node}
    end
  end

  @doc "The node that plays a role."
  @spec node_of(role) :: node
  def node_of(role) when role in @roles do
    case :persistent_term.get({__MODULE__, role}, nil) do
      nil -> node()
      node -> node
    end
  end

  @doc "Waits until all three nodes are there."
  @spec await(timeout_ms :: pos_integer) :: :ok | {:error, {:not_connected, [node]}}
  def await(timeout_ms) when timeout_ms > 0 do
    GenServer.call(__MODULE__, {:await, timeout_ms}, timeout_ms + 1000)
  end

  @impl true
  def init([]) do
    own = role()
    named = named(System.get_env("SHOP_NODES", ""))

    for role <- @roles do
      node = if own == :all, do: node(), else: named[role] || sibling(role)
      :persistent_term.put({__MODULE__, role}, node)
    end

    :net_kernel.monitor_nodes(true)
    send(self(), :connect)
    {:ok, %{waiting: []}}
  end

  @impl true
  def handle_call({:await, timeout_ms}, from, state) do
    case missing() do
      [] ->
        {:reply, :ok, state}

      _some ->
        Process.send_after(self(), {:give_up, from}, timeout_ms)
        {:noreply, %{state | waiting: [from | state.waiting]}}
    end
  end

  @impl true
  def handle_info(:connect, state) do
    Enum.each(nodes() -- [node() | Node.list()], &Node.connect/1)
    Process.send_after(self(), :connect, @retry_ms)
    {:noreply, answer(state)}
  end

  def handle_info({:give_up, from}, state) do
    if from in state.waiting do
      GenServer.reply(from, {:error, {:not_connected, missing()}})
    end

    {:noreply, %{state | waiting: List.delete(state.waiting, from)}}
  end

  def handle_info({event, _node}, state) when event in [:nodeup, :nodedown], do: {:noreply, answer(state)}

  defp answer(%{waiting: []} = state), do: state

  defp answer(state) do
    if missing() == [] do
      Enum.each(state.waiting, &GenServer.reply(&1, :ok))
      %{state | waiting: []}
    else
      state
    end
  end

  defp missing, do: nodes() -- Events.nodes()
  defp nodes, do: @roles |> Enum.map(&node_of/1) |> Enum.uniq()

  # The node of another role in the same cluster: this node's name with the first word replaced.
  defp sibling(role) do
    name = Atom.to_string(node())
    [word | _rest] = String.split(name, ["-", "@"])
    String.to_atom(Atom.to_string(role) <> String.replace_prefix(name, word, ""))
  end
end
