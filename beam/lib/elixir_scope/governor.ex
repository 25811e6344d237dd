defmodule ElixirScope.Governor do
  @moduledoc """
  Fewer traces while the writer cannot follow.

  The writer's share of the processors is bounded, so that under too much load the rings overflow. If they do for
  longer than two seconds, half of the new traces are no longer begun; and so on, down to one in 64. What was begun
  goes on to its end. The level holds (latches) until nothing has overflowed for ten seconds, then goes back one step
  every ten seconds. A trace that is not begun emits nothing, so nothing is counted for it: the level is in
  `ElixirScope.stats/0`.

  Pure: the writer says what it sees, in milliseconds and totals.

      iex> governor = ElixirScope.Governor.new(0, 0)
      iex> governor = Enum.reduce(1..21, governor, &ElixirScope.Governor.step(&2, &1 * 100, &1))
      iex> governor.level
      1
  """

  @level_max 6
  @absent 64
  @sustained_ms 2_000
  @calm_ms 10_000
  # Overflows further apart than this are not one overflow that lasts.
  @gap_ms 500

  @enforce_keys [:level, :full, :last_ms, :since_ms, :calm_since_ms]
  defstruct @enforce_keys

  @typedoc "`level`: new traces are begun at the configured rate divided by two to this power."
  @type t :: %__MODULE__{
          level: 0..6,
          full: non_neg_integer,
          last_ms: integer | nil,
          since_ms: integer | nil,
          calm_since_ms: integer | nil
        }

  @doc "A governor at this level; `full` is how many events full rings have refused so far."
  @spec new(non_neg_integer, non_neg_integer) :: t
  def new(@absent, full), do: new(0, full)

  def new(level, full) do
    %__MODULE__{
      level: min(max(level, 0), @level_max),
      full: full,
      last_ms: nil,
      since_ms: nil,
      calm_since_ms: nil
    }
  end

  @doc "What follows from the number of refused events at a time."
  @spec step(t, integer, non_neg_integer) :: t
  def step(%__MODULE__{full: before} = governor, now_ms, full) when full > before,
    do: overflow(%{governor | full: full, calm_since_ms: nil}, now_ms)

  def step(%__MODULE__{level: 0} = governor, _now_ms, _full), do: governor
  def step(%__MODULE__{calm_since_ms: nil} = governor, now_ms, _full), do: %{governor | calm_since_ms: now_ms}

  def step(%__MODULE__{calm_since_ms: since, level: level} = governor, now_ms, _full) do
    if now_ms - since >= @calm_ms,
      do: %{governor | level: level - 1, calm_since_ms: now_ms},
      else: governor
  end

  defp overflow(%{last_ms: last} = governor, now_ms) when last == nil or now_ms - last > @gap_ms,
    do: %{governor | last_ms: now_ms, since_ms: now_ms}

  defp overflow(%{since_ms: since, level: level} = governor, now_ms) when now_ms - since >= @sustained_ms,
    do: %{governor | level: min(level + 1, @level_max), last_ms: now_ms, since_ms: now_ms}

  defp overflow(governor, now_ms), do: %{governor | last_ms: now_ms}

  @doc "The level at which no trace begins: there is no agent, and the buffer that is kept for one is full."
  @spec absent() :: pos_integer
  def absent, do: @absent

  @doc """
  The share of the traces that is recorded at a level.

      iex> ElixirScope.Governor.rate(1.0, 6)
      0.015625
  """
  @spec rate(number, non_neg_integer) :: number
  def rate(sample, 0), do: sample
  def rate(_sample, @absent), do: 0.0
  def rate(sample, level), do: sample / Bitwise.bsl(1, level)
end
