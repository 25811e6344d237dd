defmodule Small.Helper do
  @type n :: integer()
  @type shape(a) :: {:ok, a} | (a, String.t() -> nil | 1..3)
  @spec twice(n) :: n
  def twice(x), do: x * 2
  def fetch(map, key), do: Map.fetch!(map, key)
  @spec log(any) :: %{optional(atom) => nonempty_list(integer)}
  def log(value), do: IO.inspect(value)
end
