defmodule ElixirScope.Instrument.Selection do
  @moduledoc """
  Which modules of a project are instrumented, and how.

  - `modules:` names or patterns (`"Shop.*"`); `except:` those of them that are not;
  - `values:` names or patterns of modules whose values are captured, or `true`;
  - `entries:`, `sites:`, `probe:` as in `ElixirScope.Instrument.Options`;
  - `strict: true` fails the build if a module cannot be instrumented.

      iex> {:ok, selection} = ElixirScope.Instrument.Selection.new(modules: ["Shop.*"], except: [Shop.Hot])
      iex> Enum.map([Shop.Stock, Shop.Hot, Other], &ElixirScope.Instrument.Selection.selects?(selection, &1))
      [true, false, false]
  """

  alias ElixirScope.Instrument.{Match, Options}

  defstruct modules: [], except: [], values: [], strict: false, options: []

  @type pattern :: module() | String.t()
  @type t :: %__MODULE__{
          modules: [pattern()],
          except: [pattern()],
          values: boolean() | [pattern()],
          strict: boolean(),
          options: keyword()
        }

  @doc "A selection from a project's settings."
  @spec new(keyword()) :: {:ok, t()} | {:error, term()}
  def new(settings) do
    {own, options} = Keyword.split(settings, [:modules, :except, :values, :strict])
    selection = struct(__MODULE__, Keyword.put(own, :options, options))

    with {:ok, _options} <- Options.new(options),
         :ok <- patterns(:modules, selection.modules),
         :ok <- patterns(:except, selection.except),
         :ok <- if(is_boolean(selection.values), do: :ok, else: patterns(:values, selection.values)) do
      {:ok, selection}
    end
  end

  @doc "Whether a module is instrumented. The library never instruments itself."
  @spec selects?(t(), module()) :: boolean()
  def selects?(%__MODULE__{} = selection, module) do
    Match.any?(selection.modules, module) and not Match.any?(selection.except, module) and
      not own?(module)
  end

  @doc "The options for a module's rewriting."
  @spec options(t(), module()) :: keyword()
  def options(%__MODULE__{} = selection, module) do
    values = if is_boolean(selection.values), do: selection.values, else: Match.any?(selection.values, module)
    Keyword.put(selection.options, :values, values)
  end

  @doc "A number that changes with the selection, to know when to instrument again."
  @spec fingerprint(t()) :: non_neg_integer()
  def fingerprint(%__MODULE__{} = selection), do: :erlang.phash2(selection, 4_294_967_296)

  defp own?(module), do: Match.any?(["ElixirScope", "ElixirScope.*"], module)

  defp patterns(name, patterns) do
    if is_list(patterns) and Enum.all?(patterns, &(is_atom(&1) or is_binary(&1))),
      do: :ok,
      else: {:error, {:invalid_option, name, patterns}}
  end
end
