defmodule ElixirScope.EntryTest do
  @moduledoc """
  Where traces begin: `trace/2`, `traceparent`, `:telemetry`, OpenTelemetry; sampling; errors of both kinds of work.
  """
  use ExUnit.Case, async: false
  import ExUnit.CaptureLog
  alias ElixirScope.{Identity, Probe, TraceParent}
  alias ElixirScope.Test.Agent

  setup do
    # The runner has the token of the last test's last message.
    :seq_trace.set_token([])
    path = Agent.path()
    Application.put_env(:elixir_scope, :socket, path)
    agent = start_supervised!({Agent, path: path})
    %{agent: agent}
  end

  defp events(agent, trace, enough) do
    agent
    |> Agent.wait(fn events -> enough.(Enum.filter(events, &(&1.trace == trace))) end)
    |> Enum.filter(&(&1.trace == trace))
    |> Enum.sort_by(& &1.hlc)
  end

  defp ended?(events), do: Enum.any?(events, &(&1.kind == :root_end))

  test "nested: a call of the same trace", %{agent: agent} do
    {outer, inner} =
      ElixirScope.trace("outer", fn ->
        {ElixirScope.current_trace(), ElixirScope.trace("inner", fn -> ElixirScope.current_trace() end)}
      end)

    assert inner == outer
    assert [root, call, return, root_end] = events(agent, outer, &ended?/1)
    assert Enum.map([root, call, return, root_end], & &1.kind) == [:root, :call, :return, :root_end]
    assert {call.parent, return.parent, root_end.parent} == {root.id, call.id, root.id}
  end

  test "an exception is recorded and raised again with its own stack", %{agent: agent} do
    test = self()

    stack =
      try do
        ElixirScope.trace("fails", fn ->
          send(test, {:trace, ElixirScope.current_trace()})
          div(1, length([]))
        end)
      rescue
        ArithmeticError -> __STACKTRACE__
      end

    assert [{:erlang, :div, _, _}, {__MODULE__, _, _, _} | _] = stack
    assert {:erlang.seq_trace_info(:label), Process.get(:"$elixir_scope")} == {[], nil}
    assert_receive {:trace, trace}
    events = events(agent, trace, &ended?/1)
    assert [error] = Enum.filter(events, &(&1.kind == :error))
    assert error.payload.type == "ArithmeticError"

    assert [{"erlang", "div", 2, _, _}, {"Elixir.ElixirScope.EntryTest", _, _, file, line} | _] =
             error.payload.stacktrace

    assert file =~ "entry_test.exs" and line > 0
    assert error.parent == hd(events).id

    for kind <- [:throw, :exit],
        do:
          assert(
            {kind, 7} == catch_kind(fn -> ElixirScope.trace("x", fn -> apply(:erlang, kind, [7]) end) end)
          )
  end

  defp catch_kind(fun) do
    fun.()
  catch
    kind, reason -> {kind, reason}
  end

  test "traceparent: continued, given on, invalid ones ignored", %{agent: agent} do
    header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    out = ElixirScope.with_traceparent(header, fn -> ElixirScope.traceparent() end)
    [root | _] = events(agent, trace, &ended?/1)
    assert root.payload.span == "00f067aa0ba902b7"
    span = Base.encode16(Identity.span_id(root.node, root.id), case: :lower)
    assert out == "00-#{trace}-#{span}-01"

    for bad <- [
          nil,
          "",
          "00-#{trace}-00f067aa0ba902b7",
          String.upcase(header),
          "ff" <> binary_part(header, 2, 53),
          "00-#{String.duplicate("0", 32)}-00f067aa0ba902b7-01",
          header <> "x",
          17
        ] do
      assert TraceParent.parse(bad) == :error
      assert ElixirScope.with_traceparent(bad, fn -> ElixirScope.current_trace() end) not in [nil, trace]
    end

    # Not sampled by its origin: not by us.
    assert ElixirScope.with_traceparent(String.replace_suffix(header, "01", "00"), fn ->
             ElixirScope.current_trace()
           end) == nil
  end

  test "sampling: none, all, a share; decided once, by the trace id" do
    assert ElixirScope.trace("no", fn -> ElixirScope.current_trace() end, sample: 0.0) == nil
    assert ElixirScope.trace("yes", fn -> ElixirScope.current_trace() end, sample: 1.0)
    sampled = Enum.count(1..4000, fn _ -> TraceParent.sampled?(TraceParent.random(), 0.25) end)
    assert sampled in 850..1150
  end

  test "the application's own random numbers are what they are without a trace" do
    :rand.seed(:exsss, {1, 2, 3})
    expected = for _ <- 1..3, do: :rand.uniform(1_000_000)
    :rand.seed(:exsss, {1, 2, 3})
    assert expected == for(_ <- 1..3, do: ElixirScope.trace("random", fn -> :rand.uniform(1_000_000) end))
  end

  test "wrong arguments do not reach the application" do
    assert ElixirScope.trace({:no, :name}, fn -> 1 end) == 1
    assert ElixirScope.trace("x", fn -> 2 end, attributes: :no_map) == 2
  end

  test "an error of unsampled work is an untraced error event", %{agent: agent} do
    Process.flag(:trap_exit, true)

    capture_log(fn ->
      {:ok, pid} =
        Task.start_link(fn -> ElixirScope.trace("no", fn -> raise "unsampled 17" end, sample: 0.0) end)

      assert_receive {:EXIT, ^pid, _}
    end)

    [error] =
      agent
      |> Agent.wait(fn events -> Enum.any?(events, &unsampled?/1) end)
      |> Enum.filter(&unsampled?/1)

    assert error.untraced?
    assert error.trace == String.duplicate("0", 32)
    assert error.payload.message == "unsampled 17"
  end

  defp unsampled?(event), do: event.kind == :error and event.payload.message =~ "unsampled"

  test "a crash in a trace: one error event of that trace, and our keys stay out of the log", %{agent: agent} do
    test = self()

    log =
      capture_log(fn ->
        :logger.set_handler_config(:default, :filters, [])

        pid =
          :proc_lib.spawn(fn ->
            Process.put(:own, :kept_in_the_report)

            ElixirScope.trace("crash", fn ->
              send(test, {:trace, ElixirScope.current_trace()}) && Probe.call(1, 9) &&
                exit({:bad, %{password: "canary-1"}})
            end)
          end)

        ref = Process.monitor(pid)
        assert_receive {:DOWN, ^ref, _, _, _}
        Process.sleep(50)
      end)

    refute log =~ "elixir_scope"
    assert_receive {:trace, trace}
    events = events(agent, trace, &ended?/1)
    assert [error] = Enum.filter(events, &(&1.kind == :error))
    assert error.class == 2
    assert error.payload.reason == {:bad, %{password: :"$redacted"}}
    refute error.payload.message =~ "canary"
  end

  test "crash reports: our keys are removed, the application's stay" do
    report = fn ->
      [
        [
          pid: self(),
          error_info: {:error, :oops, []},
          dictionary: [{:"$elixir_scope", 1}, {:own, 2}, {:"$elixir_scope_process", 3}]
        ],
        []
      ]
    end

    event = %{level: :error, msg: {:report, %{label: {:proc_lib, :crash}, report: report.()}}, meta: %{}}
    assert %{msg: {:report, %{report: [info, []]}}} = ElixirScope.CrashReports.filter(event, [])
    assert info[:dictionary] == [own: 2]
    assert ElixirScope.CrashReports.filter(%{level: :info, msg: {:string, "x"}, meta: %{}}, []) == :ignore
  end

  defp handled(kind, reason) do
    ElixirScope.trace("handled", fn ->
      frame = Probe.call(1, 1)

      try do
        :erlang.raise(kind, reason, [])
      catch
        kind, reason -> Probe.exception(1, 2, frame, kind, reason, __STACKTRACE__)
      end

      ElixirScope.current_trace()
    end)
  end

  test "an exception that is handled carries what it was, once, redacted", %{agent: agent} do
    for {kind, reason, type, class} <- [
          {:error, %KeyError{key: :x, term: %{password: "canary-3"}}, "KeyError", 1},
          {:error, :badarith, "ArithmeticError", 1},
          {:exit, {:shutdown, [token: "canary-3"]}, "exit", 2},
          {:throw, {:found, String.duplicate("x", 5000)}, "throw", 3}
        ] do
      events = events(agent, handled(kind, reason), &ended?/1)
      assert [exception] = Enum.filter(events, &(&1.kind == :exception))
      assert [call] = Enum.filter(events, &(&1.kind == :call))
      assert {exception.parent, exception.class, exception.site} == {call.id, class, 2}
      assert exception.payload.kind == kind
      assert exception.payload.type == type
      assert is_list(exception.payload.stacktrace)
      refute inspect(exception.payload) =~ "canary"
      assert byte_size(:erlang.term_to_binary(exception.payload)) < 4096
      # The exact order of the trace: each event once, no ordinal twice.
      ordinals = Enum.map(events, & &1.ordinal)
      assert ordinals == Enum.uniq(ordinals) and ordinals == Enum.sort(ordinals)
    end
  end

  test "without room for its payload an exception is recorded all the same, and nothing is dropped", %{
    agent: agent
  } do
    {_, _, _, counters, _, _} = ElixirScope.Ring.runtime()
    parent = self()

    trace =
      ElixirScope.trace("no room", fn ->
        frame = Probe.call(1, 1)
        dropped = ElixirScope.stats().dropped
        # As if the writer's mailbox was full.
        :atomics.add(counters, 15, 1_000_000)
        Probe.exception(1, 2, frame, :error, :badarith, [])
        :atomics.sub(counters, 15, 1_000_000)
        send(parent, {:dropped, dropped == ElixirScope.stats().dropped})
        ElixirScope.current_trace()
      end)

    assert_receive {:dropped, true}
    events = events(agent, trace, &ended?/1)
    assert [%{payload: nil, class: 1}] = Enum.filter(events, &(&1.kind == :exception))
  end

  test "a sensitive process's exceptions have no payload", %{agent: agent} do
    {pid, ref} =
      spawn_monitor(fn ->
        Process.flag(:sensitive, true)
        exit({:trace, handled(:throw, :secret_thing)})
      end)

    assert_receive {:DOWN, ^ref, _, ^pid, {:trace, trace}}
    events = events(agent, trace, &ended?/1)
    assert [%{payload: nil, class: 3}] = Enum.filter(events, &(&1.kind == :exception))
  end

  test "messages of exceptions that carry terms are redacted" do
    for reason <- [
          %KeyError{key: :x, term: %{password: "canary-2"}},
          {:badmatch, %{token: "canary-2"}},
          {:case_clause, [secret: "canary-2"]},
          %MatchError{term: {:api_key, "canary-2"}}
        ] do
      payload = ElixirScope.ErrorEvent.payload(:error, reason, [{A, :b, [%{password: "canary-2"}], []}])
      assert :binary.match(payload, "canary-2") == :nomatch

      assert %{type: _, message: _, stacktrace: [{"Elixir.A", "b", 1, "", 0}]} =
               :erlang.binary_to_term(payload)
    end
  end

  test ":telemetry spans begin and end traces (contract)", %{agent: agent} do
    define(:telemetry, """
    defmodule :telemetry do
      def attach_many(id, events, fun, config) do
        for e <- events, do: :persistent_term.put({:fake, e}, {id, fun, config})
        :ok
      end
      def detach(_), do: :ok
      def execute(event, measurements, metadata) do
        case :persistent_term.get({:fake, event}, nil) do
          {_, fun, config} -> fun.(event, measurements, metadata, config)
          nil -> :ok
        end
        :ok
      end
    end
    """)

    ElixirScope.Telemetry.attach()
    header = "00-11f92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    conn = %{
      method: "POST",
      request_path: "/orders",
      host: "shop",
      req_headers: [{"traceparent", header}],
      status: 201
    }

    telemetry([:phoenix, :endpoint, :start], %{}, %{conn: conn})
    assert ElixirScope.current_trace() == "11f92f3577b34da6a3ce929d0e0e4736"
    Probe.call(1, 4)
    telemetry([:phoenix, :endpoint, :stop], %{}, %{conn: conn})
    assert ElixirScope.current_trace() == nil
    assert [root, call, root_end] = events(agent, "11f92f3577b34da6a3ce929d0e0e4736", &ended?/1)
    assert root.payload.name == "phoenix.endpoint"
    assert root.payload.attributes["http.request_path"] == "/orders"
    assert call.parent == root.id
    assert root_end.class == 1

    # An exception ends it; a stop without a start is nothing; garbage raises nothing.
    telemetry([:oban, :job, :start], %{}, %{
      job: %{worker: "W", queue: "q", attempt: 1, args: %{secret: 1}}
    })

    trace = ElixirScope.current_trace()

    telemetry([:oban, :job, :exception], %{}, %{
      kind: :error,
      reason: %RuntimeError{message: "job"},
      stacktrace: []
    })

    assert ElixirScope.current_trace() == nil
    assert Enum.any?(events(agent, trace, &ended?/1), &(&1.kind == :error))
    telemetry([:oban, :job, :stop], %{}, %{})
    assert ElixirScope.Telemetry.handle(:garbage, nil, nil, nil) == :ok
    ElixirScope.Telemetry.detach()
    purge(:telemetry)
  end

  test "an OpenTelemetry context's trace is adopted (contract)", %{agent: agent} do
    define(
      :otel_tracer,
      "defmodule :otel_tracer do\n def current_span_ctx, do: Process.get(:otel, :undefined)\nend"
    )

    define(:otel_span, """
    defmodule :otel_span do
      def trace_id(ctx), do: elem(ctx, 1)
      def span_id(ctx), do: elem(ctx, 2)
    end
    """)

    Process.put(
      :otel,
      {:span_ctx, 0x22F92F3577B34DA6A3CE929D0E0E4736, 0xF067AA0BA902B7, 1, [], true, false, true, nil}
    )

    trace = ElixirScope.trace("otel", fn -> ElixirScope.current_trace() end)
    assert trace == "22f92f3577b34da6a3ce929d0e0e4736"
    [root | _] = events(agent, trace, &ended?/1)
    assert root.payload.span == "00f067aa0ba902b7"

    Process.put(
      :otel,
      {:span_ctx, 0x22F92F3577B34DA6A3CE929D0E0E4736, 0xF067AA0BA902B7, 0, [], true, false, true, nil}
    )

    assert ElixirScope.trace("otel", fn -> ElixirScope.current_trace() end) == nil
    Process.delete(:otel)
    assert ElixirScope.trace("otel", fn -> ElixirScope.current_trace() end) != trace
    purge(:otel_tracer)
    purge(:otel_span)
  end

  defp define(module, code) do
    Code.compile_string(code)
    assert Code.ensure_loaded?(module)
  end

  # By name: the library is not there when this is compiled.
  defp telemetry(event, measurements, metadata),
    do: apply(:telemetry, :execute, [event, measurements, metadata])

  defp purge(module) do
    :code.purge(module)
    :code.delete(module)
  end

  test "spawn and exit of a process in a trace, however it ends", %{agent: agent} do
    test = self()

    trace =
      ElixirScope.trace("spawns", fn ->
        for how <- [:normal, :kill] do
          pid =
            spawn(fn ->
              Probe.call(1, 5)
              send(test, {:up, self()})
              if how == :kill, do: Process.sleep(:infinity)
            end)

          assert_receive {:up, ^pid}

          if how == :kill do
            wait_until(fn -> ElixirScope.Watch.where(pid) end)
            Process.exit(pid, :kill)
          end
        end

        ElixirScope.current_trace()
      end)

    events = events(agent, trace, fn events -> Enum.count(events, &(&1.kind == :exit)) == 2 end)
    spawns = Enum.filter(events, &(&1.kind == :spawn))
    exits = Enum.filter(events, &(&1.kind == :exit))
    assert Enum.sort(Enum.map(spawns, & &1.pid)) == Enum.sort(Enum.map(exits, & &1.pid))

    assert Enum.map(exits, & &1.payload)
           |> Enum.sort()
           |> Kernel.in([[:killed, :normal], [:"$unknown", :killed]])

    assert Enum.all?(spawns, &(&1.payload == {&1.pid} and Enum.any?(events, fn e -> e.id == &1.parent end)))
  end

  defp wait_until(fun, left \\ 500) do
    cond do
      fun.() -> :ok
      left == 0 -> flunk("waited in vain")
      true -> Process.sleep(5) && wait_until(fun, left - 1)
    end
  end

  test "a clock far ahead orders its trace and is flagged; the process's next trace is on its own clock", %{
    agent: agent
  } do
    {_, _, node, _, _, _} = ElixirScope.Ring.runtime()
    far = Bitwise.bsl(ElixirScope.Clock.now_us() + 300_000_000, 10)
    label = {:elixir_scope, 0x33F92F3577B3, 1, 2, far, 4096, node, 1}
    test = self()

    spawn(fn ->
      :erlang.seq_trace(:label, label)
      send(test, :tokened)
      Process.sleep(:infinity)
    end)
    |> then(fn pid -> assert_receive(:tokened) && Process.exit(pid, :kill) end)

    # The test process has the token of that message.
    assert {:label, ^label} = :erlang.seq_trace_info(:label)
    frame = Probe.call(1, 6)
    ElixirScope.Capture.values(frame, 1, 6, 0, x: 1)
    ElixirScope.ErrorEvent.record(:error, :ahead, [])
    Probe.exception(1, 6, frame, :throw, :ahead)
    {pid, ref} = spawn_monitor(fn -> Probe.call(1, 8) end)
    assert_receive {:DOWN, ^ref, _, ^pid, _}
    Process.delete(:"$elixir_scope_error")
    :erlang.seq_trace(:label, {:elixir_scope, 0x33F92F3577B3, 1, 2, far + 4, elem(frame, 0), node, 1})
    Probe.return(1, 7, frame, :ok)
    ElixirScope.Context.drop()
    trace = "33f92f3577b30000000000010000" <> "0002"
    all = events(agent, trace, &(Enum.any?(&1, fn e -> e.kind == :exit end) and length(&1) == 8))
    # Every event of a trace whose clock is ahead says so.
    kinds = Enum.map(all, & &1.kind)
    assert Enum.sort(kinds) == Enum.sort([:call, :value, :error, :exception, :spawn, :call, :exit, :return])
    assert for(e <- all, not e.ahead?, do: e.kind) == []
    [call] = Enum.filter(all, &(&1.kind == :call and &1.site == 6))
    [return] = Enum.filter(all, &(&1.kind == :return))
    assert call.ahead? and call.hlc == far + 1 and return.hlc == far + 5
    assert call.remote? and call.parent == 4096
    assert call.time < Bitwise.bsr(far, 10)
    own = ElixirScope.trace("own", fn -> ElixirScope.current_trace() end)
    [root | _] = events(agent, own, &ended?/1)
    assert Bitwise.bsr(root.hlc, 10) == root.time
    refute root.ahead?
  end
end
