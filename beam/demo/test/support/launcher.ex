defmodule ShopTest.Launcher do
  @moduledoc "Nodes started by `bin/shop`, as a person or a deploy starts them."

  alias ShopTest.Cluster

  @folder Path.expand("../..", __DIR__)

  @doc "Starts `bin/shop ROLE ...` in the cluster of a name server's port; `folder` is the project's."
  @spec start(String.t(), :inet.port_number(), [String.t()], Path.t()) :: port
  def start(role, name_server, arguments \\ [], folder \\ @folder) do
    port =
      Port.open({:spawn_executable, Path.join(folder, "bin/shop")}, [
        :binary,
        :exit_status,
        :stderr_to_stdout,
        {:line, 65_536},
        args: [role | arguments],
        env: environment(name_server)
      ])

    {:os_pid, pid} = Port.info(port, :os_pid)
    ExUnit.Callbacks.on_exit(fn -> System.cmd("kill", ["-KILL", "#{pid}"], stderr_to_stdout: true) end)
    port
  end

  @doc "Waits until the node says that all three are there."
  @spec ready(port) :: :ok
  def ready(port) do
    receive do
      {^port, {:data, {:eol, "shop " <> rest}}} ->
        if rest =~ " ready ", do: :ok, else: ready(port)

      {^port, {:exit_status, status}} ->
        ExUnit.Assertions.flunk("the node ended with #{status}")
    after
      60_000 -> ExUnit.Assertions.flunk("the node is not ready")
    end
  end

  @doc "Sends SIGTERM and gives the exit status."
  @spec stop(port) :: non_neg_integer
  def stop(port) do
    {:os_pid, pid} = Port.info(port, :os_pid)
    {_output, 0} = System.cmd("kill", ["-TERM", "#{pid}"])
    status(port)
  end

  @doc "Waits for the exit status."
  @spec status(port) :: non_neg_integer
  def status(port) do
    receive do
      {^port, {:exit_status, status}} -> status
    after
      60_000 -> ExUnit.Assertions.flunk("the node does not end")
    end
  end

  @doc "What `bin/shop-rpc` prints, and its exit status."
  @spec rpc(:inet.port_number(), [String.t()]) :: {String.t(), non_neg_integer}
  def rpc(name_server, arguments) do
    {output, status} =
      System.cmd(Path.join(@folder, "bin/shop-rpc"), arguments,
        env: for({key, value} <- environment(name_server), do: {to_string(key), to_string(value)}),
        stderr_to_stdout: true
      )

    {String.trim(output), status}
  end

  @doc "A name server of its own."
  @spec name_server() :: :inet.port_number()
  def name_server, do: Cluster.name_server()

  defp environment(name_server),
    do: [{~c"ERL_EPMD_PORT", Integer.to_charlist(name_server)}, {~c"MIX_ENV", ~c"test"}]
end
