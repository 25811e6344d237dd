defmodule ElixirScope.Instrument.SiteList do
  @moduledoc """
  A site table as lines, for people and for tools.
  """

  alias ElixirScope.SiteTable

  @doc "One line a site: `file:line:column kind token Module.function/arity clause`."
  @spec text(SiteTable.t()) :: [String.t()]
  def text(%SiteTable{} = table) do
    for {site, function, _number} <- sites(table) do
      clause = if site.clause, do: " clause #{site.clause + 1}", else: ""
      note = if site.macro_made?, do: " (made by a macro)", else: ""
      place = "#{table.file}:#{site.line}:#{site.column}"
      "#{place} #{site.kind} #{site.token} #{name(table)}.#{function.name}/#{function.arity}#{clause}#{note}"
    end
  end

  @doc "One JSON object a site."
  @spec json(SiteTable.t()) :: [String.t()]
  def json(%SiteTable{} = table) do
    for {site, function, number} <- sites(table) do
      fields = [
        module: name(table),
        version: Base.encode16(table.module_version, case: :lower),
        site: number,
        kind: Atom.to_string(site.kind),
        file: table.file,
        line: site.line,
        column: site.column,
        token: site.token,
        function: function.name,
        arity: function.arity,
        clause: site.clause,
        macro_made: site.macro_made?,
        generated: site.generated?
      ]

      "{" <> Enum.map_join(fields, ",", fn {key, value} -> ~s("#{key}":#{value(value)}) end) <> "}"
    end
  end

  defp sites(table) do
    functions = List.to_tuple(table.functions)

    for {site, number} <- Enum.with_index(table.sites, 1),
        do: {site, elem(functions, site.function), number}
  end

  defp name(%SiteTable{module: "Elixir." <> name}), do: name
  defp name(%SiteTable{module: name}), do: name

  defp value(nil), do: "null"
  defp value(value) when is_boolean(value) or is_integer(value), do: to_string(value)
  defp value(text), do: [?", escape(text), ?"] |> IO.iodata_to_binary()

  defp escape(text) do
    for <<character::utf8 <- text>>, into: "" do
      case character do
        ?" ->
          "\\\""

        ?\\ ->
          "\\\\"

        control when control < 0x20 ->
          "\\u" <> (control |> Integer.to_string(16) |> String.pad_leading(4, "0"))

        other ->
          <<other::utf8>>
      end
    end
  end
end
