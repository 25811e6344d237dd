defmodule ElixirScope.Clock do
  @moduledoc """
  Node time in microseconds since 2020-01-01 UTC, and hybrid logical clock words made of it:
  49 bits of microseconds above a 10-bit counter (59 bits, a small integer on the BEAM).
  """
  import Bitwise
  require ElixirScope.Kinds
  alias ElixirScope.Kinds

  @epoch_us 1_577_836_800_000_000

  @doc "Microseconds from 1970 to 2020."
  @spec epoch_us() :: pos_integer
  def epoch_us, do: @epoch_us

  @doc "Now, in microseconds since 2020, from the operating system's clock."
  @spec now_us() :: non_neg_integer
  def now_us, do: :os.system_time(:microsecond) - @epoch_us

  @doc """
  The first HLC word of a microsecond.

      iex> ElixirScope.Clock.physical(1)
      1024
  """
  @spec physical(non_neg_integer) :: non_neg_integer
  def physical(us), do: us <<< 10

  @doc """
  The flag `ahead` (in its place in word 1) if a clock word is more than `offset` before this node's, else 0. All three
  are clock words; an event has the flag of the trace's clock as it found it.
  """
  @spec ahead(non_neg_integer, non_neg_integer, non_neg_integer) :: non_neg_integer
  def ahead(hlc, physical, offset) when hlc - physical > offset, do: Kinds.flag(:ahead)
  def ahead(_hlc, _physical, _offset), do: 0

  @doc "When this VM started, in microseconds since 2020."
  @spec vm_start_us() :: non_neg_integer
  def vm_start_us do
    native = :erlang.system_info(:start_time) + :erlang.time_offset()
    :erlang.convert_time_unit(native, :native, :microsecond) - @epoch_us
  end
end
