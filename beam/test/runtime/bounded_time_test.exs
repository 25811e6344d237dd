defmodule ElixirScope.BoundedTimeTest do
  @moduledoc """
  No call of ours takes a millisecond: whatever the value, the exception, the state of the rings and of the agent.

  The operating system may stop a process at any instruction, so one slow call proves nothing. A call that is slow by
  itself is slow in every round: what counts is the fastest round's slowest call.
  """
  use ExUnit.Case, async: false
  alias ElixirScope.{Capture, Probe, Ring, Value}

  @limit_us 1_000
  @rounds 12

  # The slowest of `calls` calls, in the best of the rounds.
  defp slowest_us(calls, fun) do
    fun.()

    Enum.min(
      for _ <- 1..@rounds do
        :erlang.garbage_collect()
        slowest = Enum.reduce(1..calls, 0, fn _, max -> max(max, elapsed(fun)) end)
        Process.sleep(5)
        slowest
      end
    ) / 1_000
  end

  defp elapsed(fun) do
    before = :erlang.monotonic_time(:nanosecond)
    fun.()
    :erlang.monotonic_time(:nanosecond) - before
  end

  setup_all do
    :persistent_term.put(__MODULE__, large_terms())

    on_exit(fn ->
      :persistent_term.erase(__MODULE__)
      # What was kept for an agent is not the next test's business.
      ElixirScope.Test.Agent.forget_kept()
    end)
  end

  defp values, do: :persistent_term.get(__MODULE__)

  defp large_terms do
    large = Map.new(1..100_000, &{&1, %{name: "n#{&1}", tags: [:a, "b", &1]}})

    [
      number: 1,
      large_map: large,
      long_list: Enum.to_list(1..1_000_000),
      large_binary: :binary.copy("x", 50_000_000),
      large_integer: Integer.pow(2, 200_000),
      wide: for(_ <- 1..20, do: for(_ <- 1..20, do: for(_ <- 1..20, do: %{a: 1, b: "two", c: [3]}))),
      deep: Enum.reduce(1..100_000, nil, fn _, inner -> [inner] end),
      large_tuple: Tuple.duplicate(large, 100_000),
      mapset: MapSet.new(1..100_000),
      closure: fn -> large end,
      state: Map.new(1..100_000, &{&1, List.duplicate(&1, 10)}),
      same_state: Map.new(1..100_000, &{&1, List.duplicate(&1, 10)})
    ]
  end

  test "events, values of any size and returns" do
    for {name, value} <- values() do
      us =
        ElixirScope.trace("bounded", fn ->
          frame = Probe.call(7, 1)

          max(
            slowest_us(50, fn -> Probe.call_values(7, 1, value: value) end),
            slowest_us(50, fn -> Probe.return_values(7, 2, frame, value) end)
          )
        end)

      assert us < @limit_us, "#{name}: #{us} us"
    end
  end

  test "a callback with a large state, changed and not" do
    {state, same} = {values()[:state], values()[:same_state]}

    us =
      ElixirScope.trace("bounded", fn ->
        enter = fn -> Probe.callback_values(7, 1, :handle_call, {:reserve, state}, state) end
        frame = enter.()

        max(
          slowest_us(50, enter),
          slowest_us(50, fn -> Probe.callback_return_values(7, 1, frame, {:reply, same, same}, state) end)
        )
      end)

    assert us < @limit_us, "#{us} us"
  end

  test "exceptions of any size" do
    for {name, value} <- values() do
      reasons = [{:badmatch, value}, %ArgumentError{message: "no"}, %KeyError{key: :k, term: value}]

      for reason <- reasons do
        us =
          ElixirScope.trace("bounded", fn ->
            slowest_us(20, fn -> Probe.exception(7, 1, Probe.call(7, 1), :error, reason) end)
          end)

        assert us < @limit_us, "#{name}, #{inspect(reason, limit: 2, printable_limit: 20)}: #{us} us"
      end
    end
  end

  test "rings full or switched off" do
    ring = Ring.new(256)
    for n <- 1..400, do: Ring.put_in_ring(ring, 255, n, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0)

    assert slowest_us(1_000, fn -> Ring.put_in_ring(ring, 255, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0) end) <
             @limit_us

    on_exit(&ElixirScope.on/0)

    us =
      ElixirScope.trace("bounded", fn ->
        ElixirScope.off()
        slowest_us(1_000, fn -> Probe.call_values(7, 1, value: %{a: 1}) end)
      end)

    assert us < @limit_us
  end

  test "a look at whether the process is sensitive, and a value alone" do
    assert slowest_us(1_000, &Capture.sensitive?/0) < @limit_us
    assert slowest_us(1_000, fn -> Value.encode(%{order: 1, lines: [1, 2, 3]}) end) < @limit_us
  end
end
