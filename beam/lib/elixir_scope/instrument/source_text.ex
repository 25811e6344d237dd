defmodule ElixirScope.Instrument.SourceText do
  @moduledoc """
  A source file's lines, to check that a token is where the parser says.

  Columns count from 1 in grapheme clusters, as Elixir's tokenizer counts them inside strings; elsewhere a
  line that the tokenizer accepts has one code point a grapheme, so that both agree.
  """

  @enforce_keys [:lines]
  defstruct [:lines]

  @type t :: %__MODULE__{lines: tuple()}

  @doc "Splits a text into lines."
  @spec new(String.t()) :: t()
  def new(text), do: %__MODULE__{lines: text |> String.split(["\r\n", "\n"]) |> List.to_tuple()}

  @doc """
  The column of `token` in a line: `column` if it is there, else its only occurrence, else `:error`.

      iex> text = ElixirScope.Instrument.SourceText.new("a -> b")
      iex> ElixirScope.Instrument.SourceText.locate(text, 1, 3, "->")
      {:ok, 3}
      iex> ElixirScope.Instrument.SourceText.locate(text, 1, 1, "->")
      {:ok, 3}
      iex> ElixirScope.Instrument.SourceText.locate(text, 1, 1, "=>")
      :error
  """
  @spec locate(t(), pos_integer(), pos_integer(), String.t()) :: {:ok, pos_integer()} | :error
  def locate(%__MODULE__{lines: lines}, line, column, token) when line >= 1 and line <= tuple_size(lines) do
    text = elem(lines, line - 1)

    # Elixir 1.14 counts an escaped interpolation two columns short.
    shifted = for escapes <- 0..length(:binary.matches(text, "\\\#{")), do: column + 2 * escapes

    case Enum.find(shifted, &at?(text, &1, token)) do
      nil -> only(text, token)
      column -> {:ok, column}
    end
  end

  def locate(_text, _line, _column, _token), do: :error

  defp at?(text, column, token) do
    rest =
      if ascii?(text),
        do: from_byte(text, column - 1),
        else: String.slice(text, (column - 1)..-1//1)

    String.starts_with?(rest, token)
  end

  defp from_byte(text, offset) when offset <= byte_size(text),
    do: binary_part(text, offset, byte_size(text) - offset)

  defp from_byte(_text, _offset), do: ""

  defp only(text, token) do
    case :binary.matches(text, token) do
      [{offset, _size}] -> {:ok, String.length(binary_part(text, 0, offset)) + 1}
      _none_or_many -> :error
    end
  end

  defp ascii?(text), do: for(<<byte <- text>>, byte > 127, do: byte) == []
end
