defmodule ElixirScope.TraceParent do
  @moduledoc """
  W3C `traceparent`: `00-<32 hex trace>-<16 hex span>-<2 hex flags>`, and the three words of a trace id.

      iex> {:ok, trace, span, true} =
      ...>   ElixirScope.TraceParent.parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
      iex> ElixirScope.TraceParent.format(trace, span, true)
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
  """

  @typedoc "Trace id bits 127..80, 79..32, 31..0."
  @type trace :: {non_neg_integer, non_neg_integer, non_neg_integer}

  @doc "`{:ok, trace, span, sampled?}`, or `:error` for what the standard calls invalid."
  @spec parse(term) :: {:ok, trace, <<_::64>>, boolean} | :error
  def parse(
        <<version::binary-2, ?-, trace::binary-32, ?-, span::binary-16, ?-, flags::binary-2, rest::binary>>
      )
      when version != "ff" and (rest == "" or (version != "00" and binary_part(rest, 0, 1) == "-")) do
    with {:ok, _} <- hex(version),
         {:ok, <<t1::48, t2::48, t3::32>> = id} when id != <<0::128>> <- hex(trace),
         {:ok, span} when span != <<0::64>> <- hex(span),
         {:ok, <<_::7, sampled::1>>} <- hex(flags) do
      {:ok, {t1, t2, t3}, span, sampled == 1}
    else
      _ -> :error
    end
  end

  def parse(_), do: :error

  defp hex(text), do: Base.decode16(text, case: :lower)

  @doc "The header's text."
  @spec format(trace, <<_::64>>, boolean) :: String.t()
  def format(trace, span, sampled?) do
    flags = if sampled?, do: "01", else: "00"
    "00-#{id(trace)}-#{Base.encode16(span, case: :lower)}-#{flags}"
  end

  @doc "The trace id in 32 hex digits."
  @spec id(trace) :: String.t()
  def id({t1, t2, t3}), do: Base.encode16(<<t1::48, t2::48, t3::32>>, case: :lower)

  # Not from `:rand`: its state is the application's, in the process dictionary.
  @doc "A new random trace id, never 0."
  @spec random() :: trace
  def random do
    case :crypto.strong_rand_bytes(16) do
      <<0::128>> -> random()
      <<t1::48, t2::48, t3::32>> -> {t1, t2, t3}
    end
  end

  @doc """
  Whether a trace is among the share `rate` that is recorded: the same answer on every node.

      iex> ElixirScope.TraceParent.sampled?({1, 2, 3}, 1.0)
      true
      iex> ElixirScope.TraceParent.sampled?({1, 2, 3}, 0.0)
      false
  """
  @spec sampled?(trace, float) :: boolean
  def sampled?(_trace, rate) when rate >= 1, do: true
  def sampled?(_trace, rate) when rate <= 0, do: false
  # The low bits: W3C asks that these are random.
  def sampled?({_, _, t3}, rate), do: t3 < rate * 4_294_967_296
end
