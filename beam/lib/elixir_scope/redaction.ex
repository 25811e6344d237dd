defmodule ElixirScope.Redaction do
  @moduledoc """
  What may leave the process. A value is redacted when its **key** says so:

  - our list (password, secret, token, api_key, authorization, private_key, credit card, ...) and
    `config :elixir_scope, redact_keys: [...]`: the key, in lower case, contains the word;
  - Phoenix's `:filter_parameters` (`[...]`, `{:discard, [...]}` or `{:keep, [...]}`);
  - Ecto's `redact: true` fields; fields that a derived `Inspect` does not show. A derived implementation has no
    reflection: it is asked to print a struct of sentinels, and the fields that it does not print are hidden;
  - allow-list mode (`values: :allow`): every leaf whose key is not in `:allow_keys`.

      iex> ElixirScope.Redaction.hidden?(:password_hash)
      true
      iex> ElixirScope.Redaction.hidden?("quantity")
      false
  """
  alias ElixirScope.Config

  @words ~w(password passwd passphrase secret token api_key apikey api-key authorization private_key privatekey
            credential credit_card creditcard card_number cvv cvc ssn cookie session_id access_key otp_code pin_code)
  @table __MODULE__.Hidden
  @cached_max 10_000
  @fast_max 4_096
  @mark :"$elixir_scope_hidden"
  @lists {__MODULE__, :lists}

  @doc "Makes the cache. Its owner is the caller."
  @spec setup() :: :ok
  def setup do
    if :ets.whereis(@table) == :undefined,
      do: :ets.new(@table, [:named_table, :public, read_concurrency: true])

    :ok
  end

  @doc "Reads the lists of words again and forgets what was decided: call it after a change of configuration."
  @spec reset() :: :ok
  def reset do
    {phoenix, keep} = phoenix()
    words = @words ++ phoenix ++ Enum.map(Config.get(:redact_keys), &to_string/1)
    words = words |> Enum.map(&String.downcase/1) |> Enum.reject(&(&1 == "")) |> Enum.uniq()
    allow = MapSet.new(Config.get(:allow_keys), &to_string/1)
    :persistent_term.put(@lists, {:binary.compile_pattern(words), keep, allow})
    for {{@mark, _} = key, _} <- :persistent_term.get(), do: :persistent_term.erase(key)
    if :ets.whereis(@table) != :undefined, do: :ets.delete_all_objects(@table)
    :ok
  end

  # Words to hide, and the keys of `{:keep, keys}`.
  defp phoenix do
    case Application.get_env(:phoenix, :filter_parameters, []) do
      {:keep, keys} when is_list(keys) -> {[], keys}
      {:discard, words} when is_list(words) -> {Enum.map(words, &to_string/1), nil}
      words when is_list(words) -> {Enum.map(words, &to_string/1), nil}
      _ -> {[], nil}
    end
  end

  defp lists do
    case :persistent_term.get(@lists, nil) do
      nil -> reset() && lists()
      lists -> lists
    end
  end

  @doc "Whether the value under this key must not leave the process."
  @spec hidden?(term) :: boolean
  def hidden?(key) when is_atom(key) do
    case :persistent_term.get({@mark, key}, nil) do
      nil -> decided({@mark, key}, key)
      hidden? -> hidden?
    end
  end

  def hidden?(key) when is_binary(key) and byte_size(key) <= 256, do: word?(key)
  def hidden?(key) when is_list(key) and key != [], do: charlist?(key)
  def hidden?(_), do: false

  # Atoms that are met as keys are few; a new persistent term costs no garbage collection.
  defp decided(fast, key) do
    hidden? = cached({:key, key}, fn -> key |> Atom.to_string() |> word?() end)
    if fast_room?(), do: :persistent_term.put(fast, hidden?)
    hidden?
  end

  defp fast_room? do
    :ets.whereis(@table) != :undefined and :ets.info(@table, :size) < @fast_max
  end

  @doc "Whether Phoenix's `{:keep, keys}` decides about values."
  @spec keep?() :: boolean
  def keep? do
    {_, keep, _} = lists()
    keep != nil
  end

  defp charlist?(key) do
    length(key) <= 64 and word?(List.to_string(key))
  rescue
    _ -> false
  end

  defp word?(""), do: false

  defp word?(key) do
    {pattern, _, _} = lists()
    :binary.match(String.downcase(key), pattern) != :nomatch
  end

  @doc "In allow-list mode, or under Phoenix's `{:keep, keys}` for string keys: whether the key's value is kept."
  @spec allowed?(term) :: boolean
  def allowed?(key) do
    {_, keep, allow} = lists()

    cond do
      Config.loaded().values == :allow ->
        (is_atom(key) or is_binary(key)) and MapSet.member?(allow, to_string(key))

      # Phoenix's keep list concerns request parameters: string keys.
      keep != nil and is_binary(key) ->
        key in keep

      true ->
        true
    end
  end

  @doc "The fields of a struct that must not leave the process, beyond those that `hidden?/1` names."
  @spec hidden_fields(module) :: [atom]
  def hidden_fields(module) do
    cached({:struct, module, md5(module)}, fn -> Enum.uniq(ecto(module) ++ inspected(module)) end)
  end

  defp md5(module) do
    module.__info__(:md5)
  rescue
    _ -> nil
  end

  defp ecto(module) do
    if function_exported?(module, :__schema__, 1), do: module.__schema__(:redact_fields), else: []
  rescue
    _ -> []
  end

  defp inspected(module) do
    with true <- function_exported?(module, :__struct__, 0),
         blank = module.__struct__(),
         implementation when implementation not in [nil, Inspect.Any] <- Inspect.impl_for(blank) do
      ask(blank)
    else
      _ -> []
    end
  rescue
    _ -> []
  end

  # A hand-written implementation (`Date`, `MapSet`) crashes on the sentinels: its fields are kept.
  defp ask(blank) do
    fields = blank |> Map.from_struct() |> Map.keys()
    sentinels = Map.new(fields, &{&1, :"elixir_scope_sentinel_of_#{&1}"})
    text = blank |> Map.merge(sentinels) |> inspect(safe: false, limit: :infinity, printable_limit: :infinity)
    Enum.reject(fields, &String.contains?(text, ":elixir_scope_sentinel_of_#{&1}"))
  end

  defp cached(key, decide) do
    case :ets.lookup(@table, key) do
      [{_, value}] ->
        value

      [] ->
        value = decide.()
        if :ets.info(@table, :size) < @cached_max, do: :ets.insert(@table, {key, value})
        value
    end
  rescue
    ArgumentError -> decide.()
  end
end
