defmodule ElixirScope.CrashReports do
  @moduledoc """
  Crash reports become `error` events, and our entries in a process dictionary stay out of the logs.

  This is a primary `:logger` filter, put in front of the others: filters run in the process that logs (for
  crash reports of `:proc_lib` the crashing process itself, so its context is at hand), and a translator that
  stops SASL reports would keep them from any handler. Reports of processes that were not started by
  `:proc_lib` come from the emulator; their trace is known if `ElixirScope.Watch` watches the process.
  """
  alias ElixirScope.{ErrorEvent, Watch}

  @id :elixir_scope
  @ours [
    :"$elixir_scope",
    :"$elixir_scope_process",
    :"$elixir_scope_error",
    :"$elixir_scope_spans",
    :"$elixir_scope_logging"
  ]

  @doc "Puts the filter in front."
  @spec attach() :: :ok
  def attach do
    %{filters: filters} = :logger.get_primary_config()
    ours = {@id, {&__MODULE__.filter/2, []}}
    _ = :logger.set_primary_config(:filters, [ours | List.keydelete(filters, @id, 0)])
    :ok
  end

  @doc "Removes the filter."
  @spec detach() :: :ok
  def detach do
    _ = :logger.remove_primary_filter(@id)
    :ok
  end

  @doc false
  @spec filter(:logger.log_event(), term) :: :logger.filter_return()
  def filter(%{msg: {:report, %{label: {:proc_lib, :crash}, report: [info | linked]} = report}} = event, _)
      when is_list(info) do
    seen(info)
    %{event | msg: {:report, %{report | report: [strip(info) | strip_all(linked)]}}}
  rescue
    _ -> :ignore
  catch
    _, _ -> :ignore
  end

  # A task says so itself; since Elixir 1.17 there is no crash report besides.
  def filter(%{msg: {:report, %{label: {Task.Supervisor, :terminating}, report: %{reason: reason}}}}, _) do
    case reason do
      {%{__exception__: true} = exception, stack} when is_list(stack) ->
        ErrorEvent.record(:error, exception, stack)

      _ ->
        ErrorEvent.record(:exit, reason, [])
    end

    :ignore
  rescue
    _ -> :ignore
  catch
    _, _ -> :ignore
  end

  def filter(%{msg: {_, [pid, {reason, stack}]}, meta: %{error_logger: %{emulator: true}}}, _)
      when is_pid(pid) do
    ErrorEvent.record_of(pid, Watch.where(pid), :error, reason, stack)
    :ignore
  rescue
    _ -> :ignore
  catch
    _, _ -> :ignore
  end

  def filter(_event, _), do: :ignore

  defp seen(info) do
    {kind, reason, stack} = info[:error_info]

    if info[:pid] == self(),
      do: ErrorEvent.record(kind, reason, stack),
      else: ErrorEvent.record_of(info[:pid], Watch.where(info[:pid]), kind, reason, stack)
  end

  defp strip(info) do
    case List.keyfind(info, :dictionary, 0) do
      {:dictionary, entries} when is_list(entries) ->
        List.keyreplace(info, :dictionary, 0, {:dictionary, Enum.reject(entries, &ours?/1)})

      _ ->
        info
    end
  end

  defp ours?({key, _}), do: key in @ours
  defp ours?(_), do: false

  # `[linked]` or `[[{neighbour, info}, ...]]`.
  defp strip_all(linked) when is_list(linked), do: Enum.map(linked, &strip_linked/1)
  defp strip_linked({:neighbour, info}) when is_list(info), do: {:neighbour, strip(info)}
  defp strip_linked(list) when is_list(list), do: Enum.map(list, &strip_linked/1)
  defp strip_linked(other), do: other
end
