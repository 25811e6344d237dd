defmodule ElixirScope.OpenTelemetry do
  @moduledoc """
  An existing OpenTelemetry context: its trace id is adopted, its span becomes the root's parent.

  Used only where the OpenTelemetry API is loaded (`:otel_tracer`, `:otel_span`); never a dependency.
  """

  @doc "`{trace, span id, sampled?}` of the process's current span, or `nil`."
  @spec current() :: {ElixirScope.TraceParent.trace(), <<_::64>>, boolean} | nil
  def current do
    if function_exported?(:otel_tracer, :current_span_ctx, 0) and
         function_exported?(:otel_span, :trace_id, 1),
       do: read(),
       else: nil
  end

  defp read do
    # Not called by name: the modules are another library's.
    case apply(:otel_tracer, :current_span_ctx, []) do
      :undefined -> nil
      span -> ids(apply(:otel_span, :trace_id, [span]), apply(:otel_span, :span_id, [span]), flags(span))
    end
  rescue
    _ -> nil
  catch
    _, _ -> nil
  end

  # The span's record is `{span_ctx, trace id, span id, flags, ...}`.
  defp flags(span) when is_tuple(span) and tuple_size(span) > 3, do: elem(span, 3)
  defp flags(_), do: 1

  defp ids(trace, span, flags) when is_integer(trace) and trace > 0 and is_integer(span) and span > 0 do
    <<t1::48, t2::48, t3::32>> = <<trace::128>>
    sampled = not is_integer(flags) or rem(flags, 2) == 1
    {{t1, t2, t3}, <<span::64>>, sampled}
  end

  defp ids(_, _, _), do: nil
end
