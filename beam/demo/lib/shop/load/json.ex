defmodule Shop.Load.Json do
  @moduledoc "Just enough JSON to write a report: maps, lists, strings, atoms, numbers."

  @doc ~S"""
  The term as JSON; map keys in order.

      iex> Shop.Load.Json.encode(%{b: [1, nil], a: "x\"y"}) |> IO.iodata_to_binary()
      ~S({"a":"x\"y","b":[1,null]})
  """
  @spec encode(term) :: iodata
  def encode(nil), do: "null"
  def encode(value) when is_boolean(value), do: Atom.to_string(value)
  def encode(value) when is_atom(value), do: encode(Atom.to_string(value))
  def encode(value) when is_integer(value), do: Integer.to_string(value)
  def encode(value) when is_float(value), do: Float.to_string(value)
  def encode(value) when is_binary(value), do: [?", for(<<char::utf8 <- value>>, do: escape(char)), ?"]
  def encode(value) when is_list(value), do: [?[, value |> Enum.map(&encode/1) |> Enum.intersperse(?,), ?]]

  def encode(value) when is_map(value) do
    members =
      value
      |> Enum.map(fn {key, member} -> {to_string(key), member} end)
      |> Enum.sort()
      |> Enum.map(fn {key, member} -> [encode(key), ?:, encode(member)] end)

    [?{, Enum.intersperse(members, ?,), ?}]
  end

  defp escape(char) when char in [?", ?\\], do: [?\\, char]
  defp escape(char) when char < 0x20, do: :io_lib.format("\\u~4.16.0b", [char])
  defp escape(char), do: <<char::utf8>>
end
