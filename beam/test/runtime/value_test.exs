defmodule ElixirScope.ValueTest do
  @moduledoc "Limits and redaction of captured values: no canary leaves the process."
  use ExUnit.Case, async: false
  alias ElixirScope.{Config, Probe, Value}
  alias ElixirScope.Test.{Agent, Secrets}

  @canary "canary-4711"

  defp settings(list) do
    for {key, value} <- list, do: Application.put_env(:elixir_scope, key, value)
    Config.load()

    on_exit(fn ->
      for {key, _} <- list, do: Application.delete_env(:elixir_scope, key)
      Application.delete_env(:phoenix, :filter_parameters)
      Config.load()
    end)
  end

  defp bytes(term, key), do: term |> Value.encode(key) |> elem(0)
  defp hides?(term, key \\ nil), do: :binary.match(bytes(term, key), @canary) == :nomatch

  test "keys of the list hide their values, wherever they are" do
    for key <-
          ~w(password user_password SECRET token api_key apiKey Authorization private_key credit_card cvv cookie) do
      for term <- [
            %{key => @canary},
            %{String.to_atom(key) => @canary},
            [{String.to_atom(key), @canary}],
            {key, @canary},
            [headers: [{key, @canary}]],
            %{user: %{key => [@canary]}}
          ] do
        assert hides?(term), inspect(term)
      end

      assert hides?(@canary, key)
      assert hides?(@canary, String.to_atom(key))
    end

    refute hides?(%{order: @canary})
  end

  test "structs: derived Inspect, Ecto's redact, hand-written Inspect, plain" do
    assert hides?(%Secrets.Derived{name: "n", pin: @canary})
    refute hides?(%Secrets.Derived{name: @canary, pin: 1})
    assert hides?(%Secrets.Only{name: "n", pin: @canary, iban: @canary})
    refute hides?(%Secrets.Only{name: @canary})
    assert hides?(%Secrets.EctoLike{name: "n", iban: @canary})
    refute hides?(%Secrets.EctoLike{name: @canary})
    assert hides?(%Secrets.Opaque{inner: @canary})
    assert hides?(%Secrets.Plain{password: @canary})
    # Hand-written implementations that show what they have.
    {date, _, _} = Value.limit(~D[2026-11-22])
    assert %{year: 2026, __struct__: Date} = date
    refute hides?(MapSet.new([@canary]))
  end

  test "functions do not carry their environment" do
    secret = @canary
    assert hides?(fn -> secret end)
  end

  test "Phoenix's filter_parameters: a list, discard and keep" do
    settings([])
    Application.put_env(:phoenix, :filter_parameters, ["iban"])
    Config.load()
    assert hides?(%{"user_iban" => @canary})
    Application.put_env(:phoenix, :filter_parameters, {:discard, ["street"]})
    Config.load()
    assert hides?(%{"street" => @canary})
    Application.put_env(:phoenix, :filter_parameters, {:keep, ["id"]})
    Config.load()
    assert hides?(%{"name" => @canary})
    refute hides?(%{"id" => @canary})
  end

  test "allow-list mode keeps listed keys only" do
    settings(values: :allow, allow_keys: [:order_id])
    assert hides?(%{name: @canary, list: [@canary]})
    assert hides?(@canary)
    assert hides?({:reserve, @canary})
    refute hides?(%{order_id: @canary})
    refute hides?(@canary, "order_id")
    # What is shaped like a password is hidden even when listed.
    settings(values: :allow, allow_keys: [:password])
    assert hides?(%{password: @canary})
  end

  test "depth, elements, binaries and the whole are bounded, and cuts are marked" do
    assert {%{a: %{b: %{"$cut": :depth}}}, true, false} = Value.limit(%{a: %{b: %{c: %{d: 1}}}}) |> deep()
    assert {list, true, false} = Value.limit(Enum.to_list(1..50))
    assert length(list) == 21
    assert List.last(list) == {:"$cut", :list, 30}
    assert {{:"$cut", prefix, 2000}, true, false} = Value.limit(String.duplicate("x", 2000))
    assert byte_size(prefix) == 512
    assert {map, true, false} = Value.limit(Map.new(1..100, &{&1, &1}))
    assert map[:"$cut"] == 100
    big = for _ <- 1..20, do: for(_ <- 1..20, do: String.duplicate("x", 500))
    assert {bytes, true, false} = Value.encode(big)
    assert byte_size(bytes) < 24_000
    assert {_, true, false} = Value.encode(Integer.pow(2, 100_000))
    assert {[1 | 2], false, false} = {[1 | 2], false, false}
    assert {[1, 2], false, false} = Value.limit([1 | 2])
  end

  # A map below the limit is a mark or a map with the mark.
  defp deep({%{a: %{b: {:"$cut", :depth, :map}}}, cut, redacted}),
    do: {%{a: %{b: %{"$cut": :depth}}}, cut, redacted}

  defp deep({%{a: %{b: %{c: {:"$cut", :depth, :map}}}}, cut, redacted}),
    do: {%{a: %{b: %{"$cut": :depth}}}, cut, redacted}

  test "any term is encoded within the bound, quickly" do
    for seed <- 1..300 do
      :rand.seed(:exsss, {seed, 2, 3})
      term = term(6)
      {us, {bytes, _, _}} = :timer.tc(fn -> Value.encode(term) end)
      assert byte_size(bytes) < 40_000
      assert us < 200_000
      :erlang.binary_to_term(bytes)
    end
  end

  defp term(0), do: Enum.random([1, 1.5, :a, "b", self(), make_ref(), <<1::3>>, &is_atom/1, [], {}, %{}])

  defp term(depth) do
    case :rand.uniform(6) do
      1 -> for _ <- 1..:rand.uniform(30), do: term((depth - 1 - :rand.uniform(depth) + 1) |> max(0) |> min(2))
      2 -> List.to_tuple(for _ <- 1..:rand.uniform(30), do: term(min(depth - 1, 1)))
      3 -> Map.new(1..:rand.uniform(30), fn i -> {i, term(min(depth - 1, 2))} end)
      4 -> String.duplicate("é", :rand.uniform(2000))
      5 -> [term(0) | term(0)]
      6 -> term(0)
    end
  end

  test "values arrive as events of their frame; a sensitive process is not looked at" do
    :seq_trace.set_token([])
    path = Agent.path()
    Application.put_env(:elixir_scope, :socket, path)
    agent = start_supervised!({Agent, path: path})

    run = fn sensitive ->
      Task.async(fn ->
        ElixirScope.trace("values", fn ->
          Process.flag(:sensitive, sensitive)
          frame = Probe.call_values(5, 1, order: %{id: 123, token: @canary}, password: @canary)
          Probe.branch_values(5, 2, frame, d: nil)
          Probe.return_values(5, 3, frame, {:error, :nil_div})
          Process.flag(:sensitive, false)
          ElixirScope.current_trace()
        end)
      end)
      |> Task.await()
    end

    trace = run.(false)
    hidden = run.(true)
    ended = fn events, trace -> Enum.any?(events, &(&1.trace == trace and &1.kind == :root_end)) end

    events =
      Agent.wait(agent, fn events ->
        Enum.count(events, &(&1.trace == trace and &1.kind == :value)) == 4 and ended.(events, hidden)
      end)

    mine = Enum.filter(events, &(&1.trace == trace))
    [call] = Enum.filter(mine, &(&1.kind == :call))

    values =
      for %{kind: :value} = e <- mine,
          do: {e.payload.role, e.payload.name, e.payload.value, e.payload.flags, e.parent == call.id}

    assert Enum.sort(values) == [
             {0, "order", %{id: 123, token: :"$redacted"}, 2, true},
             {0, "password", :"$redacted", 2, true},
             {1, "", {:error, :nil_div}, 0, true},
             {2, "d", nil, 0, true}
           ]

    assert Enum.count(events, &(&1.trace == hidden and &1.kind == :value)) == 0
    assert Enum.count(events, &(&1.trace == hidden and &1.kind == :call)) == 1
  end
end
