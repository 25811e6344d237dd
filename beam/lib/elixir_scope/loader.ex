defmodule ElixirScope.Loader do
  @moduledoc """
  Puts instrumented modules into a running node, and takes them out again.

  Loading a module makes the current code old, and the VM has room for one old version: loading again
  purges it and kills the processes that still run it. So before every load the old code is soft-purged;
  if a process uses it, the load is refused with those processes, and nothing is purged.

  What the VM counts as use is a call that runs; a process that only *holds* a function of the old code is
  not seen. A held function of the original survives `instrument/2`, `remove/2` and an upgrade after them,
  since the same code is loaded again (it is missing for the instant between purge and load of `remove/2`).
  One that was made by instrumented code survives the removal but, as after any two upgrades, not the
  upgrade after that.

  Refused as well: modules with native code or `on_load`, modules compiled for coverage, sticky modules
  unless `sticky: true`, and modules whose file on disk is not the version that is loaded.
  """

  alias ElixirScope.{Instrument, ModuleVersion, SiteTable}
  alias ElixirScope.Instrument.Origin
  alias ElixirScope.Loader.Originals

  @type error ::
          {:old_code_in_use, [pid()]}
          | {:not_found, module()}
          | {:cover_compiled, module()}
          | {:sticky, module()}
          | {:other_version_loaded, module()}
          | {:no_original, module()}
          | {:not_loaded, module(), term()}
          | Instrument.error()

  @doc """
  Instruments a module and loads it. A module that is instrumented already stays as it is.

  Options: those of `ElixirScope.Instrument.Options`; `sticky: true`; `beam:` the bytes of the loaded
  version, where no file has them; `rearm:` whether the module is instrumented again after a hot code load
  (`ElixirScope.Rearm`; default: the setting `:rearm`).
  """
  @spec instrument(module(), keyword()) :: {:ok, SiteTable.t()} | {:error, error()}
  def instrument(module, options \\ []) when is_atom(module) do
    if instrumented?(module), do: present(module), else: load_instrumented(module, options)
  end

  @doc """
  Loads the original again. A module that is not instrumented stays as it is.

  The original is the one that `instrument/2` kept, or lies in the file that the module was loaded from, on the code
  path or not. Options: `sticky: true`.
  """
  @spec remove(module(), keyword()) :: :ok | {:error, error()}
  def remove(module, options \\ []) when is_atom(module) do
    if instrumented?(module) or Originals.armed?(module),
      do: locked(module, fn -> removed(module, options, instrumented?(module)) end),
      else: :ok
  end

  # A hot code load has removed it already.
  defp removed(module, _options, false), do: Originals.delete(module)

  defp removed(module, options, true) do
    with {:ok, binary, file} <- original(module) do
      # Not to be instrumented again from here on.
      kept = Originals.take(module)

      with {:error, reason} <- load(module, binary, file, options) do
        Originals.put(kept)
        {:error, reason}
      else
        :ok -> tell(:scan, [])
      end
    end
  end

  @doc """
  Instruments a module again, with the options that it was instrumented with, after a hot code load has replaced it.
  `:ignore` if there is nothing to do: it is instrumented, not loaded, or was removed.
  """
  @spec rearm(module(), keyword()) :: {:ok, SiteTable.t()} | :ignore | {:error, error()}
  def rearm(module, options) do
    if rearm?(module),
      do: load_instrumented(module, options, fn -> rearm?(module) end),
      else: :ignore
  end

  defp rearm?(module), do: loaded?(module) and not instrumented?(module) and Originals.armed?(module)

  @doc """
  Whether the loaded version of a module is instrumented.

      iex> ElixirScope.Loader.instrumented?(Enum)
      false
  """
  @spec instrumented?(module()) :: boolean()
  def instrumented?(module), do: :erlang.function_exported(module, :__elixir_scope__, 1)

  @doc """
  The processes that run a module's old code, or hold functions of it.

      iex> ElixirScope.Loader.old_code_users(Enum)
      []
  """
  @spec old_code_users(module()) :: [pid()]
  def old_code_users(module),
    do: for(pid <- Process.list(), :erlang.check_process_code(pid, module) == true, do: pid)

  defp present(module), do: SiteTable.decode(module.__elixir_scope__(:sites))

  defp load_instrumented(module, all_options, wanted? \\ fn -> true end) do
    {load_options, options} = Keyword.split(all_options, [:sticky, :beam, :rearm])

    with :ok <- allowed(module, load_options),
         {:ok, binary, file} <- object_code(module, load_options[:beam]),
         {:ok, binary} <- bare(binary),
         {:ok, instrumented, table} <-
           Instrument.rewrite(binary, Origin.options(module, binary, file, options)) do
      locked(module, fn ->
        # What has happened since the lock was free.
        cond do
          not wanted?.() -> :ignore
          instrumented?(module) -> present(module)
          other_version?(module, binary) -> {:error, {:other_version_loaded, module}}
          true -> put(module, instrumented, binary, file, table, all_options)
        end
      end)
    end
  end

  defp put(module, instrumented, original, file, table, options) do
    with :ok <- load(module, instrumented, file, options) do
      rearm? = Keyword.get_lazy(options, :rearm, fn -> ElixirScope.Config.get(:rearm) end)
      armed = if rearm?, do: Keyword.delete(options, :beam)
      Originals.put(module, table.module_version, original, file, armed)
      tell(:loaded, [module.__elixir_scope__(:sites)])
      {:ok, table}
    end
  end

  defp other_version?(module, binary), do: loaded?(module) and loaded_md5(module) not in md5s(binary)

  defp allowed(module, options) do
    cond do
      :code.which(module) == :cover_compiled -> {:error, {:cover_compiled, module}}
      sticky?(module) and not Keyword.get(options, :sticky, false) -> {:error, {:sticky, module}}
      true -> :ok
    end
  end

  defp sticky?(module), do: :code.is_sticky(module)

  # The beam of the version that is loaded; a module that is not loaded yet is taken from the code path.
  defp object_code(module, nil) do
    with {:ok, binary, file} <- on_disk(module) do
      if other_version?(module, binary),
        do: {:error, {:other_version_loaded, module}},
        else: {:ok, binary, file}
    end
  end

  defp object_code(module, binary) when is_binary(binary) do
    case :beam_lib.md5(binary) do
      {:ok, {^module, md5}} ->
        if loaded?(module) and loaded_md5(module) != md5,
          do: {:error, {:other_version_loaded, module}},
          else: {:ok, binary, file_of(module)}

      _other ->
        {:error, :not_a_beam}
    end
  end

  defp on_disk(module) do
    case :code.get_object_code(module) do
      {^module, binary, file} -> {:ok, binary, file}
      :error -> {:error, {:not_found, module}}
    end
  end

  # The file may be instrumented by the build while its original is loaded.
  defp bare(binary) do
    case Instrument.original(binary) do
      {:ok, original} -> {:ok, original}
      :error -> {:ok, binary}
    end
  end

  defp md5s(binary) do
    {:ok, original} = bare(binary)
    for bytes <- [binary, original], {:ok, {_module, md5}} <- [:beam_lib.md5(bytes)], do: md5
  end

  defp loaded?(module), do: :erlang.module_loaded(module)
  defp loaded_md5(module), do: module.module_info(:md5)

  defp file_of(module) do
    case :code.which(module) do
      file when is_list(file) and file != [] -> file
      _none -> Atom.to_charlist(module)
    end
  end

  # From memory, or from the disk if it has the same version, inside an instrumented beam or bare.
  defp original(module) do
    version = module.__elixir_scope__(:version)

    with :error <- Originals.fetch(module, version),
         :error <- original(on_disk(module), version),
         :error <- original(loaded_from(module), version) do
      {:error, {:no_original, module}}
    end
  end

  defp original({:ok, binary, file}, version) do
    with {:ok, binary} <- bare(binary),
         {:ok, ^version} <- ModuleVersion.of(binary) do
      {:ok, binary, file}
    else
      _other_version -> :error
    end
  end

  defp original(_not_found, _version), do: :error

  # A beam outside of the code path.
  defp loaded_from(module) do
    with file when is_list(file) and file != [] <- :code.which(module),
         {:ok, binary} <- File.read(file) do
      {:ok, binary, file}
    else
      _none -> :error
    end
  end

  # `finish_loading` never purges, unlike `load_binary`, whatever others do to the module at the same time.
  defp load(module, binary, file, options) do
    with {:ok, prepared} <- prepared(module, binary, file),
         :ok <- soft_purged(module) do
      sticky? = sticky?(module) and Keyword.get(options, :sticky, false)
      if sticky?, do: :code.unstick_mod(module)
      loaded = :code.finish_loading(prepared)
      if sticky?, do: :code.stick_mod(module)
      loaded(module, loaded)
    end
  end

  defp prepared(module, binary, file) do
    case :code.prepare_loading([{module, file, binary}]) do
      {:ok, prepared} -> {:ok, prepared}
      {:error, [{^module, reason}]} -> {:error, {:not_loaded, module, reason}}
    end
  end

  defp soft_purged(module) do
    if :code.soft_purge(module), do: :ok, else: {:error, {:old_code_in_use, old_code_users(module)}}
  end

  defp loaded(_module, :ok), do: :ok
  defp loaded(module, {:error, [{module, :sticky_directory}]}), do: {:error, {:sticky, module}}

  defp loaded(module, {:error, [{module, :not_purged}]}),
    do: {:error, {:old_code_in_use, old_code_users(module)}}

  defp loaded(module, {:error, [{module, reason}]}), do: {:error, {:not_loaded, module, reason}}

  # Two loads of a module at once would each find no old code, and the second would purge.
  defp locked(module, load),
    do: :global.trans({{__MODULE__, module}, self()}, load, [node()])

  defp tell(function, arguments) do
    registry = ElixirScope.Registry

    if Code.ensure_loaded?(registry) and function_exported?(registry, function, length(arguments)),
      do: apply(registry, function, arguments)

    :ok
  end
end
