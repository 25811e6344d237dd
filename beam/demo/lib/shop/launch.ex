defmodule Shop.Launch do
  @moduledoc """
  What a node does once its VM runs: starts the shop from the project's folder, waits for the other
  nodes, says so, and on the web node runs the load and stops. Called by `bin/shop`.

  Exit status: 0; 1 if the nodes did not connect or not every request was answered; 2 for bad options.
  """

  alias Shop.{Cluster, Load}
  alias Shop.Load.{Plan, Report}

  @switches [
    rate: :integer,
    seconds: :integer,
    seed: :integer,
    first_id: :integer,
    mix: :string,
    report: :string,
    wait: :integer
  ]
  @wait_s 60

  @doc "Runs a node with the options of `bin/shop`; `folder` is the project's."
  @spec main(String.t(), [String.t()]) :: :ok | no_return
  def main(folder, arguments) do
    options = options(arguments)
    configure(Path.join(folder, "config/config.exs"))
    load_modules([:elixir_scope, :shop])
    {:ok, _started} = Application.ensure_all_started(:shop, :permanent)
    Logger.configure(level: Application.fetch_env!(:logger, :level))

    case Cluster.await(Keyword.get(options, :wait, @wait_s) * 1000) do
      :ok ->
        IO.puts("shop #{Cluster.role()} ready #{node()}")
        if options[:seconds], do: load(options)
        :ok

      {:error, {:not_connected, nodes}} ->
        stop(1, "not connected: #{Enum.join(nodes, ", ")}")
    end
  end

  defp load(options) do
    {report_file, options} = Keyword.pop(options, :report)

    {:ok, report} = options |> Keyword.delete(:wait) |> Load.run()
    json = Report.to_json(report)
    IO.puts(json)
    if report_file, do: write(report_file, json)

    if report.answered == report.sent do
      stop(0, "all #{report.sent} requests were answered")
    else
      stop(1, "#{report.sent - report.answered} requests were not answered")
    end
  end

  # Whole or not at all: whoever waits for the file finds it complete.
  defp write(file, json) do
    File.write!(file <> ".part", json <> "\n")
    File.rename!(file <> ".part", file)
  end

  defp options(arguments) do
    with {options, [], []} <- OptionParser.parse(arguments, strict: @switches),
         {:ok, mix} <- mix(options[:mix]),
         nil <- Enum.find([:rate, :seconds, :first_id, :wait], &(Keyword.get(options, &1, 1) < 1)) do
      Keyword.put(options, :mix, mix)
    else
      {_options, rest, invalid} -> stop(2, "cannot read: #{inspect(rest ++ invalid)}")
      {:error, text} -> stop(2, text)
      option -> stop(2, "--#{option} must be positive")
    end
  end

  defp mix(nil), do: {:ok, Plan.mix()}
  defp mix(text), do: Plan.parse_mix(text)

  # Persistent, or loading an application would put its own defaults in place again.
  defp configure(file) do
    file |> Config.Reader.read!(env: :prod) |> Application.put_all_env(persistent: true)
  end

  # As a release does, so that no request waits for a module to be loaded.
  defp load_modules(applications) do
    for application <- applications do
      _loaded = Application.load(application)
      :ok = application |> Application.spec(:modules) |> :code.ensure_modules_loaded()
    end
  end

  defp stop(status, text) do
    IO.puts(:stderr, "shop #{node()}: #{text}")
    System.stop(status)
    Process.sleep(:infinity)
  end
end
