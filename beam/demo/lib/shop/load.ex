defmodule Shop.Load do
  @moduledoc """
  Open-loop load on the web node: a request starts when it is due, whether or not earlier ones were
  answered, each in a process of its own. The mix of orders comes from a seed (`Shop.Load.Plan`).

  Every request is accounted for: a process that ends without an answer counts as answered with
  `{:error, :no_answer}`.
  """
  use GenServer

  alias Shop.Load.{Plan, Report}
  alias Shop.Web.Endpoint

  @tick_ms 1
  @defaults %{rate: 50, seconds: 10, seed: 1, first_id: 1, mix: Plan.mix()}

  @type option ::
          {:rate, pos_integer}
          | {:seconds, number}
          | {:seed, integer}
          | {:first_id, pos_integer}
          | {:mix, Plan.mix()}

  def start_link(_options), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @doc "Runs a load (`rate` orders a second for `seconds`) to its last answer, and reports."
  @spec run([option]) :: {:ok, Report.t()} | {:error, :busy}
  def run(options \\ []), do: GenServer.call(__MODULE__, {:run, options}, :infinity)

  @doc "The report of the running load so far, else of the last one."
  @spec report() :: Report.t()
  def report, do: GenServer.call(__MODULE__, :report, :infinity)

  @impl true
  def init([]), do: {:ok, idle(@defaults, 0, [])}

  @impl true
  def handle_call({:run, options}, from, %{caller: nil}) do
    settings = Map.merge(@defaults, Map.new(options))
    send(self(), :tick)

    {:noreply,
     %{
       settings: settings,
       caller: from,
       count: round(settings.rate * settings.seconds),
       started_us: now_us(),
       sent: 0,
       pending: %{},
       samples: []
     }}
  end

  def handle_call({:run, _options}, _from, state), do: {:reply, {:error, :busy}, state}
  def handle_call(:report, _from, state), do: {:reply, report(state), state}

  @impl true
  def handle_info(:tick, state) do
    state = start_due(state)
    if state.sent < state.count, do: Process.send_after(self(), :tick, @tick_ms)
    {:noreply, finish(state)}
  end

  def handle_info({:answer, id, sample}, state) do
    {:noreply, finish(answered(state, id, sample))}
  end

  def handle_info({:DOWN, monitor, :process, _pid, _reason}, state) do
    case Enum.find(state.pending, fn {_id, {known, _scenario, _due_us}} -> known == monitor end) do
      nil ->
        {:noreply, state}

      {id, {_monitor, scenario, due_us}} ->
        {:noreply, finish(answered(state, id, {scenario, {:error, :no_answer}, now_us() - due_us}))}
    end
  end

  defp start_due(%{sent: sent, count: count} = state) when sent >= count, do: state

  defp start_due(state) do
    due_us = state.started_us + div(state.sent * 1_000_000, state.settings.rate)
    if due_us <= now_us(), do: state |> start_request(due_us) |> start_due(), else: state
  end

  defp start_request(state, due_us) do
    id = state.settings.first_id + state.sent
    {scenario, order} = Plan.order(id, state.settings.seed, state.settings.mix)
    load = self()

    {_pid, monitor} =
      spawn_monitor(fn ->
        answer = class(Endpoint.post_order(order))
        send(load, {:answer, id, {scenario, answer, now_us() - due_us}})
      end)

    %{state | sent: state.sent + 1, pending: Map.put(state.pending, id, {monitor, scenario, due_us})}
  end

  defp answered(state, id, sample) do
    case Map.pop(state.pending, id) do
      {nil, _pending} ->
        state

      {{monitor, _scenario, _due_us}, pending} ->
        Process.demonitor(monitor, [:flush])
        %{state | pending: pending, samples: [sample | state.samples]}
    end
  end

  defp finish(%{caller: caller, sent: count, count: count, pending: pending} = state)
       when caller != nil and map_size(pending) == 0 do
    GenServer.reply(caller, {:ok, report(state)})
    idle(state.settings, state.sent, state.samples)
  end

  defp finish(state), do: state

  defp idle(settings, sent, samples) do
    %{settings: settings, caller: nil, count: sent, started_us: 0, sent: sent, pending: %{}, samples: samples}
  end

  defp report(state),
    do: Report.new(state.sent, state.samples, %{state.settings | mix: Map.new(state.settings.mix)})

  defp class({:ok, _receipt}), do: :ok
  defp class({:error, reason}), do: {:error, reason}

  defp now_us, do: System.monotonic_time(:microsecond)
end
