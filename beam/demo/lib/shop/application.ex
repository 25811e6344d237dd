defmodule Shop.Application do
  @moduledoc "Starts the servers of this node's role (`Shop.Cluster.role/0`)."
  use Application

  alias Shop.{Cluster, Events, Load, Pay, Stock}

  @impl true
  def start(_type, _arguments) do
    # The audit last: where it is heard of, the node's servers run.
    children = [Cluster, Events] ++ servers(Cluster.role()) ++ [Events.Audit]
    Supervisor.start_link(children, strategy: :one_for_one, name: Shop.Supervisor)
  end

  defp servers(:web), do: [Load]
  defp servers(:stock), do: [Stock]
  defp servers(:pay), do: [Pay]
  defp servers(:all), do: servers(:stock) ++ servers(:pay) ++ servers(:web)
end
