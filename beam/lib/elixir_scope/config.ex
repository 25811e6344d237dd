defmodule ElixirScope.Config do
  @moduledoc """
  Every setting, with its default: `config :elixir_scope, key: value`.

  | key | default | meaning |
  |---|---|---|
  | `:enabled` | `true` | `false`: nothing is started, every probe refuses |
  | `:socket` | `nil` | path of the agent's socket; `nil`: `$ELIXIRSCOPE_SOCKET`, `$XDG_RUNTIME_DIR`, `/run/elixirscope` |
  | `:ring_slots` | 16384 | slots of 96 bytes per scheduler; rounded down to a power of two |
  | `:rings_bytes_max` | 64 MiB | all rings together; slots are halved until they fit |
  | `:resend_bytes_max` | 8 MiB | chunks that the agent has not stored yet |
  | `:window_bytes_max` | 1 MiB | bytes that may wait in the socket before the writer stops sending |
  | `:payload_messages_max`, `:payload_bytes_max` | 4096, 8 MiB | events with payload on their way to the writer |
  | `:max_offset_us` | 500000 | how far ahead a token's clock may be before the event is flagged |
  | `:sample` | 1.0 | share of the traces that are recorded, decided at entry by the trace id |
  | `:telemetry` | Phoenix endpoint, Oban job | span prefixes that begin a trace |
  | `:values` | `:redact` | `:redact`, or `:allow`: only keys in `:allow_keys` keep their values |
  | `:redact_keys`, `:allow_keys` | `[]` | added to the built-in list; the allow list |
  | `:value_depth`, `:value_elements`, `:value_binary_bytes`, `:value_bytes` | 3, 20, 512, 16384 | limits of one captured value |
  | `:log_level` | `:warning` | log messages of traced processes of at least this level are `log` events; `:none` |
  | `:log_untraced` | `false` | those of processes in no trace as well |
  | `:governor` | `true` | fewer new traces while the rings overflow (`ElixirScope.Governor`) |
  | `:rearm` | `true` | modules instrumented at run time are instrumented again after a hot code load |
  | `:watched_max` | 10000 | spawned traced processes whose exit is watched |
  """

  @defaults %{
    enabled: true,
    socket: nil,
    ring_slots: 16_384,
    rings_bytes_max: 64 * 1024 * 1024,
    resend_bytes_max: 8 * 1024 * 1024,
    window_bytes_max: 1024 * 1024,
    payload_messages_max: 4096,
    payload_bytes_max: 8 * 1024 * 1024,
    max_offset_us: 500_000,
    sample: 1.0,
    telemetry: [[:phoenix, :endpoint], [:oban, :job]],
    values: :redact,
    redact_keys: [],
    allow_keys: [],
    value_depth: 3,
    value_elements: 20,
    value_binary_bytes: 512,
    value_bytes: 16_384,
    log_level: :warning,
    log_untraced: false,
    governor: true,
    rearm: true,
    watched_max: 10_000
  }

  @loaded {__MODULE__, :loaded}

  @doc "Reads the settings that probes need at once; called when the application starts."
  @spec load() :: :ok
  def load do
    settings = Map.new(@defaults, fn {key, _} -> {key, get(key)} end)
    :persistent_term.put(@loaded, settings)
    ElixirScope.Redaction.reset()
  end

  @doc "All settings, as they were when the application started."
  @spec loaded() :: %{atom => term}
  def loaded, do: :persistent_term.get(@loaded, @defaults)

  @doc """
  The value of a setting, or its default.

      iex> ElixirScope.Config.get(:max_offset_us)
      500000
  """
  @spec get(atom) :: term
  def get(key), do: Application.get_env(:elixir_scope, key, Map.fetch!(@defaults, key))

  @doc "The socket's path: configured, or by the rules of `docs/node-socket.md`."
  @spec socket_path() :: String.t()
  def socket_path do
    get(:socket) || System.get_env("ELIXIRSCOPE_SOCKET") || run_time_folder()
  end

  defp run_time_folder do
    case System.get_env("XDG_RUNTIME_DIR") do
      folder when folder in [nil, ""] -> "/run/elixirscope/elixirscope-agent.sock"
      folder -> Path.join(folder, "elixirscope-agent.sock")
    end
  end
end
