defmodule ElixirScope.Application do
  @moduledoc """
  Starts capture: the rings first (they outlive this application), then the writer that drains
  them, the registry of instrumented modules and the watchers.

  With `config :elixir_scope, enabled: false` nothing is started and every probe refuses.
  """
  use Application

  alias ElixirScope.{Config, CrashReports, LogEvents, Rearm, Registry, Ring, Shape, Telemetry, Watch, Writer}

  @impl true
  def start(_type, _args) do
    preload()
    Shape.setup()
    ElixirScope.Redaction.setup()
    ElixirScope.Outbox.setup()
    Config.load()

    children =
      if Config.get(:enabled) do
        Ring.setup(Config.get(:ring_slots), Config.get(:rings_bytes_max))
        CrashReports.attach()
        LogEvents.attach()
        [Registry, Writer, Watch, Rearm]
      else
        # The smallest there are: all of them refuse.
        Ring.setup(1, 0)
        Ring.switch(false)
        []
      end

    Supervisor.start_link(children,
      strategy: :one_for_one,
      max_restarts: 100,
      max_seconds: 10,
      name: ElixirScope.Supervisor
    )
  end

  # A probe that has to load a module asks the code server: that takes milliseconds, and its reply changes the
  # process's token.
  defp preload do
    modules =
      for module <- Application.spec(:elixir_scope, :modules) || [],
          name = Atom.to_string(module),
          String.starts_with?(name, "Elixir.ElixirScope"),
          not String.starts_with?(name, "Elixir.ElixirScope.Instrument"),
          do: module

    _ = :code.ensure_modules_loaded([:crypto, :seq_trace | modules])
    :ok
  end

  @impl true
  def stop(_state) do
    Telemetry.detach()
    CrashReports.detach()
    LogEvents.detach()
  end
end
