defmodule ShopTest.Launch do
  @moduledoc """
  `bin/shop` and `bin/shop-rpc`: the load with its report, nodes whose clocks are ten minutes apart, a module loaded
  while a process stays in its old code.
  """
  use ExUnit.Case, async: false

  alias ElixirScope.Test.Agent
  alias ShopTest.{Cluster, Launcher, Traces}

  @moduletag timeout: 180_000
  @moduletag :tmp_dir

  test "a load on nodes whose clocks disagree: all answered, no effect before its cause", %{tmp_dir: folder} do
    path = Agent.path()
    agent = start_supervised!({Agent, path: path})
    names = Launcher.name_server()
    stock = Launcher.start("stock", names, ["--socket", path, "--clock-offset", "+5m"])
    pay = Launcher.start("pay", names, ["--socket", path, "--clock-offset", "-5m"])
    file = Path.join(folder, "report.json")
    load = ["--seconds", "3", "--rate", "30", "--report", file, "--socket", path]
    web = Launcher.start("web", names, load)
    Enum.each([stock, pay, web], &Launcher.ready/1)

    assert Launcher.status(web) == 0
    assert File.read!(file) =~ ~s("sent":90,)
    assert File.read!(file) =~ ~s({"answered":90,)
    assert {Launcher.stop(stock), Launcher.stop(pay)} == {0, 0}

    Cluster.wait("the goodbyes", fn -> Enum.count(Agent.messages(agent), &(elem(&1, 0) == :bye)) == 3 end)
    events = Agent.events(agent)
    clocks = for {:hello, hello} <- Agent.messages(agent), do: hello.start
    assert Enum.max(clocks) - Enum.min(clocks) > 9 * 60 * 1_000_000

    by_id = Map.new(events, &{{&1.node, &1.id}, &1})
    remote = Enum.filter(events, & &1.remote?)
    assert length(remote) > 500

    for event <- remote do
      cause = Map.fetch!(by_id, {event.w10, event.parent})
      assert cause.hlc < event.hlc
      assert cause.trace == event.trace
    end
  end

  test "a module is loaded while a process runs its old code", %{tmp_dir: folder} do
    path = Agent.path()
    agent = start_supervised!({Agent, path: path})
    names = Launcher.name_server()
    nodes = for role <- ["stock", "pay", "web"], do: Launcher.start(role, names, ["--socket", path])
    Enum.each(nodes, &Launcher.ready/1)
    status = fn -> Launcher.rpc(names, ["stock", "Shop.Stock.Courier.status() |> elem(1) |> elem(1)"]) end

    assert status.() == {~s("courier-release-1"), 0}
    file = changed(Shop.Stock.Courier, "courier-release-1", "courier-release-2", folder)
    assert {"{:module, Shop.Stock.Courier}", 0} = Launcher.rpc(names, ["stock", "--load", file])
    assert status.() == {~s("courier-release-1"), 0}
    assert {refused, 1} = Launcher.rpc(names, ["stock", "--load", file])
    assert refused =~ "a process still runs old code of Shop.Stock.Courier"

    post(names, 601)
    assert {":ok", 0} = Launcher.rpc(names, ["stock", "Shop.Stock.Courier.upgrade()"])
    assert status.() == {~s("courier-release-2"), 0}
    post(names, 602)

    # Each order's parcel tells the literal of the code that handled it, and names that code.
    old = literal(agent, 601, Shop.Stock.Courier)
    new = literal(agent, 602, Shop.Stock.Courier)
    assert {old.payload.value, new.payload.value} == {"courier-release-1", "courier-release-2"}
    assert old.key != new.key

    # A change that only moves lines is another version, with other lines.
    moved = changed(Shop.Stock.Release, "defmodule", "# One.\n# Two.\n\ndefmodule", folder)
    assert {"{:module, Shop.Stock.Release}", 0} = Launcher.rpc(names, ["stock", "--load", moved])
    post(names, 603)
    old = literal(agent, 602, Shop.Stock.Release)
    new = literal(agent, 603, Shop.Stock.Release)
    assert old.payload.value == new.payload.value and old.key != new.key
    assert Traces.line(agent, new) == Traces.line(agent, old) + 3

    assert {_error, 1} = Launcher.rpc(names, ["stock", "raise \"no\""])
    assert {_error, 3} = Launcher.rpc(names, ["--suffix", "nowhere", "stock", "1"])
    assert Enum.map(nodes, &Launcher.stop/1) == [0, 0, 0]
  end

  defp post(names, id) do
    expression =
      "{_, order} = Shop.Load.Plan.order(#{id}, 1, success: 1); Shop.Web.Endpoint.post_order(order) |> elem(0)"

    assert Launcher.rpc(names, ["web", expression]) == {":ok", 0}
  end

  defp literal(agent, id, module) do
    name = Atom.to_string(module)

    find = fn ->
      agent
      |> Traces.of_order(id)
      |> Enum.find(&(&1.kind == :value and match?({^name, "literal", _}, &1.at)))
    end

    Cluster.wait("the literal of order #{id} in #{name}", fn -> find.() != nil end)
    find.()
  end

  # The module's source with other text, compiled and instrumented as a build does it.
  defp changed(module, from, to, folder) do
    {:ok, table} = module.__elixir_scope__(:sites) |> ElixirScope.SiteTable.decode()
    source = Path.join(folder, Path.basename(table.file))
    text = table.file |> File.read!() |> String.replace(from, to)
    File.write!(source, text)

    {output, 0} =
      System.cmd("elixirc", ["-pa", Path.join(Mix.Project.build_path(), "lib/*/ebin"), "-o", folder, source],
        stderr_to_stdout: true
      )

    assert output =~ "redefining" or output == ""
    file = Path.join(folder, "#{module}.beam")
    {:ok, binary, _table} = ElixirScope.Instrument.rewrite(File.read!(file), source: text, values: true)
    File.write!(file, binary)
    file
  end
end
