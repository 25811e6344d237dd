defmodule ElixirScope.Identity do
  @moduledoc """
  Which node incarnation this is: name, creation and VM start, and the 59-bit **node key** that is
  their hash (`docs/node-socket.md`). Taken once, when capture is first set up; a node that is
  renamed afterwards keeps the key of its start.
  """

  defstruct [:key, :name, :creation, :vm_start_us]

  @type t :: %__MODULE__{
          key: non_neg_integer,
          name: String.t(),
          creation: non_neg_integer,
          vm_start_us: non_neg_integer
        }

  @doc "The identity of this incarnation, now."
  @spec current() :: t
  def current do
    name = Atom.to_string(node())
    creation = :erlang.system_info(:creation)
    start = ElixirScope.Clock.vm_start_us()
    %__MODULE__{key: key(name, creation, start), name: name, creation: creation, vm_start_us: start}
  end

  @doc """
  The node key: the first 59 bits of a SHA-256.

      iex> ElixirScope.Identity.key("shop@host", 1, 2)
      191338194186227246
  """
  @spec key(String.t(), non_neg_integer, non_neg_integer) :: non_neg_integer
  def key(name, creation, vm_start_us) do
    text = ["elixirscope node 1\n", name, "\n", "#{creation}\n", "#{vm_start_us}\n"]
    <<key::59, _::bitstring>> = :crypto.hash(:sha256, text)
    key
  end

  @doc """
  The span id of an event, as W3C, Jaeger and Tempo see it: the first 8 bytes of SHA-256 over
  `"elixirscope span 1\\n"`, node key and event id (u64 big-endian each).
  """
  @spec span_id(non_neg_integer, non_neg_integer) :: <<_::64>>
  def span_id(node_key, call) do
    <<span::binary-8, _::binary>> =
      :crypto.hash(:sha256, ["elixirscope span 1\n", <<node_key::64, call::64>>])

    span
  end
end
