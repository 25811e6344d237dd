defmodule ElixirScope.Test.Cluster do
  @moduledoc "Peer nodes that run this application and report to the same test agent."

  @doc "Makes the test node a distributed one."
  def distribute do
    System.cmd("epmd", ["-daemon"])

    # Peers come and go: that is no network partition.
    Application.put_env(:kernel, :prevent_overlapping_partitions, false)

    if not Node.alive?() do
      {:ok, _} = Node.start(:"es_#{System.pid()}@127.0.0.1", :longnames)
    end

    :ok
  end

  @doc "Starts a peer with the application, its agent at `path`."
  def start(name, path, settings \\ []) do
    args = Enum.flat_map(:code.get_path(), &[~c"-pa", &1])

    {:ok, peer, node} =
      :peer.start_link(%{
        name: :"#{name}_#{System.unique_integer([:positive])}",
        host: ~c"127.0.0.1",
        longnames: true,
        args:
          args ++
            [
              ~c"-kernel",
              ~c"prevent_overlapping_partitions",
              ~c"false",
              ~c"-setcookie",
              Atom.to_charlist(Node.get_cookie())
            ]
      })

    for {key, value} <- [{:socket, path} | settings],
        do: :ok = :erpc.call(node, Application, :put_env, [:elixir_scope, key, value])

    {:ok, _} = :erpc.call(node, Application, :ensure_all_started, [:elixir_scope])
    {peer, node}
  end
end
