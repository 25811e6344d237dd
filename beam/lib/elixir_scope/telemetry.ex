defmodule ElixirScope.Telemetry do
  @moduledoc """
  Entries by `:telemetry` spans, where that library is loaded: `prefix ++ [:start | :stop | :exception]`
  begin and end a trace (`config :elixir_scope, telemetry: [[:phoenix, :endpoint], ...]`).

  A handler must not raise (`:telemetry` would detach it for good): what goes wrong here is swallowed.
  """
  alias ElixirScope.{Config, Entry}

  @id "elixir_scope"
  @open :"$elixir_scope_spans"
  @open_max 16

  @doc """
  Attaches to the configured spans, if `:telemetry` is there. `:later`: it is there and not started yet.
  """
  @spec attach() :: :ok | :later
  def attach do
    with true <- Code.ensure_loaded?(:telemetry),
         events =
           for(prefix <- Config.get(:telemetry), last <- [:start, :stop, :exception], do: prefix ++ [last]),
         true <- events != [] do
      apply(:telemetry, :attach_many, [@id, events, &__MODULE__.handle/4, nil])
    end

    :ok
  rescue
    # Its table of handlers comes with its application.
    _ -> :later
  end

  @doc "Detaches."
  @spec detach() :: :ok
  def detach do
    if Code.ensure_loaded?(:telemetry), do: apply(:telemetry, :detach, [@id])
    :ok
  rescue
    _ -> :ok
  end

  @doc false
  @spec handle([atom], map, map, term) :: :ok
  def handle(event, _measurements, metadata, _config) do
    {prefix, [last]} = Enum.split(event, -1)
    span(last, prefix, metadata)
    :ok
  rescue
    _ -> :ok
  catch
    _, _ -> :ok
  end

  defp span(:start, prefix, metadata) do
    open = :erlang.get(@open)
    open = if is_list(open), do: open, else: []
    name = Enum.map_join(prefix, ".", &to_string/1)
    entry = Entry.begin(name, traceparent: header(metadata), attributes: attributes(metadata))
    :erlang.put(@open, Enum.take([{prefix, entry} | open], @open_max))
  end

  defp span(last, prefix, metadata) when last in [:stop, :exception] do
    case :erlang.get(@open) do
      open when is_list(open) ->
        # Spans inside it that never ended end with it.
        case Enum.split_while(open, &(elem(&1, 0) != prefix)) do
          {_inside, []} -> :ok
          {inside, [{_, entry} | rest]} -> finish(inside, entry, rest, last, metadata)
        end

      _ ->
        :ok
    end
  end

  defp finish(inside, entry, rest, last, metadata) do
    if rest == [], do: :erlang.erase(@open), else: :erlang.put(@open, rest)
    outcome = outcome(last, metadata)
    for {_, entry} <- inside, do: Entry.finish(entry, outcome)
    Entry.finish(entry, outcome)
  end

  defp outcome(:stop, metadata), do: {:ok, Map.get(metadata, :result, status(metadata))}

  defp outcome(:exception, metadata) do
    kind = if metadata[:kind] in [:error, :exit, :throw], do: metadata[:kind], else: :error
    {kind, metadata[:reason] || metadata[:error], metadata[:stacktrace] || []}
  end

  defp status(%{conn: %{status: status}}) when is_integer(status), do: if(status < 500, do: :ok, else: :error)
  defp status(_), do: :ok

  defp header(%{conn: %{req_headers: headers}}) when is_list(headers) do
    case List.keyfind(headers, "traceparent", 0) do
      {_, value} -> value
      nil -> nil
    end
  end

  defp header(_), do: nil

  defp attributes(%{conn: conn}) when is_map(conn) do
    conn
    |> Map.take([:method, :request_path, :host])
    |> Map.new(fn {key, value} -> {"http.#{key}", value} end)
  end

  defp attributes(%{job: job}) when is_map(job), do: Map.take(job, [:worker, :queue, :attempt])
  defp attributes(_), do: %{}
end
