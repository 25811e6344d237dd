defmodule ElixirScope.Instrument.Inject do
  @moduledoc """
  The code that instrumenting adds, as expanded Elixir syntax.

  A *frame* is 0 in an untraced call, else an opaque term of the probe. So a site in a clause costs one
  comparison while untraced; an entry costs a look at the process dictionary and at the `seq_trace` token.
  """

  @context_key :"$elixir_scope"

  @doc """
  `frame = call` if the process is in a trace or was handed a token, else `frame = otherwise`.
  """
  @spec enter(Macro.t(), Macro.t(), Macro.t()) :: Macro.t()
  def enter(frame, call, otherwise) do
    meta = meta_of(frame)
    token = remote(:erlang, :seq_trace_info, [:label], meta)
    tokened = {:case, meta, [token, [do: [arm([], otherwise, meta), arm(any(meta), call, meta)]]]}
    context = remote(:erlang, :get, [@context_key], meta)

    {:=, meta,
     [frame, {:case, meta, [context, [do: [arm(:undefined, tokened, meta), arm(any(meta), call, meta)]]]}]}
  end

  @doc "`call` if the frame is traced, for its effect."
  @spec if_traced(Macro.t(), Macro.t()) :: Macro.t()
  def if_traced(frame, call), do: choose(frame, :ok, call)

  @doc "`call` if the frame is traced, else `value`; the probe's `call` returns `value` as well."
  @spec choose(Macro.t(), Macro.t(), Macro.t()) :: Macro.t()
  def choose(frame, value, call) do
    meta = meta_of(frame)
    {:case, meta, [frame, [do: [arm(0, value, meta), arm(any(meta), call, meta)]]]}
  end

  @doc "A remote call."
  @spec remote(module(), atom(), [Macro.t()], keyword()) :: Macro.t()
  def remote(module, name, arguments, meta), do: {{:., meta, [module, name]}, meta, arguments}

  @doc "`variable = value`."
  @spec bind(Macro.t(), Macro.t()) :: Macro.t()
  def bind(variable, value), do: {:=, meta_of(variable), [variable, value]}

  @doc "Expressions one after the other; those that are blocks are opened."
  @spec block([Macro.t()]) :: Macro.t()
  def block(expressions) do
    case Enum.flat_map(expressions, &opened/1) do
      [single] -> single
      several -> {:__block__, [], several}
    end
  end

  defp opened({:__block__, _meta, [_ | _] = expressions}), do: expressions
  defp opened(expression), do: [expression]

  defp arm(pattern, body, meta), do: {:->, meta, [[pattern], body]}
  defp any(meta), do: {:_, meta, nil}
  defp meta_of({_name, meta, _context}), do: [generated: true, line: meta[:line] || 0]
end
