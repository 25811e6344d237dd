defmodule ElixirScope.SiteTable.Bytes do
  @moduledoc """
  The primitives of the site table's format: little-endian numbers, texts of at most 65,535 bytes, and
  counted sequences that never allocate ahead of the bytes they read.
  """

  @type taken(value) :: {:ok, value, binary()} | {:error, ElixirScope.SiteTable.decode_error()}

  @doc """
  A text with its length; one that is too long is cut at a character.

      iex> ElixirScope.SiteTable.Bytes.put_string("->")
      <<2, 0, "->">>
  """
  @spec put_string(String.t()) :: binary()
  def put_string(text) when byte_size(text) <= 0xFFFF, do: <<byte_size(text)::16-little, text::binary>>

  def put_string(text) do
    text |> binary_part(0, 0xFFFC) |> whole_characters() |> put_string()
  end

  @doc """
  Takes a text.

      iex> ElixirScope.SiteTable.Bytes.take_string(<<1, 0, "a", "rest">>)
      {:ok, "a", "rest"}
      iex> ElixirScope.SiteTable.Bytes.take_string(<<2, 0, "a">>)
      {:error, :truncated}
  """
  @spec take_string(binary()) :: taken(String.t())
  def take_string(<<size::16-little, text::binary-size(size), rest::binary>>) do
    if String.valid?(text), do: {:ok, text, rest}, else: {:error, {:invalid, :text}}
  end

  def take_string(_bytes), do: {:error, :truncated}

  @doc "Takes a 16-bit number."
  @spec take_u16(binary()) :: taken(0..0xFFFF)
  def take_u16(<<number::16-little, rest::binary>>), do: {:ok, number, rest}
  def take_u16(_bytes), do: {:error, :truncated}

  @doc "Takes a 32-bit number."
  @spec take_u32(binary()) :: taken(0..0xFFFFFFFF)
  def take_u32(<<number::32-little, rest::binary>>), do: {:ok, number, rest}
  def take_u32(_bytes), do: {:error, :truncated}

  @doc "Takes `count` values with `take`."
  @spec take_many(binary(), non_neg_integer(), (binary() -> taken(value))) :: taken([value])
        when value: term()
  def take_many(bytes, count, take), do: take_many(bytes, count, take, [])

  @doc "Nothing may follow the table."
  @spec at_end(binary()) :: :ok | {:error, :trailing_bytes}
  def at_end(<<>>), do: :ok
  def at_end(_rest), do: {:error, :trailing_bytes}

  defp take_many(rest, 0, _take, taken), do: {:ok, Enum.reverse(taken), rest}

  defp take_many(bytes, count, take, taken) do
    with {:ok, value, rest} <- take.(bytes), do: take_many(rest, count - 1, take, [value | taken])
  end

  defp whole_characters(text) do
    if String.valid?(text), do: text, else: whole_characters(binary_part(text, 0, byte_size(text) - 1))
  end
end
