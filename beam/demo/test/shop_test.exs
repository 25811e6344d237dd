defmodule ShopTest do
  @moduledoc "Every scenario's answer on three real nodes; capture on, off and removed make no difference."
  use ExUnit.Case, async: false

  alias Shop.{Order, Receipt}
  alias Shop.Load.Plan
  alias Shop.Order.Line
  alias Shop.Stock.{Courier, Warehouse}
  alias ShopTest.Cluster

  setup_all do
    # No agent listens there: the shop must not care.
    %{peers: Cluster.start(socket: "/nonexistent/agent.sock")}
  end

  defp post(peers, order), do: Cluster.call(peers.web, Shop.Web.Endpoint, :post_order, [order])

  defp order(id, fields \\ []) do
    struct!(%Order{id: id, customer: "ada", lines: [%Line{sku: "apple", quantity: 2}]}, fields)
  end

  test "an order is priced, reserved, paid, recorded and dispatched", %{peers: peers} do
    {entries, sum} = Cluster.call(peers.web, Shop.Pay.Ledger, :balance, [])
    lines = [%Line{sku: "apple", quantity: 2}, %Line{sku: "desk", quantity: 1}]
    assert {:ok, %Receipt{} = receipt} = post(peers, order(1001, class: :member, lines: lines))

    # 2 * 45 + 24_900, a tenth off, and the fee of 20 cents and one percent.
    assert receipt.total == 22_491 + 20 + 224
    assert receipt.payment == "auth-1001"
    assert receipt.stock_release == "stock-release-1"
    assert {entries + 1, sum + receipt.total} == Cluster.call(peers.pay, Shop.Pay.Ledger, :balance, [])
    assert {:ok, {parcels, "courier-release-1"}} = Cluster.call(peers.stock, Courier, :status, [])
    assert parcels >= 1
  end

  test "order 123 wants 10 lamps of 5: refused, and none is taken", %{peers: peers} do
    {scenario, order} = Plan.order(123, 1)
    assert {scenario, order.lines} == {:insufficient, [%Line{sku: "lamp", quantity: 10}]}
    assert post(peers, order) == {:error, :insufficient_stock}
    assert Cluster.call(peers.web, Warehouse, :level, ["lamp"]) == 5
  end

  test "a partner's divisor comes as nil from the pay node", %{peers: peers} do
    order = order(1002, class: :partner)
    assert Cluster.call(peers.pay, Shop.Pay.Discounts, :divisor, [:partner]) == nil
    assert post(peers, order) == {:error, :internal}

    assert_raise ArithmeticError, fn -> Cluster.call(peers.web, Shop.Web.Pricing, :total, [order]) end
  end

  test "a payment in company is answered by another request's callback, or alone", %{peers: peers} do
    assert {:ok, %Receipt{}} = post(peers, order(1003, card: "4000-0200-0000-0001"))
  end

  test "a slow bank is waited for, a too slow one is not", %{peers: peers} do
    assert {:ok, %Receipt{}} = post(peers, order(1004, card: "4000-0300-0000-0001"))
    free = Cluster.call(peers.web, Warehouse, :level, ["chair"])
    late = order(1005, card: "4000-0400-0000-0001", lines: [%Line{sku: "chair", quantity: 3}])
    assert post(peers, late) == {:error, :timeout}

    Cluster.wait("the goods are back", fn ->
      Cluster.call(peers.web, Warehouse, :level, ["chair"]) >= free
    end)
  end

  test "a fraud desk crashes, the order is answered, the desk is there again", %{peers: peers} do
    before = Cluster.call(peers.pay, Process, :whereis, [:fraud_7])
    assert post(peers, order(1006, card: "4000-0119-0000-0007")) == {:error, :crashed}

    Cluster.wait("a new desk", fn ->
      desk = Cluster.call(peers.pay, Process, :whereis, [:fraud_7])
      is_pid(desk) and desk != before
    end)

    assert {:ok, %Receipt{}} = post(peers, order(1007, card: "4000-0000-0000-0007"))
  end

  test "bad orders are refused", %{peers: peers} do
    assert post(peers, order(1008, lines: [])) == {:error, :no_lines}
    bad = %Line{sku: "apple", quantity: 0}
    assert post(peers, order(1009, lines: [bad])) == {:error, {:bad_line, bad}}
    unknown = [%Line{sku: "moon", quantity: 1}]
    assert post(peers, order(1010, lines: unknown)) == {:error, {:unknown_product, "moon"}}
    assert post(peers, order(1011, card: "4000-0002-0000-0001")) == {:error, :stolen_card}
    assert post(peers, order(1012, card: "9")) == {:error, :bad_card}
  end

  test "every node hears of an order's events", %{peers: peers} do
    counts = fn ->
      for role <- [:web, :stock, :pay], do: Cluster.call(peers[role], Shop.Events.Audit, :counts, [])
    end

    before = Enum.map(counts.(), &Map.get(&1, :placed, 0))
    assert {:ok, %Receipt{}} = post(peers, order(1013))

    Cluster.wait("the audits", fn ->
      Enum.map(counts.(), &Map.get(&1, :placed, 0)) == Enum.map(before, &(&1 + 1))
    end)
  end

  test "the restocker keeps the warehouse full", %{peers: peers} do
    lines = [%Line{sku: "bread", quantity: 900}]
    assert {:ok, %Receipt{}} = post(peers, order(1014, lines: lines))

    Cluster.wait("the bread", fn -> Cluster.call(peers.web, Warehouse, :level, ["bread"]) == 10_000 end)
  end

  test "under load every request is answered, with its scenario's answer", %{peers: peers} do
    options = [rate: 40, seconds: 4, seed: 7]
    assert {:ok, report} = Cluster.call(peers.web, Shop.Load, :run, [options])
    assert report.sent == 160 and report.answered == 160
    assert Map.keys(report.scenarios) |> length() == length(Plan.mix())
    refute Map.has_key?(report.errors, :no_answer)
    assert report.latency_us.p50 <= report.latency_us.p99
    assert Cluster.call(peers.web, Shop.Load, :report, []) == report
    assert {:error, _text} = Plan.parse_mix("success:x")
  end

  test "answers are the same with capture on, off, and with the original modules", %{peers: peers} do
    answers = fn ->
      for id <- 1..60 do
        {scenario, order} = Plan.order(id, 3)
        answer = post(peers, order)
        # Each crash has its own desk back before the next order.
        if scenario == :crash, do: Cluster.wait("the desks", fn -> desks?(peers) end)
        comparable(answer)
      end
    end

    on = answers.()
    each(peers, ElixirScope, :off, [])
    off = answers.()
    pairs = instrumented(peers)
    assert length(pairs) > 30

    for {peer, module} <- pairs,
        do: assert({module, Cluster.call(peer, ElixirScope, :remove, [module])} == {module, :ok})

    removed = answers.()
    assert instrumented(peers) == []
    each(peers, ElixirScope, :on, [])
    assert on == off
    assert on == removed
  end

  defp each(peers, module, function, arguments) do
    for {_role, peer} <- peers, do: Cluster.call(peer, module, function, arguments)
  end

  defp desks?(peers) do
    Enum.all?(Shop.Pay.Fraud.desks(), &is_pid(Cluster.call(peers.pay, Process, :whereis, [&1])))
  end

  defp instrumented(peers) do
    for {_role, peer} <- peers,
        module <- Application.spec(:shop, :modules),
        Cluster.call(peer, :code, :is_loaded, [module]) != false,
        Cluster.call(peer, ElixirScope.Loader, :instrumented?, [module]),
        do: {peer, module}
  end

  defp comparable({:ok, receipt}), do: {:ok, %{receipt | entry: 0}}
  defp comparable(error), do: error
end
