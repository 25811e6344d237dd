defmodule ElixirScope.Test.Records do
  @moduledoc """
  Decodes what a node sends, by `docs/node-socket.md` and not by the library's own code.
  """
  import Bitwise

  @doc "Any message of a node."
  def message(<<1, version::16-little, key::64-little, creation::32-little, start::64-little, rest::binary>>) do
    {name, rest} = str(rest)
    {otp, rest} = str(rest)
    {elixir, <<os_pid::32-little>>} = str(rest)

    {:hello,
     %{
       version: version,
       key: key,
       creation: creation,
       start: start,
       name: name,
       otp: otp,
       elixir: elixir,
       os_pid: os_pid
     }}
  end

  def message(
        <<2, writer::16-little, count::32-little, first::64-little, sent::64-little, emitted::64-little,
          dropped::binary-64, records::binary>>
      ) do
    dropped = for <<n::64-little <- dropped>>, do: n
    events = records(records, first, [])
    ^count = length(events)
    {:chunk, %{writer: writer, first: first, sent: sent, emitted: emitted, dropped: dropped, events: events}}
  end

  def message(<<3, table::binary>>), do: {:define, table}

  def message(<<4, id::16-little, rest::binary>>) do
    {text, ""} = str(rest)
    {:shape, id, text}
  end

  def message(<<5, op, time::64-little, count::32-little, rest::binary>>) do
    modules = modules(rest, [])
    ^count = length(modules)
    {:modules, Enum.at([nil, :loaded, :removed, :snapshot], op), time, modules}
  end

  def message(<<6, emitted::64-little, dropped::binary-64>>),
    do: {:bye, emitted, for(<<n::64-little <- dropped>>, do: n)}

  defp str(<<size::16-little, text::binary-size(size), rest::binary>>), do: {text, rest}

  defp modules("", acc), do: Enum.reverse(acc)

  defp modules(<<version::binary-16, rest::binary>>, acc) do
    {name, rest} = str(rest)
    modules(rest, [{version, name} | acc])
  end

  defp records("", _number, acc), do: Enum.reverse(acc)

  defp records(<<words::binary-96, rest::binary>>, number, acc) do
    event = words |> record() |> Map.put(:number, number)

    if event.payload? do
      <<size::32-little, payload::binary-size(size), rest::binary>> = rest
      records(rest, number + 1, [Map.put(event, :payload, payload(event.kind, payload)) | acc])
    else
      records(rest, number + 1, [event | acc])
    end
  end

  @kinds ~w(none root call return branch fn exception callback callback_return error spawn exit value link
            node_up node_down send log root_end loss)a

  @doc "One record of 96 bytes."
  def record(bytes) do
    [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11] = for <<w::64-little <- bytes>>, do: w
    true = Enum.all?([w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11], &(&1 < 1 <<< 59))
    flags = w1 >>> 12 &&& 0xFF
    trace = <<if(Enum.at(@kinds, w1 &&& 63) == :link, do: w5, else: w5)::48, w6::48, w7 &&& 0xFFFFFFFF::32>>

    %{
      id: w0,
      lane: w0 &&& 1023,
      kind: Enum.at(@kinds, w1 &&& 63),
      class: w1 >>> 6 &&& 63,
      payload?: (flags &&& 1) != 0,
      remote?: (flags &&& 2) != 0,
      state_changed?: (flags &&& 16) != 0,
      cut?: (flags &&& 32) != 0,
      ahead?: (flags &&& 64) != 0,
      untraced?: (flags &&& 128) != 0,
      site: w1 >>> 20 &&& 0xFFFFFF,
      shape: w1 >>> 44,
      hlc: w2,
      time: w3,
      key: w4,
      trace: Base.encode16(trace, case: :lower),
      ordinal: w7 >>> 32,
      pid: w8,
      parent: w9,
      w10: w10,
      w11: w11,
      linked: Base.encode16(<<w4::48, w10::48, w11::32>>, case: :lower),
      payload: nil
    }
  end

  defp payload(:value, <<role, flags, rest::binary>>) do
    {name, etf} = str(rest)
    %{role: role, flags: flags, name: name, value: :erlang.binary_to_term(etf)}
  end

  defp payload(:root, bytes) do
    {name, rest} = str(bytes)
    {span, etf} = str(rest)
    %{name: name, span: span, attributes: :erlang.binary_to_term(etf)}
  end

  defp payload(kind, bytes) when kind in [:error, :spawn, :exit, :exception],
    do: :erlang.binary_to_term(bytes)

  defp payload(_kind, bytes), do: bytes
end
