defmodule ElixirScope.WireTest do
  @moduledoc "Golden bytes of `docs/examples/`: Rust tests load the same files."
  use ExUnit.Case, async: true
  doctest ElixirScope.Clock
  doctest ElixirScope.Config
  doctest ElixirScope.Identity
  doctest ElixirScope.Kinds
  doctest ElixirScope.Redaction
  doctest ElixirScope.Resend
  doctest ElixirScope.Shape
  doctest ElixirScope.StateChange
  doctest ElixirScope.TraceParent
  doctest ElixirScope.Value
  doctest ElixirScope.Wire

  alias ElixirScope.{Drain, Identity, Resend, Ring, Wire}
  alias ElixirScope.Test.Records

  @examples Path.expand("../../../docs/examples", __DIR__)

  # The records of the example, written as probes write them.
  defp chunk do
    ring = Ring.new(256)
    trace = {0x4BF92F3577B3, 0x4DA6A3CE929D, 0x0E0E4736}
    {t1, t2, t3} = trace
    us = 217_000_000_000_000

    Ring.put_in_ring(
      ring,
      255,
      2 + 3 * 1_048_576,
      us * 1024,
      us,
      451_364_921_067_004_044,
      t1,
      t2,
      t3,
      198,
      1023 + 1024,
      0,
      0
    )

    w1 = 7 + 4096 * 2 + 29 * 1_048_576 + 5 * 17_592_186_044_416

    Ring.put_in_ring(
      ring,
      255,
      w1,
      us * 1024 + 1,
      us,
      1,
      t1,
      t2,
      t3 + 4_294_967_296,
      199,
      1025,
      142_998_620_046_722_204,
      us
    )

    {records, 2, 0, false, _} = Drain.take(Drain.new(ring, 255, 1), 0)
    records = for {bytes, _} <- Enum.reverse(records), do: bytes
    payload = <<0, 2, 5::16-little, "order">> <> etf()
    w1 = 12 + 4096 + 3 * 1_048_576 + 12 * 64

    words = [
      1 * 1024 + 1023,
      w1,
      us * 1024 + 2,
      us,
      451_364_921_067_004_044,
      t1,
      t2,
      t3 + 2 * 4_294_967_296,
      198,
      1025,
      0,
      0
    ]

    value = for w <- words, into: <<>>, do: <<w::64-little>>
    head = Wire.chunk_head(0, 3, 41, us + 5, 47, [1, 0, 2, 0, 0, 0, 0, 0])
    IO.iodata_to_binary([head, records, value, <<byte_size(payload)::32-little>>, payload])
  end

  # `%{id: 123, token: :"$redacted"}` as OTP 25 writes it: later releases write atoms and maps differently.
  defp etf do
    atom = fn text -> [100, <<byte_size(text)::16>>, text] end
    IO.iodata_to_binary([131, 116, <<2::32>>, atom.("id"), 97, 123, atom.("token"), atom.("$redacted")])
  end

  test "chunk-1.bin" do
    assert_golden("chunk-1.bin", chunk())
    {:chunk, chunk} = Records.message(chunk())
    assert [call, callback, value] = chunk.events
    assert {call.kind, call.site, call.id, call.lane, call.parent} == {:call, 3, 1025, 1, 2047}

    assert {callback.kind, callback.site, callback.shape, callback.remote?, callback.w10} ==
             {:callback, 29, 5, true, 142_998_620_046_722_204}

    assert {value.kind, value.payload.value, value.parent} == {:value, %{id: 123, token: :"$redacted"}, 1025}
    assert Enum.all?(chunk.events, &(&1.trace == "4bf92f3577b34da6a3ce929d0e0e4736"))
    assert {chunk.first, chunk.emitted, chunk.dropped} == {41, 47, [1, 0, 2, 0, 0, 0, 0, 0]}
  end

  test "hello-1.bin: all but what depends on the machine" do
    identity = %Identity{key: Identity.key("shop@host", 1, 2), name: "shop@host", creation: 1, vm_start_us: 2}
    assert {:hello, hello} = identity |> Wire.hello() |> Records.message()
    assert %{version: 1, creation: 1, start: 2, name: "shop@host"} = hello
    assert hello.key == identity.key
    assert hello.elixir == System.version()
  end

  test "shape, modules, bye" do
    assert Records.message(Wire.shape(7, "{:reserve, _}")) == {:shape, 7, "{:reserve, _}"}
    version = <<1::128>>

    assert Records.message(Wire.modules(:removed, 9, [{version, "Elixir.A"}])) ==
             {:modules, :removed, 9, [{version, "Elixir.A"}]}

    assert Records.message(Wire.bye(9, [1, 2, 3, 4, 5, 6, 7, 8])) == {:bye, 9, [1, 2, 3, 4, 5, 6, 7, 8]}
  end

  test "decode is total: any bytes give an answer" do
    for size <- 0..40, _ <- 1..50 do
      bytes = :rand.bytes(size)

      bytes =
        if size > 0 and :rand.uniform(2) == 1,
          do: <<128 + :rand.uniform(4)>> <> binary_part(bytes, 1, size - 1),
          else: bytes

      assert is_tuple(Wire.decode(bytes))
    end
  end

  test "the resend buffer conserves: pushed = stored + lost + kept, whatever happens" do
    for seed <- 1..200 do
      :rand.seed(:exsss, {seed, 1, 2})
      # buffer, next number, pushed, stored, lost, highest number the agent has
      start = {Resend.new(1000), 1, 0, 0, 0, 0}

      Enum.reduce(1..200, start, fn _, {r, next, pushed, stored, lost, agent} ->
        case :rand.uniform(6) do
          n when n <= 3 ->
            count = :rand.uniform(5)

            case Resend.push(r, next, count, :binary.copy("x", count * 20)) do
              {:ok, r} -> {r, next + count, pushed + count, stored, lost, agent}
              :full -> {r, next + count, pushed, stored, lost, agent}
            end

          4 ->
            case Resend.next(r) do
              {{first, count, _}, r} ->
                {r, next, pushed, stored, lost, if(:rand.uniform(2) == 1, do: first + count - 1, else: agent)}

              :none ->
                {r, next, pushed, stored, lost, agent}
            end

          5 ->
            {n, r} = Resend.stored(r, agent)
            {r, next, pushed, stored + n, lost, agent}

          6 ->
            {n, gone, r} = Resend.welcome(r, agent)
            {r, next, pushed, stored + n, lost + gone, agent}
        end
        |> tap(fn {r, _, pushed, stored, lost, _} ->
          assert pushed == stored + lost + Resend.count(r)
          assert r.bytes <= 1000
        end)
      end)
    end
  end

  # Written when it is not there; compared ever after.
  defp assert_golden(name, bytes) do
    path = Path.join(@examples, name)

    if File.exists?(path) do
      assert File.read!(path) == bytes
    else
      File.mkdir_p!(@examples)
      File.write!(path, bytes)
    end
  end
end
