defmodule ElixirScope.Shape do
  @moduledoc """
  What a message looks like, as a small number: `{:reserve, _, _}`, `:tick`, `%Shop.Order{}`.

  The shape of a message is its type, its tag and its size, never its content. At most 32767 shapes are
  kept; a message beyond has shape 0 (not known). Numbers are never used twice within a VM's life.

  The first 1024 are found in persistent terms (40 ns), the others in a table (150 ns).
  """
  require ElixirScope.Counters
  alias ElixirScope.{Counters, Ring}

  @shapes_max 32_767
  @fast_max 1_024
  @mark :"$elixir_scope_shape"
  @ids __MODULE__.Ids
  @texts __MODULE__.Texts

  @doc "Makes the tables. Their owner is the caller."
  @spec setup() :: :ok
  def setup do
    if :ets.whereis(@ids) == :undefined do
      :ets.new(@ids, [:named_table, :public, read_concurrency: true])
      :ets.new(@texts, [:named_table, :public, :ordered_set])
      # What an earlier run of this application numbered keeps its number.
      for {key, id} when elem(key, 0) == @mark <- shapes(), do: keep(key, id)
    end

    :ok
  end

  @doc "The number of a message's shape, 0 if there is no room for one more."
  @spec id(Ring.runtime(), term) :: 0..32_767
  def id(runtime, message) do
    key = key(message)

    case :persistent_term.get(key, 0) do
      0 -> find(runtime, key)
      id -> id
    end
  end

  defp find(runtime, key) do
    case :ets.lookup(@ids, key) do
      [{_, id}] -> id
      [] -> new(runtime, key)
    end
  rescue
    # The tables are away while the application restarts.
    ArgumentError -> 0
  end

  defp shapes,
    do: for({key, id} when is_tuple(key) and tuple_size(key) > 0 <- :persistent_term.get(), do: {key, id})

  defp keep(key, id) do
    :ets.insert(@ids, {key, id})
    :ets.insert(@texts, {id, text(key)})
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
          # A new key costs no garbage collection, unlike one that is replaced.
          if id <= @fast_max, do: :persistent_term.put(key, id)
          id

        true ->
          [{_, other}] = :ets.lookup(@ids, key)
          other
      end
    end
  end

  defp key({tag, _}) when is_atom(tag), do: {@mark, :t, tag, 2}

  defp key(m) when is_tuple(m) and tuple_size(m) > 0 do
    case :erlang.element(1, m) do
      tag when is_atom(tag) -> {@mark, :t, tag, tuple_size(m)}
      ref when is_reference(ref) -> {@mark, :r, tuple_size(m)}
      _ -> {@mark, :u, tuple_size(m)}
    end
  end

  defp key(m) when is_atom(m), do: {@mark, :a, m}
  defp key(%{__struct__: name}) when is_atom(name), do: {@mark, :s, name}
  defp key(m) when is_map(m), do: {@mark, :b, :%{}}
  defp key([]), do: {@mark, :b, :"[]"}
  defp key(m) when is_list(m), do: {@mark, :b, :"[_ | _]"}
  defp key(m) when is_binary(m), do: {@mark, :b, :binary}
  defp key(m) when is_integer(m), do: {@mark, :b, :integer}
  defp key(m) when is_float(m), do: {@mark, :b, :float}
  defp key(m) when is_pid(m), do: {@mark, :b, :pid}
  defp key(m) when is_reference(m), do: {@mark, :b, :ref}
  defp key(m) when is_function(m), do: {@mark, :b, :function}
  defp key({}), do: {@mark, :b, :{}}
  defp key(_), do: {@mark, :b, :_}

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

  defp text({@mark, :t, tag, n}), do: tuple(cut(inspect(tag)), n)
  defp text({@mark, :r, n}), do: tuple("ref", n)
  defp text({@mark, :u, n}), do: tuple("_", n)
  defp text({@mark, :s, name}), do: cut("%#{inspect(name)}{}")
  defp text({@mark, :a, atom}), do: cut(inspect(atom))
  defp text({@mark, :b, name}), do: Atom.to_string(name)

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
