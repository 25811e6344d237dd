defmodule ElixirScope.Instrument.Arms do
  @moduledoc """
  Rewrites what has arms: `case`, `cond`, `with`, `fn`, `receive`, `try`, and comprehensions.

  An arm tells the clause's frame that it was taken. The arms of `fn` and `receive` begin a frame of their
  own: a `fn` may run in another process or later, and what a `receive` takes may come from another trace.
  """

  alias ElixirScope.Instrument.{Anchor, Body, Inject, Pass, Patterns, Scope}

  @doc "A node that has arms, with its sites."
  @spec rewrite(Macro.t(), Scope.t(), Pass.t()) :: {Macro.t(), Pass.t()}
  def rewrite({:case, meta, [subject, [do: arms]]}, scope, pass) do
    {subject, pass} = Body.rewrite(subject, Scope.inner(scope), pass)
    {arms, pass} = Pass.alternatives(arms, pass, &branch(&1, :case, scope, &2))
    {{:case, meta, [subject, [do: arms]]}, pass}
  end

  def rewrite({:cond, meta, [[do: arms]]}, scope, pass) do
    {arms, {pass, stale?}} =
      Enum.map_reduce(arms, {pass, false}, fn {:->, arm_meta, [[condition], body]}, {pass, stale?} ->
        {condition, pass} = Body.rewrite(condition, Scope.inner(scope), pass)
        after_condition = pass.stale?
        {arm, pass} = Pass.apart(pass, &branch({:->, arm_meta, [[condition], body]}, :cond, scope, &1))
        {arm, {%{pass | stale?: after_condition}, stale? or pass.stale?}}
      end)

    {{:cond, meta, [[do: arms]]}, %{pass | stale?: stale? or pass.stale?}}
  end

  def rewrite({:with, meta, arguments}, scope, pass) do
    frames = pass.frames
    {clauses, [blocks]} = Enum.split(arguments, -1)
    {clauses, pass} = Enum.map_reduce(clauses, pass, &generator(&1, Scope.inner(scope), &2))
    after_clauses = pass.stale?

    {body, pass} = matched(blocks[:do], meta, scope, pass)
    stale? = pass.stale?
    {otherwise, pass} = otherwise(blocks[:else], clauses, scope, %{pass | stale?: true, frames: frames})

    {{:with, meta, clauses ++ [[do: body] ++ otherwise]},
     %{pass | stale?: stale? or after_clauses or pass.stale?}}
  end

  def rewrite({:fn, meta, arms}, scope, pass) do
    stale? = pass.stale?

    {arms, pass} =
      Enum.map_reduce(arms, pass, fn arm, pass -> Pass.apart(pass, &function(arm, scope, &1)) end)

    {{:fn, meta, arms}, %{pass | stale?: stale?}}
  end

  # Where its value is used, the arm hands on the frame that it began, for the code that follows.
  def rewrite({:receive, meta, [blocks]}, %Scope{tail?: false} = scope, pass) do
    {node, pass} = received(meta, blocks, scope, pass)
    {frame, pass} = Pass.fresh(pass, :es_frame, scope.anchor.line)
    {value, pass} = Pass.fresh(pass, :es_value, scope.anchor.line)
    node = Inject.block([{:=, line(scope), [{frame, value}, node]}, value])
    {node, Pass.begin_frame(pass, scope, frame)}
  end

  def rewrite({:receive, meta, [blocks]}, scope, pass), do: received(meta, blocks, scope, pass)

  def rewrite({:try, meta, [blocks]}, scope, pass) do
    # Only what `after` does not follow is in tail position; the body of a `try` never is.
    last = if Keyword.has_key?(blocks, :after), do: Scope.inner(scope), else: scope

    {blocks, pass} =
      Enum.map_reduce(blocks, pass, fn block, pass ->
        Pass.apart(pass, &try_block(block, blocks, last, &1))
      end)

    node = {:try, meta, [blocks]}
    pass = %{pass | stale?: true}
    if Keyword.has_key?(blocks, :after), do: Body.returning(node, scope, pass), else: {node, pass}
  end

  defp received(meta, blocks, scope, pass) do
    {timeout, pass} = timeout(blocks[:after], scope, pass)
    # `receive do after ... end` has an empty block for its arms.
    {arms, pass} =
      if is_list(blocks[:do]),
        do: Pass.alternatives(blocks[:do], pass, &arrival(&1, :receive, scope, &2)),
        else: {blocks[:do], pass}

    blocks = Enum.map(blocks, fn {name, _arms} -> {name, if(name == :do, do: arms, else: timeout)} end)
    {{:receive, meta, [blocks]}, %{pass | stale?: true}}
  end

  @doc "The generators, filters and body of a `for`."
  @spec comprehension([Macro.t()], Scope.t(), Pass.t()) :: {[Macro.t()], Pass.t()}
  def comprehension(arguments, scope, pass) do
    {generators, [options]} = Enum.split(arguments, -1)

    {generators, pass} =
      Enum.map_reduce(generators, pass, fn one, pass -> Pass.apart(pass, &generator(one, scope, &1)) end)

    {options, pass} =
      Enum.map_reduce(options, %{pass | stale?: true}, fn
        {:do, [{:->, _, _} | _] = arms}, pass ->
          {arms, pass} = Pass.alternatives(arms, pass, &plain_arm(&1, scope, &2))
          {{:do, arms}, pass}

        {name, value}, pass ->
          {value, pass} = Pass.apart(%{pass | stale?: true}, &Body.rewrite(value, scope, &1))
          {{name, value}, pass}
      end)

    {generators ++ [options], %{pass | stale?: true}}
  end

  # `pattern <- value` in `with` and `for`, `<<pattern <- value>>`, or an expression.
  defp generator({:<-, meta, [pattern, value]}, scope, pass) do
    {value, pass} = Body.rewrite(value, scope, pass)
    {{:<-, meta, [pattern, value]}, pass}
  end

  defp generator({:<<>>, meta, segments} = expression, scope, pass) do
    case Enum.split(segments, -1) do
      {patterns, [{:<-, _, _} = last]} ->
        {last, pass} = generator(last, scope, pass)
        {{:<<>>, meta, patterns ++ [last]}, pass}

      _no_generator ->
        Body.rewrite(expression, scope, pass)
    end
  end

  defp generator(expression, scope, pass), do: Body.rewrite(expression, scope, pass)

  defp plain_arm({:->, meta, [patterns, body]}, scope, pass) do
    {body, pass} = Body.rewrite(body, scope, %{pass | stale?: true})
    {{:->, meta, [patterns, body]}, pass}
  end

  defp branch({:->, meta, [patterns, body]}, kind, scope, pass) do
    if shown?(meta, pass) do
      {site, pass} = Pass.add_site(pass, kind, anchor(meta), scope)
      variables = if kind == :cond, do: [], else: variables(patterns)
      {taken, pass} = taken(site, variables, scope, pass)
      {body, pass} = Body.rewrite(body, scope, pass)
      {{:->, meta, [patterns, Inject.block([taken, body])]}, pass}
    else
      {body, pass} = Body.rewrite(body, scope, pass)
      {{:->, meta, [patterns, body]}, pass}
    end
  end

  # A `case` that a macro marked as generated is no branch that someone wrote.
  defp shown?(_meta, %Pass{detail: :calls}), do: false

  defp shown?(meta, _pass) do
    anchor = anchor(meta)
    not anchor.hidden? and not (anchor.macro_made? and meta[:generated] == true)
  end

  defp taken(site, variables, scope, pass) do
    frame = Pass.frame(pass, scope)
    place = [pass.key, site, frame]

    probe =
      if scope.values? and variables != [],
        do: Inject.remote(pass.probe, :branch_values, place ++ [variables], line(scope)),
        else: Inject.remote(pass.probe, :branch, place, line(scope))

    {Inject.if_traced(frame, probe), %{pass | stale?: false}}
  end

  defp matched(body, _meta, scope, %Pass{detail: :calls} = pass), do: Body.rewrite(body, scope, pass)

  defp matched(body, meta, scope, pass) do
    {site, pass} = Pass.add_site(pass, :with, anchor(meta), scope)
    {taken, pass} = taken(site, [], scope, pass)
    {body, pass} = Body.rewrite(body, scope, pass)
    {Inject.block([taken, body]), pass}
  end

  defp otherwise(nil, clauses, %Scope{tail?: true} = scope, pass) do
    if Enum.any?(clauses, &match?({:<-, _, _}, &1)) do
      {value, pass} = Pass.fresh(pass, :es_value, scope.anchor.line)
      {body, pass} = Body.returning(value, scope, pass)
      {[else: [{:->, line(scope), [[value], body]}]], pass}
    else
      {[], pass}
    end
  end

  defp otherwise(nil, _clauses, _scope, pass), do: {[], pass}

  defp otherwise(arms, _clauses, scope, pass) do
    {arms, pass} = Pass.alternatives(arms, pass, &branch(&1, :with_else, scope, &2))
    {[else: arms], pass}
  end

  defp function({:->, meta, [patterns, body]}, outer, pass) do
    {id, pass} = Pass.open_scope(pass)
    anchor = anchor(meta)
    scope = %{outer | id: id, anchor: anchor, tail?: true}
    {site, pass} = Pass.add_site(pass, :fn, anchor, scope)
    {frame, pass} = Pass.fresh(pass, :es_frame, anchor.line)
    probe = entered(:fn_clause, :fn_clause_values, site, variables(patterns), outer, pass)
    {body, pass} = Body.rewrite(body, %{scope | frame: frame}, %{pass | stale?: false})
    {{:->, meta, [patterns, Inject.block([Inject.enter(frame, probe, 0), body])]}, pass}
  end

  defp arrival({:->, meta, [patterns, body]}, kind, outer, pass) do
    anchor = anchor(meta)
    {site, pass} = Pass.add_site(pass, kind, anchor, outer)
    {frame, pass} = Pass.fresh(pass, :es_frame, anchor.line)
    variables = if kind == :receive, do: variables(patterns), else: []
    probe = entered(:receive_clause, :receive_values, site, variables, outer, pass)
    {body, pass} = Body.rewrite(body, %{outer | frame: frame}, %{pass | stale?: false})
    before = Pass.frame(pass, outer)
    body = if outer.tail?, do: body, else: {frame, body}
    {{:->, meta, [patterns, Inject.block([Inject.enter(frame, probe, before), body])]}, pass}
  end

  defp entered(name, name_with_values, site, variables, outer, pass) do
    arguments = [pass.key, site, Pass.frame(pass, outer)]

    if outer.values? and variables != [],
      do: Inject.remote(pass.probe, name_with_values, arguments ++ [variables], line(outer)),
      else: Inject.remote(pass.probe, name, arguments, line(outer))
  end

  defp timeout(nil, _scope, pass), do: {nil, pass}

  defp timeout([{:->, meta, [[timeout], body]}], scope, pass) do
    {timeout, pass} = Pass.apart(pass, &Body.rewrite(timeout, Scope.inner(scope), &1))
    {arm, pass} = arrival({:->, meta, [[timeout], body]}, :receive_after, scope, pass)
    {[arm], pass}
  end

  defp try_block({:do, body}, blocks, scope, pass) do
    {body, pass} = Body.rewrite(body, Scope.inner(scope), pass)
    # With `else` the value goes there; else it is the value of the `try`.
    {body, pass} = if blocks[:else], do: {body, pass}, else: Body.returning(body, scope, pass)
    {{:do, body}, pass}
  end

  defp try_block({:after, body}, _blocks, scope, pass) do
    {body, pass} = Body.rewrite(body, Scope.inner(scope), %{pass | stale?: true})
    {{:after, body}, pass}
  end

  defp try_block({:else, arms}, _blocks, scope, pass) do
    {arms, pass} = Pass.alternatives(arms, %{pass | stale?: true}, &branch(&1, :try_else, scope, &2))
    {{:else, arms}, pass}
  end

  defp try_block({kind, arms}, _blocks, scope, pass) when kind in [:rescue, :catch] do
    {arms, pass} = Pass.alternatives(arms, pass, &handler(&1, kind, scope, &2))
    {{kind, arms}, pass}
  end

  defp handler({:->, meta, [patterns, body]}, kind, scope, pass) do
    {site, pass} = Pass.add_site(pass, kind, anchor(meta), scope)
    {parts, rejoin} = Patterns.split(patterns)
    {parts, class, reason, pass} = caught(kind, parts, scope, pass)
    frame = Pass.frame(pass, scope)
    arguments = [pass.key, site, frame, class, reason, {:__STACKTRACE__, line(scope), nil}]
    probe = Inject.remote(pass.probe, :exception, arguments, line(scope))
    {body, pass} = Body.rewrite(body, scope, %{pass | stale?: false})
    body = Inject.block([Inject.if_traced(frame, probe), body])
    {{:->, meta, [rejoin.(parts), body]}, pass}
  end

  defp caught(:rescue, [{:in, meta, [variable, classes]}], scope, pass) do
    {variable, pass} = named(variable, scope, pass)
    {[{:in, meta, [variable, classes]}], :error, variable, pass}
  end

  defp caught(:rescue, [variable], scope, pass) do
    {variable, pass} = named(variable, scope, pass)
    {[variable], :error, variable, pass}
  end

  defp caught(:catch, [reason], scope, pass) do
    {pattern, reason, pass} = also(reason, scope, pass)
    {[pattern], :throw, reason, pass}
  end

  defp caught(:catch, [class, reason], scope, pass) do
    {class, pass} = if is_atom(class), do: {class, pass}, else: named(class, scope, pass)
    {pattern, reason, pass} = also(reason, scope, pass)
    {[class, pattern], class, reason, pass}
  end

  # A variable for what may be `_`.
  defp named({:_, _meta, context}, scope, pass) when is_atom(context),
    do: Pass.fresh(pass, :es_value, scope.anchor.line)

  defp named(variable, _scope, pass), do: {variable, pass}

  # A pattern, and a variable that has its value.
  defp also({name, meta, context} = pattern, scope, pass) when is_atom(name) and is_atom(context) do
    {variable, pass} = named(pattern, scope, pass)
    {if(meta[:version], do: pattern, else: variable), variable, pass}
  end

  defp also(pattern, scope, pass) do
    {variable, pass} = Pass.fresh(pass, :es_value, scope.anchor.line)
    {Inject.bind(variable, pattern), variable, pass}
  end

  defp variables(patterns) do
    {patterns, _rejoin} = Patterns.split(patterns)
    Patterns.variables(patterns)
  end

  defp anchor(meta), do: meta[:anchor] || Anchor.macro_made("case", meta[:line] || 0)
  defp line(scope), do: [generated: true, line: scope.anchor.line]
end
