defmodule ElixirScope.RearmTest do
  @moduledoc """
  A module that was instrumented while running is instrumented again after a hot code load, or not yet, but never by
  force.
  """
  use ExUnit.Case, async: false
  import ExUnit.CaptureLog
  alias ElixirScope.{Loader, Rearm}
  alias ElixirScope.Test.{Fixture, RecordingProbe}

  @moduletag :tmp_dir

  @text """
  defmodule Rearmed.Version do
    def value(x), do: {NUMBER, x}

    def loop(parent) do
      receive do
        :stop -> send(parent, {:stopped, NUMBER})
      end
    end
  end
  """

  setup %{tmp_dir: folder} do
    Code.prepend_path(folder)
    beams = for number <- [1, 2], into: %{}, do: {number, compile(folder, number)}
    unload()

    on_exit(fn ->
      Loader.remove(Rearmed.Version)
      Code.delete_path(folder)
      unload()
    end)

    %{beams: beams}
  end

  test "the new code is instrumented with the same options, until it is removed", context do
    load(context, 1)
    {:ok, first} = ElixirScope.instrument(Rearmed.Version, probe: RecordingProbe, only: [:value])
    before = ElixirScope.stats().rearmed
    load(context, 2)
    wait(fn -> Loader.instrumented?(Rearmed.Version) end)
    {:ok, second} = ElixirScope.instrument(Rearmed.Version)
    assert second.module_version != first.module_version
    assert Enum.map(second.sites, & &1.kind) == Enum.map(first.sites, & &1.kind)
    assert {{2, :x}, [{:call, _} | _]} = traced(:value, [:x])
    wait(fn -> ElixirScope.stats().rearmed == before + 1 end)

    # What was removed stays so, also after the next load.
    assert :ok = ElixirScope.remove(Rearmed.Version)
    Rearm.look_now()
    refute Loader.instrumented?(Rearmed.Version)
    load(context, 1)
    Rearm.look_now()
    refute Loader.instrumented?(Rearmed.Version)
  end

  test "a removal after the hot load holds too; so does rearm: false", context do
    load(context, 1)
    {:ok, _} = ElixirScope.instrument(Rearmed.Version, probe: RecordingProbe, rearm: false)
    load(context, 2)
    Rearm.look_now()
    refute Loader.instrumented?(Rearmed.Version)

    {:ok, _} = ElixirScope.instrument(Rearmed.Version, probe: RecordingProbe)
    :sys.suspend(Rearm)
    load(context, 1)
    assert :ok = ElixirScope.remove(Rearmed.Version)
    :sys.resume(Rearm)
    Rearm.look_now()
    refute Loader.instrumented?(Rearmed.Version)
    assert apply(Rearmed.Version, :value, [1]) == {1, 1}
  end

  test "while a process runs the old code it waits; counted each time, logged once", context do
    load(context, 1)
    {:ok, _} = ElixirScope.instrument(Rearmed.Version, probe: RecordingProbe)
    test = self()
    {pid, ref} = spawn_monitor(fn -> apply(Rearmed.Version, :loop, [test]) end)
    wait(fn -> Process.info(pid, :status) == {:status, :waiting} end)
    before = ElixirScope.stats()

    log =
      capture_log(fn ->
        load(context, 2)
        for _ <- 1..3, do: Rearm.look_now()
      end)

    refute Loader.instrumented?(Rearmed.Version)
    assert Process.alive?(pid)
    stats = ElixirScope.stats()
    assert stats.rearm_refused >= before.rearm_refused + 3
    assert stats.rearmed == before.rearmed
    assert length(String.split(log, "Rearmed.Version was replaced")) == 2

    send(pid, :stop)
    assert_receive {:stopped, 1}
    assert_receive {:DOWN, ^ref, _, _, :normal}
    Rearm.look_now()
    assert Loader.instrumented?(Rearmed.Version)
    assert apply(Rearmed.Version, :value, [1]) == {2, 1}
  end

  defp compile(folder, number) do
    %{Rearmed.Version => beam} = Fixture.compile(text(number), file: Path.join(folder, "version.ex"))
    beam
  end

  defp text(number), do: String.replace(@text, "NUMBER", to_string(number))

  # A deploy: both files, then the load.
  defp load(%{tmp_dir: folder, beams: beams}, number) do
    File.write!(Path.join(folder, "version.ex"), text(number))
    File.write!(Path.join(folder, "Elixir.Rearmed.Version.beam"), beams[number])
    assert :code.soft_purge(Rearmed.Version)
    {:module, _} = :code.load_file(Rearmed.Version)
  end

  defp unload do
    :code.purge(Rearmed.Version)
    :code.delete(Rearmed.Version)
    :code.purge(Rearmed.Version)
  end

  defp traced(name, arguments), do: RecordingProbe.traced(fn -> apply(Rearmed.Version, name, arguments) end)

  defp wait(fun, left \\ 1000) do
    cond do
      fun.() -> :ok
      left == 0 -> flunk("waited in vain")
      true -> Process.sleep(5) && wait(fun, left - 1)
    end
  end
end
