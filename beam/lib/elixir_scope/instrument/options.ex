defmodule ElixirScope.Instrument.Options do
  @moduledoc """
  What to instrument in a module.

  - `only:` function names or `{name, arity}`; others are left alone;
  - `values:` `true`, `false`, or the functions whose values are captured, as in `only:`;
  - `sites:` `:all`, or `:calls` for clauses, returns, `fn`, `receive`, callbacks, sends and exceptions but
    no `case`, `cond`, `with` and `else`;
  - `entries:` where a trace begins: `{Module, :function, arity}` with `:_` for any arity, or a pattern of
    module names like `"Shop.Web.*"` (its public functions, without the callbacks of a server);
  - `source:` the text of the source file, if it is the one that was compiled; without it columns are
    those of the debug info, and the names of clauses have none;
  - `source_state:`, `application:`, `file:` as the site table shows them;
  - `probe:` the module whose functions the instrumented code calls.
  """

  alias ElixirScope.Instrument.{Callbacks, Match}

  defstruct module: nil,
            gen_server?: false,
            only: nil,
            values: false,
            sites: :all,
            entries: [],
            source: nil,
            source_state: :unknown,
            application: "",
            file: nil,
            probe: ElixirScope.Probe,
            api: ElixirScope

  @type function_name :: atom() | {atom(), arity()}
  @type entry :: {module(), atom(), arity() | :_} | String.t()

  @type t :: %__MODULE__{
          module: module() | nil,
          gen_server?: boolean(),
          only: nil | [function_name()],
          values: boolean() | [function_name()],
          sites: :all | :calls,
          entries: [entry()],
          source: String.t() | nil,
          source_state: ElixirScope.SiteTable.source_state(),
          application: String.t(),
          file: String.t() | nil,
          probe: module(),
          api: module()
        }

  @doc """
  Options from a keyword list.

      iex> ElixirScope.Instrument.Options.new(sites: :some)
      {:error, {:invalid_option, :sites, :some}}
      iex> ElixirScope.Instrument.Options.new(site: :all)
      {:error, {:unknown_option, :site}}
  """
  @spec new(keyword()) :: {:ok, t()} | {:error, term()}
  def new(options) when is_list(options) do
    Enum.reduce_while(options, {:ok, %__MODULE__{}}, fn {name, value}, {:ok, struct} ->
      case check(name, value) do
        :ok -> {:cont, {:ok, Map.put(struct, name, value)}}
        error -> {:halt, {:error, error}}
      end
    end)
  end

  @doc "Whether a function is instrumented."
  @spec selected?(t(), atom(), arity()) :: boolean()
  def selected?(%__MODULE__{only: nil}, _name, _arity), do: true
  def selected?(%__MODULE__{only: only}, name, arity), do: listed?(only, name, arity)

  @doc "Whether a function's values are captured."
  @spec values?(t(), atom(), arity()) :: boolean()
  def values?(%__MODULE__{values: values}, _name, _arity) when is_boolean(values), do: values
  def values?(%__MODULE__{values: values}, name, arity), do: listed?(values, name, arity)

  @doc """
  Whether a trace begins in a function.

      iex> {:ok, options} = ElixirScope.Instrument.Options.new(entries: [{Shop, :buy, :_}, "Web.*"])
      iex> ElixirScope.Instrument.Options.entry?(%{options | module: Shop}, :def, :buy, 3)
      true
      iex> ElixirScope.Instrument.Options.entry?(%{options | module: Shop}, :def, :sell, 3)
      false
  """
  @spec entry?(t(), :def | :defp, atom(), arity()) :: boolean()
  def entry?(%__MODULE__{entries: entries, module: module} = options, kind, name, arity) do
    Enum.any?(entries, fn
      {^module, ^name, entry_arity} -> entry_arity in [:_, arity]
      {_module, _name, _arity} -> false
      pattern -> kind == :def and not callback?(options, name, arity) and Match.module?(pattern, module)
    end)
  end

  defp callback?(options, name, arity), do: Callbacks.positions(options, name, arity) != :none

  defp listed?(functions, name, arity), do: Enum.any?(functions, &(&1 == name or &1 == {name, arity}))

  defp check(:sites, value), do: valid(value in [:all, :calls], :sites, value)
  defp check(:only, value), do: valid(value == nil or functions?(value), :only, value)
  defp check(:values, value), do: valid(is_boolean(value) or functions?(value), :values, value)
  defp check(:entries, value), do: valid(is_list(value) and Enum.all?(value, &entry?/1), :entries, value)
  defp check(:source, value), do: valid(value == nil or is_binary(value), :source, value)
  defp check(:file, value), do: valid(value == nil or is_binary(value), :file, value)
  defp check(:application, value), do: valid(is_binary(value), :application, value)
  defp check(name, value) when name in [:probe, :api], do: valid(is_atom(value), name, value)

  defp check(:source_state, value),
    do: valid(value in [:unknown, :hashed_by_build, :hashed_at_run_time], :source_state, value)

  defp check(name, _value), do: {:unknown_option, name}

  defp valid(true, _name, _value), do: :ok
  defp valid(false, name, value), do: {:invalid_option, name, value}

  defp functions?(value) when is_list(value) do
    Enum.all?(value, fn
      {name, arity} -> is_atom(name) and arity in 0..255
      name -> is_atom(name)
    end)
  end

  defp functions?(_value), do: false

  defp entry?({module, name, arity}),
    do: is_atom(module) and is_atom(name) and (arity == :_ or arity in 0..255)

  defp entry?(pattern), do: is_binary(pattern)
end
