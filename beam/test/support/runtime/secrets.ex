defmodule ElixirScope.Test.Secrets do
  @moduledoc "Structs that hide fields, in every way that a struct can."

  defmodule Derived do
    @moduledoc false
    @derive {Inspect, except: [:pin]}
    defstruct [:name, :pin]
  end

  defmodule Only do
    @moduledoc false
    @derive {Inspect, only: [:name]}
    defstruct [:name, :pin, :iban]
  end

  defmodule EctoLike do
    @moduledoc false
    defstruct [:name, :iban]
    def __schema__(:redact_fields), do: [:iban]
  end

  defmodule Opaque do
    @moduledoc false
    defstruct [:inner]

    defimpl Inspect do
      def inspect(_, _), do: "#Opaque<>"
    end
  end

  defmodule Plain do
    @moduledoc false
    defstruct [:name, :password]
  end
end
