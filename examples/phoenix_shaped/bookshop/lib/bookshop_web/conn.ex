defmodule BookshopWeb.Conn do
  @moduledoc "A request and its answer: what `Plug.Conn` is to Phoenix."

  defstruct method: "GET", path: [], params: %{}, status: nil, body: nil

  @type t :: %__MODULE__{}

  @spec json(t, pos_integer, map | [map]) :: t
  def json(conn, status, data), do: %{conn | status: status, body: encode(data)}

  defp encode(list) when is_list(list), do: ["[", Enum.map_intersperse(list, ",", &encode/1), "]"]

  defp encode(%{} = map) do
    pairs = Enum.sort(for {key, value} <- map, do: {to_string(key), value})

    [
      "{",
      Enum.map_intersperse(pairs, ",", fn {key, value} -> [inspect(key), ":", encode(value)] end),
      "}"
    ]
  end

  defp encode(number) when is_integer(number), do: Integer.to_string(number)
  defp encode(text), do: inspect(to_string(text))
end
