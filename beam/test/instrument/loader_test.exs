defmodule ElixirScope.LoaderTest do
  @moduledoc """
  Loading never kills a process: instrument, remove and hot upgrade either work or are refused.
  """
  use ExUnit.Case, async: false

  alias ElixirScope.{Instrument, Loader}
  alias ElixirScope.Test.{Fixture, RecordingProbe}

  @moduletag :tmp_dir

  @version """
  defmodule Loaded.Version do
    def value(x), do: {NUMBER, x}
    def held, do: fn x -> {NUMBER, x} end

    def local_loop(parent) do
      receive do
        :value -> send(parent, {self(), NUMBER})
        :stop -> exit(:normal)
      end

      local_loop(parent)
    end

    def remote_loop(parent) do
      receive do
        :value -> send(parent, {self(), NUMBER})
        :stop -> exit(:normal)
      end

      __MODULE__.remote_loop(parent)
    end
  end
  """

  setup %{tmp_dir: folder} do
    # What is loaded here stays as it is.
    Application.put_env(:elixir_scope, :rearm, false)
    on_exit(fn -> Application.delete_env(:elixir_scope, :rearm) end)
    Code.prepend_path(folder)
    # Compiling loads, so both versions are made before any is in use.
    beams = for number <- [1, 2], into: %{}, do: {number, compile(folder, number)}
    unload()

    on_exit(fn ->
      Code.delete_path(folder)
      unload()
    end)

    %{beams: beams}
  end

  test "instrument, twice, and remove", context do
    original = release(context, 1)
    assert {:ok, table} = Loader.instrument(Loaded.Version, probe: RecordingProbe)
    assert Loader.instrumented?(Loaded.Version)
    assert table.source_state == :hashed_at_run_time
    assert table.source_sha256 == :crypto.hash(:sha256, text(1))
    {{1, :x}, [{:call, _} | _]} = traced(:value, [:x])

    md5 = apply(Loaded.Version, :module_info, [:md5])
    assert {:ok, ^table} = Loader.instrument(Loaded.Version, probe: RecordingProbe)
    assert apply(Loaded.Version, :module_info, [:md5]) == md5

    assert Loader.remove(Loaded.Version) == :ok
    refute Loader.instrumented?(Loaded.Version)
    assert apply(Loaded.Version, :module_info, [:md5]) == md5(original)
    assert Loader.remove(Loaded.Version) == :ok
    assert {{1, :x}, []} = traced(:value, [:x])
  end

  test "a loop of remote calls and held functions survive instrument, remove and upgrade", context do
    release(context, 1)
    loop = spawn_loop(:remote_loop)
    held = apply(Loaded.Version, :held, [])
    assert ask(loop) == 1
    assert {:ok, _} = Loader.instrument(Loaded.Version, probe: RecordingProbe)
    assert held.(:a) == {1, :a}
    # The first round after the load still is in the old code, the next in the new.
    assert ask(loop) == 1
    assert ask(loop) == 1
    await_no_old_code_in_use()
    held_instrumented = apply(Loaded.Version, :held, [])

    assert :ok = Loader.remove(Loaded.Version)
    assert held.(:b) == {1, :b}
    assert held_instrumented.(:b) == {1, :b}
    assert ask(loop) == 1
    assert ask(loop) == 1

    release(context, 2)
    assert held.(:c) == {1, :c}
    assert ask(loop) == 1
    assert ask(loop) == 2
    await_no_old_code_in_use()
    assert {:ok, _} = Loader.instrument(Loaded.Version, probe: RecordingProbe)
    assert ask(loop) == 2
    assert ask(loop) == 2
    assert Process.alive?(loop)
    stop(loop)
  end

  test "an acceptor's loop in old code is never purged: the load is refused with its pid", context do
    release(context, 1)
    loop = spawn_loop(:local_loop)
    assert ask(loop) == 1
    assert {:ok, _} = Loader.instrument(Loaded.Version, probe: RecordingProbe)
    assert ask(loop) == 1
    assert {:error, {:old_code_in_use, [^loop]}} = Loader.remove(Loaded.Version)
    assert Loader.old_code_users(Loaded.Version) == [loop]
    assert Loader.instrumented?(Loaded.Version)
    assert ask(loop) == 1
    stop(loop)
    assert :ok = Loader.remove(Loaded.Version)
  end

  test "a hot upgrade of an instrumented module drops the instrumentation and can be instrumented", context do
    release(context, 1)
    {:ok, first} = Loader.instrument(Loaded.Version, probe: RecordingProbe)
    release(context, 2, load: false)
    {:module, _} = load_file()
    refute Loader.instrumented?(Loaded.Version)
    {:ok, second} = Loader.instrument(Loaded.Version, probe: RecordingProbe)
    assert first.module_version != second.module_version
    assert {{2, :x}, [_ | _]} = traced(:value, [:x])
    assert :ok = Loader.remove(Loaded.Version)
    assert apply(Loaded.Version, :value, [:x]) == {2, :x}
  end

  test "a beam that the build instrumented is removed to its original", %{tmp_dir: folder} = context do
    original = release(context, 1)
    {:ok, instrumented, _table} = Fixture.rewrite(original, text(1))
    File.write!(path(folder), instrumented)
    {:module, _} = load_file()
    assert Loader.instrumented?(Loaded.Version)
    assert :ok = Loader.remove(Loaded.Version)
    assert apply(Loaded.Version, :module_info, [:md5]) == md5(original)
    assert {:ok, _} = Loader.instrument(Loaded.Version, probe: RecordingProbe)
  end

  test "a beam from a file outside the code path is removed to its original", %{tmp_dir: folder} = context do
    {:ok, instrumented, _table} = Fixture.rewrite(context.beams[1], text(1))
    apart = Path.join(folder, "apart")
    File.mkdir_p!(apart)
    File.rm(path(folder))
    File.write!(Path.join(apart, "Elixir.Loaded.Version.beam"), instrumented)
    {:module, _} = apart |> Path.join("Elixir.Loaded.Version") |> to_charlist() |> :code.load_abs()
    assert Loader.instrumented?(Loaded.Version)
    assert :code.get_object_code(Loaded.Version) == :error
    assert :ok = ElixirScope.remove(Loaded.Version)
    assert apply(Loaded.Version, :module_info, [:md5]) == md5(context.beams[1])

    # That file has another version by now.
    :code.purge(Loaded.Version)
    {:module, _} = apart |> Path.join("Elixir.Loaded.Version") |> to_charlist() |> :code.load_abs()
    File.write!(Path.join(apart, "Elixir.Loaded.Version.beam"), context.beams[2])
    assert {:error, {:no_original, Loaded.Version}} = ElixirScope.remove(Loaded.Version)
  end

  test "the file on disk is another version than the loaded one", context do
    original = release(context, 1)
    release(context, 2, load: false)
    assert Loader.instrument(Loaded.Version) == {:error, {:other_version_loaded, Loaded.Version}}
    assert {:ok, _} = Loader.instrument(Loaded.Version, beam: original, probe: RecordingProbe)
    # The original is in memory, so that it can be removed whatever is on disk.
    assert :ok = Loader.remove(Loaded.Version)
    assert apply(Loaded.Version, :value, [1]) == {1, 1}
    assert {:error, :not_a_beam} = Loader.instrument(Loaded.Version, beam: "no beam")
  end

  test "a module compiled for coverage is refused", context do
    release(context, 1)
    # Later versions of Mix hide applications that the project does not name.
    if function_exported?(Mix, :ensure_application!, 1), do: apply(Mix, :ensure_application!, [:tools])
    {:ok, _} = apply(:cover, :start, [])
    on_exit(fn -> apply(:cover, :stop, []) end)
    beam = context.tmp_dir |> path() |> to_charlist()
    ExUnit.CaptureIO.capture_io(fn -> {:ok, _} = apply(:cover, :compile_beam, [beam]) end)
    assert Loader.instrument(Loaded.Version) == {:error, {:cover_compiled, Loaded.Version}}
  end

  test "stripped, native, protocol, Erlang, sticky and unknown modules are refused", context do
    original = release(context, 1)
    {:ok, {_, stripped}} = :beam_lib.strip(original)
    assert Instrument.rewrite(stripped) == {:error, {:no_debug_info, Loaded.Version}}
    assert {:ok, {_, without}} = strip_debug_info(original)
    assert Instrument.rewrite(without) == {:error, {:no_debug_info, Loaded.Version}}

    native = "defmodule Loaded.Native do\n  def load, do: :erlang.load_nif([], 0)\nend"
    assert refused(native) == {:error, {:nif, Loaded.Native}}
    on_load = "defmodule Loaded.OnLoad do\n  @on_load :start\n  def start, do: :ok\nend"
    assert refused(on_load) == {:error, {:on_load, Loaded.OnLoad}}
    protocol = "defprotocol Loaded.Protocol do\n  def name(value)\nend"
    assert refused(protocol) == {:error, {:protocol, Loaded.Protocol}}

    assert Loader.instrument(:lists) == {:error, {:sticky, :lists}}
    assert Loader.instrument(:lists, sticky: true) == {:error, {:not_elixir, :lists}}
    assert Loader.instrument(Loaded.Nothing) == {:error, {:not_found, Loaded.Nothing}}

    for error <- [{:nif, X}, {:old_code_in_use, [self()]}, {:compile, X, :y}, {:sticky, X}, {:other, 1}],
        do: assert(is_binary(Instrument.format_error(error)))
  end

  test "of a release that strips all but debug info, modules are instrumented and removed", context do
    built = context.beams[1]
    {:ok, {_, stripped}} = :beam_lib.strip(built, [~c"Dbgi"])
    File.write!(path(context.tmp_dir), stripped)
    {:module, _} = load_file()
    assert {:ok, table} = Loader.instrument(Loaded.Version, probe: RecordingProbe)
    # The version is the one that the build had: code, lines and debug info are all there.
    assert {:ok, table.module_version} == ElixirScope.ModuleVersion.of(built)
    assert {{1, :x}, [{:call, _} | _]} = traced(:value, [:x])
    assert :ok = Loader.remove(Loaded.Version)
    assert Loaded.Version.module_info(:md5) == table.module_md5
  end

  test "a sticky module is instrumented only if asked, and stays sticky", context do
    release(context, 1)
    :code.stick_mod(Loaded.Version)
    on_exit(fn -> :code.unstick_mod(Loaded.Version) end)
    assert Loader.instrument(Loaded.Version) == {:error, {:sticky, Loaded.Version}}
    assert {:ok, _} = Loader.instrument(Loaded.Version, sticky: true, probe: RecordingProbe)
    assert :code.is_sticky(Loaded.Version)
    assert {:error, {:sticky, Loaded.Version}} = ElixirScope.remove(Loaded.Version)
    assert :ok = ElixirScope.remove(Loaded.Version, sticky: true)
    :code.unstick_mod(Loaded.Version)
  end

  test "other chunks and the original debug info are kept", context do
    original = release(context, 1)
    {:ok, instrumented, _table} = Fixture.rewrite(original, text(1))
    {:ok, _, before} = :beam_lib.all_chunks(original)
    {:ok, _, now} = :beam_lib.all_chunks(instrumented)

    for {id, chunk} <- before,
        id in [~c"Dbgi", ~c"Docs", ~c"ExCk"],
        do: assert({id, List.keyfind(now, id, 0)} == {id, {id, chunk}})

    for {id, _chunk} <- before, do: assert(List.keymember?(now, id, 0))
    assert {:ok, original} == Instrument.original(instrumented)
    path = ElixirScope.Instrument.Origin.source_path(original)
    assert is_binary(path) and path == ElixirScope.Instrument.Origin.source_path(instrumented)
    assert {:ok, ^instrumented, _} = Instrument.rewrite(instrumented)
  end

  defp text(number), do: String.replace(@version, "NUMBER", to_string(number))

  defp compile(folder, number) do
    %{Loaded.Version => beam} = Fixture.compile(text(number), file: Path.join(folder, "version.ex"))
    beam
  end

  # What a deploy does: sources and beams on disk; loading them is another step.
  defp release(%{tmp_dir: folder, beams: beams}, number, options \\ []) do
    File.write!(Path.join(folder, "version.ex"), text(number))
    File.write!(path(folder), beams[number])
    if Keyword.get(options, :load, true), do: {:module, _} = load_file()
    beams[number]
  end

  defp unload do
    :code.purge(Loaded.Version)
    :code.delete(Loaded.Version)
    :code.purge(Loaded.Version)
  end

  defp load_file do
    await_no_old_code()
    :code.load_file(Loaded.Version)
  end

  defp path(folder), do: Path.join(folder, "Elixir.Loaded.Version.beam")

  defp md5(beam) do
    {:ok, {_, md5}} = :beam_lib.md5(beam)
    md5
  end

  defp refused(text) do
    [{_module, beam}] = text |> beams_unloaded()
    Instrument.rewrite(beam)
  end

  # `on_load` and native code fail to load in a test; only their beams are needed.
  defp beams_unloaded(text) do
    text |> Fixture.compile() |> Enum.to_list()
  end

  defp strip_debug_info(beam) do
    {:ok, _, chunks} = :beam_lib.all_chunks(beam)
    {:ok, bytes} = :beam_lib.build_module(List.keydelete(chunks, ~c"Dbgi", 0))
    {:ok, {Loaded.Version, bytes}}
  end

  defp traced(name, arguments), do: RecordingProbe.traced(fn -> apply(Loaded.Version, name, arguments) end)

  defp spawn_loop(name) do
    parent = self()
    spawn_link(fn -> apply(Loaded.Version, name, [parent]) end)
  end

  defp ask(loop) do
    send(loop, :value)
    assert_receive {^loop, number}
    number
  end

  defp stop(loop) do
    ref = Process.monitor(loop)
    send(loop, :stop)
    assert_receive {:DOWN, ^ref, :process, ^loop, _}
  end

  # The loop has left the old code when it waits in the new.
  defp await_no_old_code_in_use(rounds \\ 100_000) do
    if Loader.old_code_users(Loaded.Version) != [] do
      assert rounds > 0
      :erlang.yield()
      await_no_old_code_in_use(rounds - 1)
    end
  end

  defp await_no_old_code do
    await_no_old_code_in_use()
    assert :code.soft_purge(Loaded.Version)
  end
end
