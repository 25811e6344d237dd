defmodule ElixirScope.Instrument.MixTest do
  @moduledoc """
  The Mix compilers in a real project: what is instrumented, again, restored, cleaned, and listed.
  """
  use ExUnit.Case, async: false

  alias ElixirScope.{Instrument, SiteTable}
  alias ElixirScope.Instrument.Beam
  alias ElixirScope.Test.{Fixture, Project, SourceCheck}

  @moduletag :tmp_dir
  @moduletag timeout: 240_000

  @stock """
  defmodule Shop.Stock do
    use GenServer
    def start_link(level), do: GenServer.start_link(__MODULE__, level)
    def take(pid, number), do: GenServer.call(pid, {:take, number})

    @impl true
    def init(level), do: {:ok, level}

    @impl true
    def handle_call({:take, number}, _from, level) do
      if number > level, do: {:reply, {:error, :insufficient_stock}, level}, else: {:reply, :ok, level - number}
    end
  end
  """

  @web """
  defmodule Shop.Web do
    def order(number) do
      {:ok, pid} = Shop.Stock.start_link(5)
      Shop.Stock.take(pid, number)
    end
  end
  """

  @other """
  defmodule Other do
    def plain, do: :plain
  end
  """

  @files %{"lib/shop/stock.ex" => @stock, "lib/shop/web.ex" => @web, "lib/other.ex" => @other}

  test "instruments what is selected, once, and again after a change", %{tmp_dir: folder} do
    Project.write(folder, [modules: ["Shop.*"], values: ["Shop.Stock"]], @files)
    {output, 0} = Project.mix(folder, ["compile"])
    assert output =~ ~r/Instrumented 2 modules, \d+ sites/

    table = table(folder, Shop.Stock)

    assert %SiteTable{file: "lib/shop/stock.ex", application: "sample", source_state: :hashed_by_build} =
             table

    assert table.source_sha256 == :crypto.hash(:sha256, @stock)
    assert SourceCheck.wrong(table, @stock) == []
    assert SourceCheck.unplaced(table) == []
    refute Instrument.instrumented?(Project.beam(folder, Other))

    original =
      File.read!(Path.join(folder, "_build/dev/lib/sample/elixir_scope_originals/Elixir.Shop.Stock.beam"))

    refute Instrument.instrumented?(original)
    assert Instrument.original(Project.beam(folder, Shop.Stock)) == {:ok, original}

    # Again without a change: nothing is written.
    before = File.stat!(Project.beam_path(folder, Shop.Stock))
    {output, 0} = Project.mix(folder, ["compile"])
    refute output =~ "Instrumented"
    refute output =~ "Compiling"
    assert File.stat!(Project.beam_path(folder, Shop.Stock)) == before

    # One source changed: it alone is compiled and instrumented.
    web = Project.beam(folder, Shop.Web)
    changed = String.replace(@stock, ":insufficient_stock", ":no_stock") <> "# longer\n"
    Project.write_file(folder, "lib/shop/stock.ex", changed)
    {output, 0} = Project.mix(folder, ["compile"])
    assert output =~ "Compiling 1 file"
    assert output =~ "Instrumented 2 modules"
    assert table(folder, Shop.Stock).module_version != table.module_version
    assert Project.beam(folder, Shop.Web) == web

    # The instrumented modules are what runs in the VM that compiled them.
    {output, 0} =
      Project.mix(folder, ["run", "--no-start", "-e", "IO.inspect Shop.Web.__elixir_scope__(:key)"])

    assert output =~ ~r/^\d+$/m
  end

  test "settings that change are followed; a module that is no longer selected is restored", %{
    tmp_dir: folder
  } do
    Project.write(folder, [modules: ["Shop.*", Other]], @files)
    {output, 0} = Project.mix(folder, ["compile"])
    assert output =~ "Instrumented 3 modules"

    Project.write_settings(folder, modules: ["Shop.*"], except: [Shop.Web], entries: [{Shop.Stock, :take, :_}])

    {_output, 0} = Project.mix(folder, ["compile"])
    refute Instrument.instrumented?(Project.beam(folder, Other))
    refute Instrument.instrumented?(Project.beam(folder, Shop.Web))
    assert Enum.any?(table(folder, Shop.Stock).sites, &(&1.kind == :entry and &1.token == "take"))

    {_output, 0} = Project.mix(folder, ["clean"])
    refute File.exists?(Path.join(folder, "_build/dev/lib/sample/elixir_scope_originals"))
    {output, 0} = Project.mix(folder, ["compile"])
    assert output =~ "Instrumented 1 modules"
  end

  test "what another build of this library instrumented is instrumented again", %{tmp_dir: folder} do
    Project.write(folder, [modules: ["Shop.*"]], @files)
    {output, 0} = Project.mix(folder, ["compile"])
    assert output =~ "Instrumented 2 modules"

    # The same version number, one module of the instrumentation changed.
    other = Path.join(folder, "library/ebin")
    File.mkdir_p!(Path.dirname(other))
    File.cp_r!(Project.ebin(), other)
    source = File.read!(Path.join(Project.library(), "lib/elixir_scope/instrument/match.ex"))
    changed = String.replace(source, ~r/end\s*\z/, "  def changed, do: :changed\nend\n")
    [{module, beam}] = changed |> Fixture.compile() |> Enum.to_list()
    :code.purge(module)
    {:module, ^module} = :code.load_file(module)
    File.write!(Path.join(other, "#{module}.beam"), beam)

    {output, 0} = Project.mix(folder, ["compile"], other)
    assert output =~ "Instrumented 2 modules"
    {output, 0} = Project.mix(folder, ["compile"], other)
    refute output =~ "Instrumented"
  end

  test "a project that was compiled without columns is compiled again", %{tmp_dir: folder} do
    Project.write(folder, [modules: ["Shop.*"]], @files)
    settings = File.read!(Path.join(folder, "mix.exs"))
    Project.write_file(folder, "mix.exs", String.replace(settings, ~r/^ *compilers:.*$/m, ""))
    {_output, 0} = Project.mix(folder, ["compile"])
    refute Instrument.instrumented?(Project.beam(folder, Shop.Stock))
    Project.write_settings(folder, modules: ["Shop.*"])
    {_output, 0} = Project.mix(folder, ["compile"])
    assert SourceCheck.unplaced(table(folder, Shop.Stock)) == []
  end

  test "in an umbrella each application is instrumented, also if it was compiled before", %{tmp_dir: folder} do
    Project.write_umbrella(folder, "Mix.compilers()")
    {_output, 0} = Project.mix(folder, ["compile"])
    Project.write_umbrella(folder, "[:elixir_scope_columns] ++ Mix.compilers() ++ [:elixir_scope]")
    {output, 0} = Project.mix(folder, ["compile"])
    assert length(String.split(output, "Instrumented 1 modules")) == 3

    {output, 0} = Project.mix(folder, ["elixir_scope.sites"])
    assert output =~ "lib/one.ex:2:7 clause name One.name/0 clause 1\n"
    assert output =~ "lib/two.ex:2:7 clause name Two.name/0 clause 1\n"
    # With columns, so the second was compiled again as well.
    for app <- [:one, :two] do
      beam =
        File.read!(Path.join(folder, "_build/dev/lib/#{app}/ebin/Elixir.#{Macro.camelize("#{app}")}.beam"))

      {:ok, {_, [debug_info: {_, _, {_, map, _}}]}} = :beam_lib.chunks(beam, [:debug_info])
      [{_, _, _, [{_, _, _, {_call, metadata, _}}]}] = map.definitions
      assert metadata[:column]
    end
  end

  test "a module that cannot be instrumented is named, and fails the build only if strict", %{tmp_dir: folder} do
    native = "defmodule Shop.Native do\n  def load, do: :erlang.load_nif([], 0)\nend\n"
    Project.write(folder, [modules: ["Shop.*"]], Map.put(@files, "lib/shop/native.ex", native))
    {output, 0} = Project.mix(folder, ["compile"])
    assert output =~ "Shop.Native is not instrumented: Shop.Native loads a native library"
    assert output =~ "Instrumented 2 modules"
    Project.write_settings(folder, modules: ["Shop.*"], strict: true)
    {output, status} = Project.mix(folder, ["compile"])
    assert status != 0
    assert output =~ "Shop.Native is not instrumented"
    Project.write_settings(folder, modules: ["Shop.*"], sites: :some)
    {output, status} = Project.mix(folder, ["compile"])
    assert status != 0
    assert output =~ "option sites cannot be :some"
  end

  test "the sites are listed as text and as JSON", %{tmp_dir: folder} do
    Project.write(folder, [modules: ["Shop.*"]], @files)
    {output, 0} = Project.mix(folder, ["elixir_scope.sites"])
    assert output =~ "lib/shop/stock.ex:10:7 callback handle_call Shop.Stock.handle_call/3 clause 1\n"
    assert output =~ "lib/shop/web.ex:2:7 clause order Shop.Web.order/1 clause 1\n"
    {output, 0} = Project.mix(folder, ["elixir_scope.sites", "--json", "Shop.Web"])
    refute output =~ "Shop.Stock.handle_call"
    assert output =~ ~s("kind":"clause","file":"lib/shop/web.ex","line":2,"column":7,"token":"order")
  end

  defp table(folder, module) do
    {:ok, bytes} = Beam.site_table(Project.beam(folder, module))
    {:ok, table} = SiteTable.decode(bytes)
    table
  end
end
