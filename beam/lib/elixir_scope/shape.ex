defmodule ElixirScope.Shape do
  @moduledoc """
  What a message looks like, as a small number: `{:reserve, _, _}`, `:tick`, `%Shop.Order{}`.

  The shape of a message is its type, its tag and its size, never its content. At most 32767 shapes are
  kept; a message beyond has shape 0 (not known). Numbers are never used twice within a VM's life.
  """
  require ElixirScope.Counters
  alias ElixirScope.{Counters, Ring}

  @shapes_max 32_767
  @ids __MODULE__.Ids
  @texts __MODULE__.Texts

  @doc "Makes the tables. Their owner is the caller."
  @spec setup() :: :ok
  def setup do
    if :ets.whereis(@ids) == :undefined do
      :ets.new(@ids, [:named_table, :public, read_concurrency: true])
      :ets.new(@texts, [:named_table, :public, :ordered_set])
    end

    :ok
  end

  @doc "The number of a message's shape, 0 if there is no room for one more."
  @spec id(Ring.runtime(), term) :: 0..32_767
  def id(runtime, message) do
    key = key(message)

    case :ets.lookup(@ids, key) do
      [{_, id}] -> id
      [] -> new(runtime, key)
    end
  rescue
    # The tables are away while the application restarts.
    ArgumentError -> 0
  end

  defp new({_, _, _, counters, _, _}, key) do
    if :atomics.get(counters, Counters.field(:shapes)) >= @shapes_max do
      0
    else
      id = :atomics.add_get(counters, Counters.field(:shapes), 1)

      cond do
        id > @shapes_max ->
          0

        # Two processes that meet a shape at once make two numbers of one text: both are right.
        :ets.insert_new(@ids, {key, id}) ->
          :ets.insert(@texts, {id, text(key)})
          id

        true ->
          [{_, other}] = :ets.lookup(@ids, key)
          other
      end
    end
  end

  defp key({tag, _} = m) when is_atom(tag), do: {:t, tag, tuple_size(m)}

  defp key(m) when is_tuple(m) and tuple_size(m) > 0 do
    case :erlang.element(1, m) do
      tag when is_atom(tag) -> {:t, tag, tuple_size(m)}
      ref when is_reference(ref) -> {:r, tuple_size(m)}
      _ -> {:u, tuple_size(m)}
    end
  end

  defp key(m) when is_atom(m), do: m
  defp key(%{__struct__: name}) when is_atom(name), do: {:s, name}
  defp key(m) when is_map(m), do: {:b, "%{}"}
  defp key([]), do: {:b, "[]"}
  defp key(m) when is_list(m), do: {:b, "[_ | _]"}
  defp key(m) when is_binary(m), do: {:b, "binary"}
  defp key(m) when is_integer(m), do: {:b, "integer"}
  defp key(m) when is_float(m), do: {:b, "float"}
  defp key(m) when is_pid(m), do: {:b, "pid"}
  defp key(m) when is_reference(m), do: {:b, "ref"}
  defp key(m) when is_function(m), do: {:b, "function"}
  defp key({}), do: {:b, "{}"}
  defp key(_), do: {:b, "_"}

  @doc """
  The text of a message's shape.

      iex> ElixirScope.Shape.describe({:reserve, 123, 10})
      "{:reserve, _, _}"
      iex> ElixirScope.Shape.describe({make_ref(), :ok})
      "{ref, _}"
      iex> ElixirScope.Shape.describe(:tick)
      ":tick"
  """
  @spec describe(term) :: String.t()
  def describe(message), do: message |> key() |> text()

  defp text({:t, tag, n}), do: tuple(cut(inspect(tag)), n)
  defp text({:r, n}), do: tuple("ref", n)
  defp text({:u, n}), do: tuple("_", n)
  defp text({:s, name}), do: cut("%#{inspect(name)}{}")
  defp text({:b, text}), do: text
  defp text(atom) when is_atom(atom), do: cut(inspect(atom))

  defp tuple(first, n) when n > 32, do: "{#{first}, ... #{n} elements}"
  defp tuple(first, n), do: "{" <> Enum.join([first | List.duplicate("_", n - 1)], ", ") <> "}"

  defp cut(text) when byte_size(text) <= 256, do: text
  defp cut(text), do: String.slice(text, 0, 200) <> "..."

  @doc "The shapes made after number `id`, in order, and the last number among them."
  @spec after_id(non_neg_integer) :: {[{pos_integer, String.t()}], non_neg_integer}
  def after_id(id) do
    {_, _, _, counters, _, _} = Ring.runtime()

    if :atomics.get(counters, Counters.field(:shapes)) > id do
      list = :ets.select(@texts, [{{:"$1", :_}, [{:>, :"$1", id}], [:"$_"]}])
      {contiguous, last} = contiguous(list, id, [])
      {contiguous, last}
    else
      {[], id}
    end
  rescue
    ArgumentError -> {[], id}
  end

  # A number that is taken and has no text yet comes with a later call; after a restart of the
  # application the old numbers have no text for ever, so a gap is crossed when more follow it.
  defp contiguous([], last, acc), do: {Enum.reverse(acc), last}

  defp contiguous([{id, _} = shape | rest], _last, acc), do: contiguous(rest, id, [shape | acc])
end
