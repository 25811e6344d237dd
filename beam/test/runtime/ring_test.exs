defmodule ElixirScope.RingTest do
  @moduledoc "The ring: what is reserved is read once or counted, whoever writes and however writers die."
  use ExUnit.Case, async: true
  import Bitwise
  alias ElixirScope.{Counters, Drain, Ring}
  alias ElixirScope.Test.Records

  defp put(ring, mask, n), do: Ring.put_in_ring(ring, mask, 2, n, n, 0, 1, 2, 3, 4, 5, 6, 7)

  # Drains until `stop?` says so; the HLC words read, the number of torn slots.
  defp drain(reader, counters, words, torn, stop?) do
    now = System.monotonic_time(:millisecond)
    {records, _, more_torn, _, reader} = Drain.take(reader, now)
    reader = Drain.free(reader, counters)
    words = Enum.map(records, fn {bytes, _} -> Records.record(bytes).hlc end) ++ words
    torn = torn + more_torn

    if stop?.(length(words) + torn),
      do: {words, torn, reader},
      else: drain(reader, counters, words, torn, stop?)
  end

  test "a full ring drops the newest and counts it; room comes back with the reader" do
    ring = Ring.new(256)
    counters = Counters.new()
    kept = for n <- 1..300, put(ring, 255, n) > 0, do: n
    assert kept == Enum.to_list(1..192)
    assert Ring.totals(ring) == {192, 108, 0}
    {words, 0, _} = drain(Drain.new(ring, 255, 1), counters, [], 0, &(&1 == 192))
    assert Enum.sort(words) == kept
    assert put(ring, 255, 1) == 193
  end

  test "many processes on all schedulers, with a reader: each event is read once or counted" do
    for _ <- 1..5 do
      ring = Ring.new(1024)
      counters = Counters.new()
      writers = 16
      each = 2_000

      tasks =
        for w <- 1..writers do
          Task.async(fn ->
            Enum.count(1..each, fn n ->
              if rem(n, 50) == 0, do: Process.sleep(0)
              put(ring, 1023, w <<< 20 ||| n) > 0
            end)
          end)
        end

      reader =
        Task.async(fn ->
          drain(Drain.new(ring, 1023, 1), counters, [], 0, &all_read?(&1, ring, writers * each))
        end)

      kept = tasks |> Task.await_many(30_000) |> Enum.sum()
      {words, torn, _} = Task.await(reader, 30_000)
      {head, full, 0} = Ring.totals(ring)
      assert head + full == writers * each
      assert length(words) + torn == head
      assert length(Enum.uniq(words)) == length(words)
      assert kept <= head
    end
  end

  defp all_read?(read, ring, total) do
    {head, full, off} = Ring.totals(ring)
    head + full + off == total and read == head
  end

  test "writers killed at random moments: every reserved slot is read or counted as torn within 200 ms" do
    ring = Ring.new(4096)
    counters = Counters.new()

    writers =
      for w <- 1..40 do
        spawn(fn -> Enum.each(Stream.iterate(1, &(&1 + 1)), fn n -> put(ring, 4095, w <<< 24 ||| n) end) end)
      end

    for pid <- Enum.shuffle(writers) do
      Process.sleep(:rand.uniform(3) - 1)
      Process.exit(pid, :kill)
    end

    for pid <- writers do
      ref = Process.monitor(pid)
      assert_receive {:DOWN, ^ref, _, _, _}, 5000
    end

    {head, _, _} = Ring.totals(ring)
    started = System.monotonic_time(:millisecond)
    {words, torn, reader} = drain(Drain.new(ring, 4095, 1), counters, [], 0, &(&1 >= head))
    assert System.monotonic_time(:millisecond) - started < 1000
    assert length(words) + torn == head
    assert length(Enum.uniq(words)) == length(words)
    assert reader.holes == []
    assert Ring.tail(ring) == head
  end

  test "a slot whose words do not fit its check is torn, not delivered" do
    ring = Ring.new(256)
    put(ring, 255, 77)
    # Word 5 of slot 1.
    :atomics.put(ring, 33 + 12 + 5, 99)
    assert Ring.read(ring, 255, 1, 1) == :torn
  end

  test "a hole does not hold up what follows it, and its slot is not written again before it is counted" do
    ring = Ring.new(256)
    counters = Counters.new()
    put(ring, 255, 1)
    hole = :atomics.add_get(ring, 1, 1)
    for n <- 3..10, do: put(ring, 255, n)
    {records, 9, 0, false, reader} = Drain.take(Drain.new(ring, 255, 1), 0)
    assert length(records) == 9
    reader = Drain.free(reader, counters)
    assert Ring.tail(ring) == hole - 1
    {[], 0, 0, false, reader} = Drain.take(reader, 99)
    {[], 0, 1, false, reader} = Drain.take(reader, 100)
    Drain.free(reader, counters)
    assert Ring.tail(ring) == 10
  end

  test "switched off, a ring refuses at once and says so" do
    ring = Ring.new(256)
    :atomics.put(ring, 9, 0)
    assert put(ring, 255, 1) == 0
    assert Ring.totals(ring) == {0, 0, 1}
  end
end
