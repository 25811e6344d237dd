defmodule ElixirScope.Test.RecordingProbe do
  @moduledoc """
  Stands in for `ElixirScope.Probe` in tests of rewriting: each call is kept in the process dictionary, in
  order. `traced/1` runs a function as if its process were in a trace.
  """

  @context :"$elixir_scope"

  def traced(function) do
    Process.put(@context, :traced)
    Process.put(__MODULE__, [])

    try do
      {function.(), __MODULE__ |> Process.get() |> Enum.reverse()}
    after
      Process.delete(@context)
      Process.delete(__MODULE__)
    end
  end

  def call(key, site), do: opened({:call, site}, key, site)
  def call_values(key, site, values), do: opened({:call, site, values}, key, site)
  def fn_clause(key, site, outer), do: opened({:fn, site, outer(outer)}, key, site)
  def fn_clause_values(key, site, outer, values), do: opened({:fn, site, outer(outer), values}, key, site)
  def receive_clause(key, site, outer), do: opened({:receive, site, outer(outer)}, key, site)
  def receive_values(key, site, outer, values), do: opened({:receive, site, outer(outer), values}, key, site)
  def branch(_key, site, frame), do: note({:branch, site, outer(frame)})
  def branch_values(_key, site, frame, values), do: note({:branch, site, outer(frame), values})
  def resume(frame), do: note({:resume, outer(frame)})

  def exception(_key, site, frame, kind, reason, stacktrace) when is_list(stacktrace),
    do: note({:exception, site, outer(frame), kind, reason})

  def sent(_key, site, frame, to, message), do: note({:sent, site, outer(frame), to, message})

  def callback(key, site, name, message, state),
    do: opened({:callback, site, name, message, state}, key, site)

  def callback_values(key, site, name, message, state), do: callback(key, site, name, message, state)

  def return(_key, site, frame, value) do
    note({:return, site, outer(frame), value})
    value
  end

  def return_values(key, site, frame, value), do: return(key, site, frame, value)

  def callback_return(_key, site, frame, result, state) do
    note({:callback_return, site, outer(frame), result, state})
    result
  end

  def callback_return_values(key, site, frame, result, state),
    do: callback_return(key, site, frame, result, state)

  @doc "Stands in for `ElixirScope.trace/3`."
  def trace(name, function, options) do
    note({:trace, name, options[:site]})
    function.()
  end

  defp opened(event, key, site) do
    note(event)
    {:frame, key, site}
  end

  defp outer({:frame, _key, site}), do: site
  defp outer(0), do: 0

  defp note(event) do
    case Process.get(__MODULE__) do
      nil -> :ok
      events -> Process.put(__MODULE__, [event | events])
    end

    :ok
  end
end
