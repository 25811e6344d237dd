defmodule Oracle.Unicode do
  # Columns count grapheme clusters in strings and code points elsewhere: lines that are not ASCII, for the anchors.
  def größe(wert, name), do: {"größe: 👩‍👩‍👧 é", länge(name), wert + größer(wert)}

  defp länge(name), do: String.length("ä" <> name) + byte_size("日本語") - String.length(name)

  defp größer(wert) do
    case {wert, "ñandú", :"größe"} do
      {0, "ñ" <> _, größe} -> länge(Atom.to_string(größe)) + wert
      {n, "日本", _} when n > 1 -> Enum.map([n], fn wörter -> wörter + byte_size("é") end) |> hd()
      _other -> Enum.sum(Enum.map(~w(é ü 日), &(String.length(&1) + länge(&1))))
    end
  end

  def gruß(wer), do: "Grüße, #{wer} und #{länge(wer)}: #{Enum.join(["é", wer], "·")} #{größe(1, wer) |> elem(0)}"
end
