defmodule ElixirScope.Instrument.Clause do
  @moduledoc """
  Rewrites one clause of a function: its entry, its body, and the callback or trace around it.

  A plain clause keeps its tail calls. A `GenServer` callback and a configured entry are wrapped, and lose
  them; neither is called in a loop of its own.
  """

  alias ElixirScope.Instrument.{Body, Callbacks, Inject, Options, Pass, Patterns, Scope}

  @type clause :: {keyword(), [Macro.t()], [Macro.t()], Macro.t()}

  @doc "A clause of a function with its sites."
  @spec rewrite(clause(), {atom(), arity()}, Scope.t(), Options.t(), Pass.t()) :: {clause(), Pass.t()}
  def rewrite({meta, arguments, guards, body}, {name, arity}, scope, options, pass) do
    {id, pass} = Pass.open_scope(pass)
    first = 1 + Patterns.max_version([arguments, guards, body])
    pass = %{pass | next_version: first, stale?: false}
    {frame, pass} = Pass.fresh(pass, :es_frame, scope.anchor.line)
    scope = %{scope | id: id, frame: frame}

    {arguments, body, pass} =
      case Callbacks.positions(options, name, arity) do
        :none -> plain(arguments, body, %{scope | tail?: true}, pass)
        positions -> callback(name, positions, arguments, body, scope, pass)
      end

    {body, pass} = entry(body, {name, arity}, scope, options, pass)
    {{meta, arguments, guards, body}, pass}
  end

  defp plain(arguments, body, scope, pass) do
    {site, pass} = Pass.add_site(pass, :clause, scope.anchor, scope)
    {arguments, values, pass} = captured(arguments, scope, pass)
    site_of = [pass.key, site]

    probe =
      if scope.values?,
        do: Inject.remote(pass.probe, :call_values, site_of ++ [values], line(scope)),
        else: Inject.remote(pass.probe, :call, site_of, line(scope))

    {body, pass} = Body.rewrite(body, scope, pass)
    {arguments, Inject.block([Inject.enter(scope.frame, probe, 0), body]), pass}
  end

  defp callback(name, {message_at, state_at}, arguments, body, scope, pass) do
    {site, pass} = Pass.add_site(pass, :callback, scope.anchor, scope)
    {return_site, pass} = Pass.add_site(pass, :callback_return, scope.anchor, scope)
    {arguments, message, pass} = bound(arguments, message_at, :es_message, scope, pass)
    {arguments, state, pass} = bound(arguments, state_at, :es_state, scope, pass)
    {result, pass} = Pass.fresh(pass, :es_result, scope.anchor.line)
    {enter, return} = callback_probes(scope.values?)

    called = Inject.remote(pass.probe, enter, [pass.key, site, name, message, state], line(scope))
    returned = [pass.key, return_site, scope.frame, result, state]
    {body, pass} = Body.rewrite(body, Scope.inner(scope), pass)

    body =
      Inject.block([
        Inject.bind(scope.frame, called),
        Inject.bind(result, body),
        Inject.if_traced(scope.frame, Inject.remote(pass.probe, return, returned, line(scope))),
        result
      ])

    {arguments, body, pass}
  end

  defp callback_probes(true), do: {:callback_values, :callback_return_values}
  defp callback_probes(false), do: {:callback, :callback_return}

  # An argument and a variable that has its value; `nil` where the callback has no such argument.
  defp bound(arguments, nil, _name, _scope, pass), do: {arguments, nil, pass}

  defp bound(arguments, at, name, scope, pass) do
    {variable, pass} = Pass.fresh(pass, name, scope.anchor.line)
    {List.update_at(arguments, at, &Inject.bind(variable, &1)), variable, pass}
  end

  # The arguments by name: a variable under its own, a pattern as a whole under its position, and what the
  # pattern binds.
  defp captured(arguments, %Scope{values?: false}, pass), do: {arguments, [], pass}

  defp captured(arguments, scope, pass) do
    {arguments, {values, pass}} =
      arguments
      |> Enum.with_index(1)
      |> Enum.map_reduce({[], pass}, fn {argument, position}, {values, pass} ->
        if whole?(argument) do
          {argument, {values ++ Patterns.variables([argument]), pass}}
        else
          {variable, pass} = Pass.fresh(pass, :es_argument, scope.anchor.line)
          value = {String.to_atom("argument #{position}"), variable}
          {Inject.bind(variable, argument), {values ++ [value | Patterns.variables([argument])], pass}}
        end
      end)

    {arguments, values, pass}
  end

  defp whole?({name, _meta, context}) when is_atom(name) and is_atom(context), do: true
  defp whole?({:=, _meta, [left, right]}), do: whole?(left) or whole?(right)
  defp whole?(argument), do: not is_tuple(argument) and not is_list(argument)

  defp entry(body, {name, arity}, scope, options, pass) do
    if scope.entry? do
      {site, pass} = Pass.add_site(pass, :entry, scope.anchor, scope)
      label = "#{inspect(options.module)}.#{name}/#{arity}"
      function = {:fn, line(scope), [{:->, line(scope), [[], body]}]}
      {Inject.remote(pass.api, :trace, [label, function, [key: pass.key, site: site]], line(scope)), pass}
    else
      {body, pass}
    end
  end

  defp line(scope), do: [generated: true, line: scope.anchor.line]
end
