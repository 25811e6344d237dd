defmodule ElixirScope.Value do
  @moduledoc """
  A term, cut to its limits and redacted, as external term format: what a captured value is.

  Limits: `:value_depth`, `:value_elements`, `:value_binary_bytes`, `:value_bytes`. What was cut is marked:
  `{:"$cut", :list | :map | :tuple | :bytes, size}` stands in the place of the rest, `{:"$cut", :depth, type}`
  of what was too deep, `{:"$cut", :budget, 0}` of what came after the budget was spent; a cut binary is
  `{:"$cut", prefix, size in bytes}`. A redacted value is `:"$redacted"`. Functions become
  `{:"$fun", "Shop.Order.-total/1-fun-0-/1"}` (their environment could hold anything).

      iex> ElixirScope.Value.limit(%{order: 123, password: "hunter2"})
      {%{order: 123, password: :"$redacted"}, false, true}
  """
  alias ElixirScope.{Config, Redaction}

  @redacted :"$redacted"
  @node_bytes 8
  # Each piece counts for at least this much, whatever its bytes: the budget bounds the time, too.
  @piece_bytes 24

  @typep limits :: %{elements: pos_integer, binary: pos_integer, allow: boolean, lists: boolean}

  @doc "The term's bytes, whether it was cut, whether something was redacted."
  @spec encode(term, term) :: {binary, boolean, boolean}
  def encode(term, key \\ nil) do
    {term, cut, redacted} = limit(term, key)
    {:erlang.term_to_binary(term), cut, redacted}
  end

  @doc "The term within its limits, whether it was cut, whether something was redacted."
  @spec limit(term, term) :: {term, boolean, boolean}
  def limit(term, key \\ nil), do: limit_to(term, key, Config.loaded())

  @doc "As `limit/2`, a tenth as much: what a line of text can be made of within a fraction of a millisecond."
  @spec brief(term) :: term
  def brief(term) do
    settings = Config.loaded()

    {term, _, _} =
      limit_to(term, nil, %{settings | value_bytes: div(settings.value_bytes, 10), value_elements: 10})

    term
  end

  defp limit_to(term, key, settings) do
    limits = %{
      elements: settings.value_elements,
      binary: settings.value_binary_bytes,
      allow: settings.values == :allow,
      lists: settings.values == :allow or Redaction.keep?()
    }

    # The account of one capture: bytes left, cut?, redacted?
    account = {settings.value_bytes, false, false}
    allowed = not limits.allow or Redaction.allowed?(key)

    {term, {_, cut, redacted}} =
      if Redaction.hidden?(key),
        do: redact(account),
        else: walk(term, settings.value_depth, allowed, limits, account)

    {term, cut, redacted}
  end

  defp redact({left, cut, _}), do: {@redacted, {left - @node_bytes - @piece_bytes, cut, true}}
  defp cut(mark, {left, _, redacted}), do: {mark, {left - @node_bytes - @piece_bytes, true, redacted}}

  @spec walk(term, integer, boolean, limits, tuple) :: {term, tuple}
  defp walk(_term, _depth, _allowed, _limits, {left, _, _} = account) when left <= 0,
    do: cut({:"$cut", :budget, 0}, account)

  defp walk(term, depth, allowed, limits, account) when is_map(term),
    do: map(term, depth, allowed, limits, account)

  defp walk([], _depth, _allowed, _limits, account), do: {[], spend(account, 1)}
  defp walk(term, 0, _, _, account) when is_list(term), do: cut({:"$cut", :depth, :list}, account)
  defp walk({}, _depth, _allowed, _limits, account), do: {{}, spend(account, 1)}
  defp walk(term, 0, _, _, account) when is_tuple(term), do: cut({:"$cut", :depth, :tuple}, account)

  defp walk(term, depth, allowed, limits, account) when is_list(term),
    do: list(term, limits.elements, depth - 1, allowed, limits, spend(account, 1), [])

  # `{"authorization", value}`, `{:password, value}`: a header, a keyword.
  defp walk({key, value}, depth, allowed, limits, account) when is_atom(key) or is_binary(key) do
    {key, account} = plain(key, limits, account)
    {value, account} = pair(key, value, depth - 1, allowed, limits, account)
    {{key, value}, account}
  end

  defp walk(term, depth, allowed, limits, account) when is_tuple(term) do
    size = tuple_size(term)
    # Element by element: a list of a large tuple takes as long as the tuple is large.
    {kept, account} =
      Enum.map_reduce(1..min(size, limits.elements), account, fn i, account ->
        walk(:erlang.element(i, term), depth - 1, allowed, limits, account)
      end)

    if size > limits.elements do
      {mark, account} = cut({:"$cut", :tuple, size}, account)
      {List.to_tuple(kept ++ [mark]), account}
    else
      {List.to_tuple(kept), account}
    end
  end

  # The tag of a message stays readable in allow-list mode: an atom says no more than a name.
  defp walk(term, _depth, _allowed, _limits, account) when is_atom(term),
    do: {term, spend(account, @node_bytes)}

  defp walk(_term, _depth, false, _limits, account), do: redact(account)
  defp walk(term, _depth, true, limits, account), do: plain(term, limits, account)

  defp plain(term, limits, account) when is_binary(term) do
    if byte_size(term) > limits.binary do
      {mark, account} =
        cut({:"$cut", :binary.copy(binary_part(term, 0, limits.binary)), byte_size(term)}, account)

      {mark, spend(account, limits.binary)}
    else
      {term, spend(account, byte_size(term) + @node_bytes)}
    end
  end

  defp plain(term, limits, account) when is_bitstring(term) do
    if bit_size(term) > limits.binary * 8,
      do: cut({:"$cut", :bytes, byte_size(term)}, account),
      else: {term, spend(account, byte_size(term) + @node_bytes)}
  end

  defp plain(term, _limits, account) when is_integer(term) and term < 0x7FFFFFFF and term > -0x80000000,
    do: {term, spend(account, 5)}

  defp plain(term, limits, account) when is_integer(term) do
    bytes = :erlang.external_size(term)

    if bytes > limits.binary,
      do: cut({:"$cut", :bytes, bytes}, account),
      else: {term, spend(account, bytes)}
  end

  defp plain(term, _limits, account) when is_function(term) do
    info = :erlang.fun_info(term)
    text = "#{inspect(info[:module])}.#{info[:name]}/#{info[:arity]}"
    {{:"$fun", text}, spend(account, byte_size(text) + @node_bytes)}
  end

  defp plain(term, _limits, account), do: {term, spend(account, 32)}

  defp spend({left, cut, redacted}, bytes), do: {left - bytes - @piece_bytes, cut, redacted}

  defp list([], _left, _depth, _allowed, _limits, account, acc), do: {Enum.reverse(acc), account}

  defp list(rest, 0, _depth, _allowed, _limits, account, acc) do
    {mark, account} = cut({:"$cut", :list, rest_length(rest, 0)}, account)
    {Enum.reverse([mark | acc]), account}
  end

  defp list([head | tail], left, depth, allowed, limits, account, acc) do
    {head, account} = walk(head, depth, allowed, limits, account)
    list(tail, left - 1, depth, allowed, limits, account, [head | acc])
  end

  # An improper list keeps its tail, as a proper one.
  defp list(tail, _left, depth, allowed, limits, account, acc) do
    {tail, account} = walk(tail, depth, allowed, limits, account)
    {Enum.reverse([tail | acc]), account}
  end

  # Counted to a bound: a million-element list is not walked.
  defp rest_length([_ | rest], n) when n < 10_000, do: rest_length(rest, n + 1)
  defp rest_length(_, n), do: n

  defp map(%{__struct__: module} = term, depth, allowed, limits, account) when is_atom(module) do
    hidden = Redaction.hidden_fields(module)
    {fields, account} = fields(Map.from_struct(term), hidden, depth, allowed, limits, account)
    {Map.put(fields, :__struct__, module), account}
  end

  defp map(term, _depth, _allowed, _limits, account) when map_size(term) == 0, do: {term, spend(account, 1)}
  defp map(_term, 0, _allowed, _limits, account), do: cut({:"$cut", :depth, :map}, account)
  defp map(term, depth, allowed, limits, account), do: fields(term, [], depth, allowed, limits, account)

  defp fields(term, _hidden, 0, _allowed, _limits, account) when map_size(term) > 0,
    do: {%{:"$cut" => :depth}, put_elem(spend(account, @node_bytes), 1, true)}

  defp fields(term, hidden, depth, allowed, limits, account) do
    {pairs, account} =
      term |> first(limits.elements) |> pairs(hidden, depth - 1, allowed, limits, account, [])

    fields = :maps.from_list(pairs)

    if map_size(term) > limits.elements,
      do: {Map.put(fields, :"$cut", map_size(term)), put_elem(account, 1, true)},
      else: {fields, account}
  end

  defp pairs([], _hidden, _depth, _allowed, _limits, account, acc), do: {acc, account}

  defp pairs([{key, value} | rest], hidden, depth, allowed, limits, account, acc) do
    {shown, account} = field(key, depth, limits, account)

    {value, account} =
      if hidden != [] and :lists.member(key, hidden),
        do: redact(account),
        else: pair(key, value, depth, allowed, limits, account)

    pairs(rest, hidden, depth, allowed, limits, account, [{shown, value} | acc])
  end

  defp field(key, _depth, _limits, {left, _, _} = account) when is_atom(key) and left > 0,
    do: {key, spend(account, @node_bytes)}

  defp field(key, depth, limits, account), do: walk(key, depth, true, limits, account)

  # Without making a list of a large map.
  defp first(map, n) when map_size(map) <= n, do: :maps.to_list(map)
  defp first(map, n), do: map |> :maps.iterator() |> first(n, [])
  defp first(_iterator, 0, acc), do: Enum.reverse(acc)

  defp first(iterator, n, acc) do
    case :maps.next(iterator) do
      {key, value, next} -> first(next, n - 1, [{key, value} | acc])
      :none -> Enum.reverse(acc)
    end
  end

  defp pair(key, value, depth, allowed, limits, account) do
    cond do
      Redaction.hidden?(key) -> redact(account)
      not limits.lists -> walk(value, max(depth, 0), allowed, limits, account)
      limits.allow -> walk(value, max(depth, 0), Redaction.allowed?(key), limits, account)
      not Redaction.allowed?(key) -> redact(account)
      true -> walk(value, max(depth, 0), allowed, limits, account)
    end
  end
end
