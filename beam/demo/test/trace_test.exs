defmodule ShopTest.Trace do
  @moduledoc "What an agent gets of the shop's orders: one trace each, over three nodes, with the values involved."
  use ExUnit.Case, async: false

  alias ElixirScope.Test.Agent
  alias Shop.Load.Plan
  alias ShopTest.{Cluster, Traces}

  setup_all do
    path = Agent.path()
    agent = start_supervised!({Agent, path: path})
    %{agent: agent, peers: Cluster.start(socket: path)}
  end

  defp post(peers, id, scenario) do
    {^scenario, order} = Plan.order(id, 1, [{scenario, 1}])
    {order, Cluster.call(peers.web, Shop.Web.Endpoint, :post_order, [order])}
  end

  # The trace once it has its end and so many audits have heard of the order's events.
  defp trace(agent, id, audits) do
    Cluster.wait("the trace of order #{id}", fn ->
      events = Traces.of_order(agent, id)

      Enum.any?(events, &(&1.kind == :root_end)) and
        Enum.count(at(events, :callback_return, "Events.Audit", "handle_info")) == audits
    end)

    Traces.of_order(agent, id)
  end

  defp at(events, kind, module, function) do
    Enum.filter(events, fn event ->
      event.kind == kind and match?({_, ^function, _}, event.at) and
        elem(event.at, 0) == "Elixir.Shop." <> module
    end)
  end

  defp values(events, module, function) do
    for event <- at(events, :value, module, function), do: {event.payload.name, event.payload.value}
  end

  test "a placed order is one trace over three nodes, each event after its cause", context do
    {_order, {:ok, _receipt}} = post(context.peers, 501, :success)
    events = trace(context.agent, 501, 6)
    names = Traces.nodes(context.agent)

    assert events |> Enum.map(&names[&1.node]) |> Enum.uniq() |> Enum.sort() ==
             ["pay@127.0.0.1", "stock@127.0.0.1", "web@127.0.0.1"]

    for node <- Map.keys(names) do
      assert Enum.any?(events, &(&1.node == node and &1.kind in [:call, :callback]))
    end

    assert Enum.count(events, &(&1.kind == :call)) >= 12
    # An exit names its process, not a cause.
    events = Enum.reject(events, &(&1.kind == :exit))
    assert [%{kind: :root} = root] = Enum.filter(events, &(&1.parent == 0))

    by_id = Map.new(events, &{{&1.node, &1.id}, &1})

    for event <- events, event != root do
      node = if event.remote?, do: event.w10, else: event.node
      parent = Map.fetch!(by_id, {node, event.parent})
      assert parent.hlc < event.hlc
      assert event.at != nil or event.kind in [:root_end, :error, :spawn]
    end
  end

  test "the release's literal is in the trace, as in the receipt", context do
    {_order, {:ok, receipt}} = post(context.peers, 502, :success)
    events = trace(context.agent, 502, 6)
    assert values(events, "Stock.Release", "literal") == [{"", receipt.stock_release}]
    assert {"", "courier-release-1"} in values(events, "Stock.Courier", "literal")
  end

  test "order 123 fails where 10 are wanted and 5 are there", context do
    {_order, {:error, :insufficient_stock}} = post(context.peers, 123, :insufficient)
    events = trace(context.agent, 123, 3)
    assert [{"sku", "lamp"}, {"wanted", 10}, {"there", 5} | _] = values(events, "Stock.Warehouse", "enough")
    assert [_] = at(events, :branch, "Web.Orders", "place")
  end

  test "the nil divisor: from the pay node, into the error on web", context do
    {_order, {:error, :internal}} = post(context.peers, 503, :nil_divisor)
    events = trace(context.agent, 503, 0)
    names = Traces.nodes(context.agent)

    assert [asked] = at(events, :call, "Pay.Discounts", "divisor")
    assert names[asked.node] == "pay@127.0.0.1"
    assert {"divisor", nil} in values(events, "Web.Pricing", "discounted")
    assert [error] = Enum.filter(events, &(&1.kind == :error))
    assert error.payload.type == "ArithmeticError" and error.hlc > asked.hlc
    assert [divided] = at(events, :call, "Web.Pricing", "discounted")
    assert error.parent == divided.id
  end

  test "a desk's crash is an error of the order's trace", context do
    {_order, {:error, :crashed}} = post(context.peers, 504, :crash)
    events = trace(context.agent, 504, 3)
    assert [error] = Enum.filter(events, &(&1.kind == :error))
    assert error.payload.message == "no rule for the series 0119"
    assert [judged] = at(events, :call, "Pay.Fraud", "judge")
    assert error.parent == judged.id
  end

  test "an order that another's callback answers stays in its own trace", context do
    first = Task.async(fn -> post(context.peers, 505, :deferred) end)

    Cluster.wait("the first charge", fn ->
      Traces.of_order(context.agent, 505) |> at(:callback, "Pay.Gateway", "handle_call") != []
    end)

    assert {_order, {:ok, _receipt}} = post(context.peers, 506, :success)
    assert {_order, {:ok, _receipt}} = Task.await(first)

    for id <- [505, 506] do
      events = trace(context.agent, id, 6)
      assert values(events, "Stock.Warehouse", "dispatch") == [{"order_id", id}]
      assert [_one] = at(events, :callback, "Pay.Ledger", "handle_cast")
      assert [_one] = at(events, :callback, "Pay.Gateway", "handle_call")
    end
  end

  test "what a timer drives is in no trace", context do
    for id <- 510..519, do: post(context.peers, id, :success)
    for id <- 510..519, do: trace(context.agent, id, 6)

    for id <- 510..519, event <- Traces.of_order(context.agent, id), event.at != nil do
      refute elem(event.at, 0) == "Elixir.Shop.Stock.Restocker"
      refute match?({"Elixir.Shop.Cluster", "handle_info", _}, event.at)
      refute match?({"Elixir.Shop.Stock.Warehouse", "fill", _}, event.at)
    end
  end
end
