defmodule ElixirScope.Instrument.Beam do
  @moduledoc """
  Reads a compiled module's definitions from its debug info and puts a rewritten module together again.

  As `cover` does, but for Elixir's own debug info. The new beam keeps every chunk of the original that the
  compiler does not make anew (`Docs`, `ExCk`, ...) and the *original* `Dbgi`, so that the module can be
  documented, checked and instrumented again. It has two more: `ESst`, the site table, and `ESor`, the
  original beam, compressed.
  """

  @site_table_chunk ~c"ESst"
  @original_chunk ~c"ESor"
  @made_by_compiler ~w(AtU8 Atom Code StrT ImpT ExpT FunT LitT LocT Attr CInf Line Type Meta)c
  @type_attributes [:spec, :export_type, :type, :opaque, :callback, :macrocallback, :optional_callbacks]

  @enforce_keys [:module, :binary, :backend, :map, :specs, :compile_info]
  defstruct [:module, :binary, :backend, :map, :specs, :compile_info]

  @type t :: %__MODULE__{
          module: module(),
          binary: binary(),
          backend: module(),
          map: map(),
          specs: list(),
          compile_info: keyword()
        }

  @type error ::
          :not_a_beam
          | {:no_debug_info, module()}
          | {:not_elixir, module()}
          | {:protocol, module()}
          | {:on_load, module()}
          | {:nif, module()}
          | {:compile, module(), term()}

  @doc "The definitions of a module that can be instrumented; else why it cannot."
  @spec read(binary()) :: {:ok, t()} | {:error, error()}
  def read(binary) do
    with {:ok, module, chunks} <- chunks(binary),
         {:ok, backend, map, specs} <- definitions(module, chunks[:debug_info]),
         :ok <- loadable(module, map, chunks[:imports]) do
      {:ok,
       %__MODULE__{
         module: module,
         binary: binary,
         backend: backend,
         map: map,
         specs: specs,
         compile_info: compile_info(chunks[:compile_info])
       }}
    end
  end

  @doc "The site table's bytes, if the beam is instrumented."
  @spec site_table(binary()) :: {:ok, binary()} | :error
  def site_table(binary), do: chunk(binary, @site_table_chunk)

  @doc "The original beam inside an instrumented one."
  @spec original(binary()) :: {:ok, binary()} | :error
  def original(binary) do
    with {:ok, compressed} <- chunk(binary, @original_chunk) do
      {:ok, :zlib.unzip(compressed)}
    end
  end

  @doc """
  Compiles rewritten definitions. `info` is what `__elixir_scope__/1` answers, by its argument.
  """
  @spec build(t(), [tuple()], keyword()) :: {:ok, binary()} | {:error, error()}
  def build(%__MODULE__{module: module} = beam, definitions, info) do
    data = {:elixir_v1, %{beam.map | definitions: definitions}, beam.specs}

    with {:ok, forms} <- beam.backend.debug_info(:erlang_v1, module, data, []),
         {:ok, compiled} <- compile(module, with_info(forms, info), options(beam)) do
      assemble(beam.binary, compiled, info[:sites])
    else
      {:error, reason} -> {:error, {:compile, module, reason}}
    end
  rescue
    # A backend that cannot translate what we gave it raises; that is our error, not the caller's.
    exception -> {:error, {:compile, beam.module, exception}}
  end

  defp chunks(binary) do
    case :beam_lib.chunks(binary, [:debug_info, :imports, :compile_info], [:allow_missing_chunks]) do
      {:ok, {module, chunks}} -> {:ok, module, chunks}
      {:error, :beam_lib, _reason} -> {:error, :not_a_beam}
    end
  end

  # A release strips it, whatever else it keeps.
  defp compile_info(:missing_chunk), do: []
  defp compile_info(info), do: info

  defp definitions(_module, {:debug_info_v1, backend, {:elixir_v1, map, specs}}),
    do: {:ok, backend, map, specs}

  defp definitions(module, {:debug_info_v1, :elixir_erl, :none}), do: {:error, {:no_debug_info, module}}
  defp definitions(module, {:debug_info_v1, :elixir_erl, _other}), do: {:error, {:no_debug_info, module}}
  defp definitions(module, {:debug_info_v1, _backend, {:none, _}}), do: {:error, {:no_debug_info, module}}
  defp definitions(module, {:debug_info_v1, _backend, _data}), do: {:error, {:not_elixir, module}}

  defp definitions(module, _missing) do
    if match?("Elixir." <> _, Atom.to_string(module)),
      do: {:error, {:no_debug_info, module}},
      else: {:error, {:not_elixir, module}}
  end

  defp loadable(module, map, imports) do
    cond do
      Enum.any?(map.attributes, &match?({:on_load, _}, &1)) -> {:error, {:on_load, module}}
      is_list(imports) and {:erlang, :load_nif, 2} in imports -> {:error, {:nif, module}}
      Enum.any?(map.definitions, &match?({{:__protocol__, 1}, _, _, _}, &1)) -> {:error, {:protocol, module}}
      true -> :ok
    end
  end

  defp chunk(binary, id) do
    case :beam_lib.chunks(binary, [id], [:allow_missing_chunks]) do
      {:ok, {_module, [{^id, chunk}]}} when is_binary(chunk) -> {:ok, chunk}
      _missing -> :error
    end
  end

  defp options(beam) do
    source = if beam.compile_info[:source], do: [source: beam.compile_info[:source]], else: []
    compile_options = for option <- List.wrap(Map.get(beam.map, :compile_opts, [])), keep?(option), do: option
    [:no_auto_import, :binary, :return_errors] ++ source ++ compile_options
  end

  defp keep?(option), do: option not in [:warnings_as_errors, :debug_info, :report, :return]

  defp compile(module, forms, options) do
    case :compile.noenv_forms(forms, options) do
      {:ok, ^module, binary} -> {:ok, binary}
      {:ok, ^module, binary, _warnings} -> {:ok, binary}
      {:error, errors, _warnings} -> {:error, errors}
      :error -> {:error, :unknown}
    end
  end

  # `__elixir_scope__/1` is added as a form, so that `__info__(:functions)` stays as it was.
  defp with_info(forms, info) do
    {attributes, functions} = Enum.split_while(forms, &(elem(&1, 0) == :attribute))
    attributes = Enum.reject(attributes, &(elem(&1, 2) in @type_attributes))
    functions = Enum.reject(functions, &match?({:attribute, _, name, _} when name in @type_attributes, &1))
    clauses = for {name, value} <- info, do: {:clause, 0, [{:atom, 0, name}], [], [literal(value)]}
    export = {:attribute, 0, :export, [__elixir_scope__: 1]}
    attributes ++ [export, {:function, 0, :__elixir_scope__, 1, clauses} | functions]
  end

  defp literal(value), do: :erl_parse.abstract(value, 0)

  defp assemble(original, compiled, sites) do
    {:ok, _module, original_chunks} = :beam_lib.all_chunks(original)
    {:ok, _module, compiled_chunks} = :beam_lib.all_chunks(compiled)
    made = for {id, _} = chunk <- compiled_chunks, id in @made_by_compiler, do: chunk
    made_ids = Enum.map(made, &elem(&1, 0))
    kept = for {id, _} = chunk <- original_chunks, id not in made_ids, id not in @made_by_compiler, do: chunk
    ours = [{@site_table_chunk, sites}, {@original_chunk, :zlib.zip(original)}]
    :beam_lib.build_module(made ++ kept ++ ours)
  end
end
