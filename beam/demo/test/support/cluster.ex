defmodule ShopTest.Cluster do
  @moduledoc """
  The shop on three real peer nodes with a name server of their own, ruled over their standard input: the
  test's node takes no part in their distribution.
  """

  @roles [:web, :stock, :pay]

  @doc """
  Starts the three nodes, for the calling process's life, and waits until they are connected.
  `settings` are the library's. Gives the peers by role.
  """
  @spec start(keyword) :: %{atom => pid}
  def start(settings \\ []) do
    port = name_server()
    peers = for role <- @roles, into: %{}, do: {role, peer(role, port)}

    for {_role, peer} <- peers do
      for {key, value} <- settings,
          do: call(peer, Application, :put_env, [:elixir_scope, key, value, [persistent: true]])

      call(peer, Application, :put_env, [:logger, :level, :critical, [persistent: true]])
      {:ok, _started} = call(peer, Application, :ensure_all_started, [:shop])
      :ok = call(peer, :logger, :set_primary_config, [:level, :error])

      for handler <- call(peer, :logger, :get_handler_ids, []),
          do: call(peer, :logger, :remove_handler, [handler])
    end

    for {_role, peer} <- peers, do: :ok = call(peer, Shop.Cluster, :await, [20_000])
    peers
  end

  @doc "Calls a function on a peer."
  @spec call(pid, module, atom, [term]) :: term
  def call(peer, module, function, arguments), do: :peer.call(peer, module, function, arguments, 60_000)

  @doc "Waits until the function is true; fails after ten seconds."
  @spec wait(String.t(), (() -> boolean), non_neg_integer) :: :ok
  def wait(what, fun, left \\ 1000) do
    cond do
      fun.() ->
        :ok

      left == 0 ->
        ExUnit.Assertions.flunk("waited in vain for: #{what}")

      true ->
        Process.sleep(10)
        wait(what, fun, left - 1)
    end
  end

  # It ends when this VM closes its standard input, whatever the reason.
  @doc false
  def name_server do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    :gen_tcp.close(socket)
    script = "epmd -port #{port} -address 127.0.0.1 2>/dev/null & pid=$!; cat > /dev/null; kill $pid"
    Port.open({:spawn_executable, System.find_executable("sh")}, args: ["-c", script])
    wait("the name server", fn -> match?({:ok, _socket}, :gen_tcp.connect({127, 0, 0, 1}, port, [])) end)
    port
  end

  defp peer(role, port) do
    paths = Enum.flat_map(:code.get_path(), &[~c"-pa", &1])
    loopback = [~c"-kernel", ~c"inet_dist_use_interface", ~c"{127,0,0,1}", ~c"-setcookie", ~c"shoptest"]

    {:ok, peer, _node} =
      :peer.start_link(%{
        name: role,
        host: ~c"127.0.0.1",
        longnames: true,
        connection: :standard_io,
        wait_boot: 60_000,
        args: loopback ++ paths,
        env: [{~c"ERL_EPMD_PORT", Integer.to_charlist(port)}, {~c"ERL_EPMD_ADDRESS", ~c"127.0.0.1"}]
      })

    {:ok, _started} = call(peer, :application, :ensure_all_started, [:elixir])
    peer
  end
end
