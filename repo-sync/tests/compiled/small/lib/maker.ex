defmodule Small.Maker do
  defmacro __using__(_opts) do
    quote do
      import Small.Maker
      def made_plain(x), do: Small.Helper.twice(x)
    end
  end

  defmacro keeping do
    quote location: :keep do
      def kept(x) do
        Small.Helper.twice(x) + 1
      end
    end
  end

  defmacro getter(name) do
    quote do
      def unquote(name)(map), do: Small.Helper.fetch(map, unquote(name))
    end
  end

  defmacro logged(expr) do
    quote do
      result = unquote(expr)
      Small.Helper.log(result)
      result
    end
  end
end
