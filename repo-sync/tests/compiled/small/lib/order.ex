defmodule Small.Order do
  defstruct [:id, lines: []]
end

defprotocol Small.Price do
  @spec of(t) :: integer
  def of(thing)
end

defimpl Small.Price, for: Small.Order do
  def of(order), do: length(order.lines)
end
