defmodule Shop.Pay do
  @moduledoc "The servers of the pay node. A fraud desk is known to crash, so restarts are many and cheap."
  use Supervisor

  alias Shop.Pay.{Fraud, Gateway, Ledger}

  def start_link(_options), do: Supervisor.start_link(__MODULE__, [], name: __MODULE__)

  @impl true
  def init([]) do
    desks = Enum.map(Fraud.desks(), &{Fraud, &1})
    Supervisor.init([Ledger, Gateway | desks], strategy: :one_for_one, max_restarts: 10_000, max_seconds: 10)
  end
end
