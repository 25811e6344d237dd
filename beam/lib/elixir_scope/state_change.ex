defmodule ElixirScope.StateChange do
  @moduledoc """
  Whether a server's state changed, at a bounded cost: the same term in memory is unchanged; otherwise at
  most 64 pairs of elements are compared, 3 levels deep, and what is not decided by then counts as
  changed (a rebuilt equal state may so be called changed, a changed one is never called unchanged).

      iex> ElixirScope.StateChange.changed?(%{a: 1, b: [1, 2]}, %{a: 1, b: [1, 2]})
      false
      iex> ElixirScope.StateChange.changed?(%{a: 1}, %{a: 2})
      true
  """

  @pairs_max 64
  @depth_max 3

  @doc "Whether `new` differs from `old`."
  @spec changed?(term, term) :: boolean
  def changed?(old, new), do: same(old, new, @pairs_max, @depth_max) == :changed

  # The pairs that are left, or `:changed`.
  defp same(_, _, left, _) when left <= 0, do: :changed

  defp same(a, b, left, depth) do
    cond do
      :erts_debug.same(a, b) ->
        left - 1

      depth == 0 ->
        :changed

      is_map(a) and is_map(b) and map_size(a) == map_size(b) and map_size(a) <= left ->
        maps(a, b, left, depth)

      is_tuple(a) and is_tuple(b) and tuple_size(a) == tuple_size(b) ->
        tuples(a, b, 1, left, depth)

      is_list(a) and is_list(b) ->
        lists(a, b, left, depth)

      is_binary(a) and is_binary(b) and byte_size(a) <= 256 and a === b ->
        left - 1

      is_map(a) or is_tuple(a) or is_list(a) or is_bitstring(a) ->
        :changed

      a === b ->
        left - 1

      true ->
        :changed
    end
  end

  defp maps(a, b, left, depth) do
    Enum.reduce_while(Map.to_list(a), left, fn {key, value}, left ->
      case b do
        %{^key => other} -> step(same(value, other, left, depth - 1))
        _ -> {:halt, :changed}
      end
    end)
  end

  defp step(:changed), do: {:halt, :changed}
  defp step(left), do: {:cont, left}

  defp tuples(a, _b, i, left, _depth) when i > tuple_size(a), do: left

  defp tuples(a, b, i, left, depth) do
    case same(:erlang.element(i, a), :erlang.element(i, b), left, depth - 1) do
      :changed -> :changed
      left -> tuples(a, b, i + 1, left, depth)
    end
  end

  defp lists([a | as], [b | bs], left, depth) do
    cond do
      :erts_debug.same(as, bs) and :erts_debug.same(a, b) -> left - 1
      true -> heads(same(a, b, left, depth - 1), as, bs, depth)
    end
  end

  defp lists([], [], left, _depth), do: left
  defp lists(_, _, _, _), do: :changed

  defp heads(:changed, _, _, _), do: :changed
  defp heads(left, as, bs, depth) when is_list(as) and is_list(bs), do: lists(as, bs, left, depth)
  defp heads(left, as, bs, depth), do: same(as, bs, left, depth)
end
