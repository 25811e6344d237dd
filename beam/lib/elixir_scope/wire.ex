defmodule ElixirScope.Wire do
  @moduledoc """
  The messages of `docs/node-socket.md`, without their length (the socket's `{:packet, 4}` adds it).

      iex> ElixirScope.Wire.decode(<<130, 0::16-little, 7::64-little>>)
      {:stored, 0, 7}
      iex> ElixirScope.Wire.decode(<<130, 0>>)
      {:error, :malformed}
  """

  @version 1

  @doc "HELLO: who this node is."
  @spec hello(ElixirScope.Identity.t()) :: binary
  def hello(identity) do
    IO.iodata_to_binary([
      <<1, @version::16-little, identity.key::64-little, identity.creation::32-little,
        identity.vm_start_us::64-little>>,
      str(identity.name),
      str(List.to_string(:erlang.system_info(:otp_release))),
      str(System.version()),
      <<String.to_integer(System.pid())::32-little>>
    ])
  end

  @doc "The first part of a CHUNK; its records follow."
  @spec chunk_head(0..65_535, pos_integer, pos_integer, non_neg_integer, non_neg_integer, [
          non_neg_integer
        ]) :: binary
  def chunk_head(writer, count, first, sent_at_us, emitted, dropped) do
    <<2, writer::16-little, count::32-little, first::64-little, sent_at_us::64-little, emitted::64-little,
      words(dropped)::binary>>
  end

  @doc "DEFINE: a site table."
  @spec define(binary) :: binary
  def define(site_table), do: <<3, site_table::binary>>

  @doc "SHAPE: the text of a shape id."
  @spec shape(1..32_767, String.t()) :: binary
  def shape(id, text), do: IO.iodata_to_binary([<<4, id::16-little>>, str(text)])

  @doc "MODULES: which module versions were loaded, removed, or (a snapshot) are there."
  @spec modules(:loaded | :removed | :snapshot, non_neg_integer, [{binary, String.t()}]) :: binary
  def modules(op, time_us, modules) do
    op = %{loaded: 1, removed: 2, snapshot: 3}[op]
    list = for {<<version::binary-16>>, module} <- modules, do: [version, str(module)]
    IO.iodata_to_binary([<<5, op, time_us::64-little, length(modules)::32-little>>, list])
  end

  @doc "BYE: the totals at the end."
  @spec bye(non_neg_integer, [non_neg_integer]) :: binary
  def bye(emitted, dropped), do: <<6, emitted::64-little, words(dropped)::binary>>

  @doc "What the agent says."
  @spec decode(binary) ::
          {:welcome, [{0..65_535, non_neg_integer}]}
          | {:stored, 0..65_535, non_neg_integer}
          | {:settings, boolean}
          | {:error, :malformed | {:version, non_neg_integer} | {:unknown, byte}}
  def decode(<<129, @version::16-little, n::16-little, rest::binary>>)
      when byte_size(rest) == n * 10 do
    {:welcome, for(<<writer::16-little, number::64-little <- rest>>, do: {writer, number})}
  end

  def decode(<<129, version::16-little, _::binary>>) when version != @version,
    do: {:error, {:version, version}}

  def decode(<<130, writer::16-little, number::64-little>>), do: {:stored, writer, number}
  def decode(<<131, on>>) when on in [0, 1], do: {:settings, on == 1}
  def decode(<<type, _::binary>>) when type not in [129, 130, 131], do: {:error, {:unknown, type}}
  def decode(_), do: {:error, :malformed}

  @doc "A `str`: u16 length and at most 65535 bytes of UTF-8."
  @spec str(String.t()) :: iodata
  def str(text) when byte_size(text) <= 65_535, do: [<<byte_size(text)::16-little>>, text]
  def str(text), do: text |> binary_part(0, 65_535) |> str()

  defp words(list), do: for(n <- list, into: <<>>, do: <<n::64-little>>)
end
