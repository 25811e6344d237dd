defmodule ElixirScope.Instrument.Body do
  @moduledoc """
  Rewrites the expressions of a clause.

  Three things are added: a `resume` before each call that another call may have preceded, since callees
  do not restore their caller's context (that would cost them their tail calls); a `return` where the
  clause's value is not a tail call; and what `ElixirScope.Instrument.Arms` adds to `case` and its kin.
  Evaluation order is kept: where code has to stand between a call's arguments and the call, the arguments
  are bound first. Patterns, guards, sizes and captures of named functions are never touched.
  """

  alias ElixirScope.Instrument.{Anchor, Arms, Calls, Inject, Pass, Scope}

  @doc "An expression with its sites."
  @spec rewrite(Macro.t(), Scope.t(), Pass.t()) :: {Macro.t(), Pass.t()}
  def rewrite({:__block__, meta, [_ | _] = expressions}, scope, pass) do
    {before, [last]} = Enum.split(expressions, -1)
    {before, pass} = Enum.map_reduce(before, pass, &rewrite(&1, Scope.inner(scope), &2))
    {last, pass} = rewrite(last, scope, pass)
    {{:__block__, meta, before ++ [last]}, pass}
  end

  def rewrite({form, _meta, arguments} = node, scope, pass)
      when form in [:case, :cond, :with, :try] and is_list(arguments),
      do: Pass.apart(pass, &Arms.rewrite(node, scope, &1))

  def rewrite({:receive, _meta, [_blocks]} = node, scope, pass), do: Arms.rewrite(node, scope, pass)

  def rewrite({:fn, _meta, _arms} = node, scope, pass) do
    {node, pass} = Pass.apart(pass, &Arms.rewrite(node, scope, &1))
    returning(node, scope, pass)
  end

  def rewrite({{:., _dot, [:erlang, operator]}, _meta, [_left, right]} = node, scope, pass)
      when operator in [:andalso, :orelse] do
    if scope.tail? and tail_call?(right),
      do: boolean_tail(node, scope, pass),
      else: boolean(node, scope, pass)
  end

  def rewrite({{:., dot, [module, name]}, meta, arguments}, scope, pass)
      when is_atom(name) and is_list(arguments) do
    if field?(module, meta, arguments) do
      {module, pass} = rewrite(module, Scope.inner(scope), pass)
      returning({{:., dot, [module, name]}, meta, arguments}, scope, pass)
    else
      remote(module, name, dot, meta, arguments, scope, pass)
    end
  end

  def rewrite({{:., dot, [function]}, meta, arguments}, scope, pass) do
    call([function | arguments], scope, pass, fn [function | arguments] ->
      {{:., dot, [function]}, meta, arguments}
    end)
  end

  def rewrite({:=, meta, [pattern, value]}, scope, pass) do
    {value, pass} = rewrite(value, Scope.inner(scope), pass)
    returning({:=, meta, [pattern, value]}, scope, pass)
  end

  def rewrite({:for, meta, arguments}, scope, pass) when is_list(arguments) do
    {arguments, pass} = Pass.apart(pass, &Arms.comprehension(arguments, Scope.inner(scope), &1))
    returning({:for, meta, arguments}, scope, pass)
  end

  def rewrite({:<<>>, meta, segments}, scope, pass) do
    {segments, pass} = Enum.map_reduce(segments, pass, &segment(&1, Scope.inner(scope), &2))
    returning({:<<>>, meta, segments}, scope, pass)
  end

  def rewrite({form, meta, arguments}, scope, pass) when form in [:{}, :%{}, :%, :|] and is_list(arguments) do
    {arguments, pass} = each(arguments, Scope.inner(scope), pass)
    returning({form, meta, arguments}, scope, pass)
  end

  def rewrite({form, _meta, arguments} = node, scope, pass)
      when form in [:&, :^, :"::"] and is_list(arguments),
      do: returning(node, scope, pass)

  def rewrite({name, meta, arguments}, scope, pass) when is_atom(name) and is_list(arguments),
    do: call(arguments, scope, pass, &{name, meta, &1})

  def rewrite({left, right}, scope, pass) do
    {[left, right], pass} = each([left, right], Scope.inner(scope), pass)
    returning({left, right}, scope, pass)
  end

  def rewrite(list, scope, pass) when is_list(list) do
    {list, pass} = each(list, Scope.inner(scope), pass)
    returning(list, scope, pass)
  end

  def rewrite(leaf, scope, pass), do: returning(leaf, scope, pass)

  # Arguments and elements, one after the other; what one of them binds, the next does not see.
  defp each(expressions, scope, pass),
    do: Enum.map_reduce(expressions, pass, fn expression, pass -> element(expression, scope, pass) end)

  defp element(expression, scope, pass), do: Pass.apart(pass, &rewrite(expression, scope, &1))

  @doc "A value with its return site, if it is the value of the clause."
  @spec returning(Macro.t(), Scope.t(), Pass.t()) :: {Macro.t(), Pass.t()}
  def returning(value, %Scope{tail?: false}, pass), do: {value, pass}

  def returning(value, scope, pass) do
    frame = Pass.frame(pass, scope)
    {site, pass} = Pass.return_site(pass, scope)
    name = if scope.values?, do: :return_values, else: :return
    {bindings, [value], pass} = bind_all([value], pass, scope, &literal?/1)
    call = Inject.remote(pass.probe, name, [pass.key, site, frame, value], line(scope))
    {Inject.block(bindings ++ [Inject.choose(frame, value, call)]), pass}
  end

  defp remote(module, name, dot, meta, arguments, scope, pass) do
    arity = length(arguments)
    rebuild = fn [module | arguments] -> {{:., dot, [module, name]}, meta, arguments} end

    cond do
      Calls.send?(module, name, arity) ->
        sending(module, name, meta, arguments, rebuild, scope, pass)

      Calls.never_returns?(module, name, arity) or quiet?(module, name, arity) ->
        {[module | arguments], pass} = each([module | arguments], Scope.inner(scope), pass)
        call = rebuild.([module | arguments])
        if open?(module, name, arity), do: returning(call, scope, pass), else: {call, pass}

      true ->
        stale? = not is_atom(module) or Calls.leaves_context?(module, name, arity)
        {call, pass} = resumed([module | arguments], scope, pass, rebuild)
        pass = if stale?, do: %{pass | stale?: true}, else: pass
        if open?(module, name, arity), do: returning(call, scope, pass), else: {call, pass}
    end
  end

  # Whether code may follow the call: it is no tail call worth keeping, and it does return.
  defp open?(module, name, arity) when is_atom(module),
    do: Calls.built_in?(module, name, arity) and not Calls.never_returns?(module, name, arity)

  defp open?(_module, _name, _arity), do: false

  defp quiet?(module, name, arity), do: is_atom(module) and Calls.quiet?(module, name, arity)

  defp sending(module, name, meta, arguments, rebuild, scope, pass) do
    anchor = meta[:anchor] || Anchor.macro_made(Atom.to_string(name), meta[:line] || 0)
    {arguments, pass} = each(arguments, Scope.inner(scope), pass)
    {bindings, [to, message | _] = arguments, pass} = bind_all(arguments, pass, scope, &literal?/1)
    {site, pass} = Pass.add_site(pass, :send, anchor, scope)

    frame = Pass.frame(pass, scope)
    probe = Inject.remote(pass.probe, :sent, [pass.key, site, frame, to, message], line(scope))
    sent = Inject.if_traced(frame, probe)
    call = Inject.block(bindings ++ [sent, rebuild.([module | arguments])])
    pass = %{pass | stale?: false}
    if module == :erlang, do: returning(call, scope, pass), else: {call, pass}
  end

  defp call(arguments, scope, pass, rebuild) do
    {call, pass} = resumed(arguments, scope, pass, rebuild)
    {call, %{pass | stale?: true}}
  end

  # The call, after a `resume` if another call may have come before.
  defp resumed(arguments, scope, pass, rebuild) do
    {arguments, pass} = each(arguments, Scope.inner(scope), pass)

    if pass.stale? do
      {bindings, arguments, pass} = bind_all(arguments, pass, scope, &still?/1)
      frame = Pass.frame(pass, scope)
      resume = Inject.if_traced(frame, Inject.remote(pass.probe, :resume, [frame], line(scope)))
      {Inject.block(bindings ++ [resume, rebuild.(arguments)]), %{pass | stale?: false}}
    else
      {rebuild.(arguments), pass}
    end
  end

  # Arguments that need no evaluation, so that code can stand between them and their call.
  defp bind_all(arguments, pass, scope, ready?) do
    {arguments, {bindings, pass}} =
      Enum.map_reduce(arguments, {[], pass}, fn argument, {bindings, pass} ->
        if ready?.(argument) do
          {argument, {bindings, pass}}
        else
          {variable, pass} = Pass.fresh(pass, :es_value, line(scope)[:line])
          {variable, {[Inject.bind(variable, argument) | bindings], pass}}
        end
      end)

    {Enum.reverse(bindings), arguments, pass}
  end

  # May be written twice.
  defp literal?({name, _meta, context}) when is_atom(name) and is_atom(context), do: true
  defp literal?(other), do: not is_tuple(other) and not is_list(other)

  # May be evaluated later: nothing is seen of it.
  defp still?({:fn, _meta, _arms}), do: true
  defp still?({:&, _meta, _function}), do: true
  defp still?({left, right}), do: still?(left) and still?(right)
  defp still?(list) when is_list(list), do: Enum.all?(list, &still?/1)
  defp still?(other), do: literal?(other)

  defp boolean({{:., dot, callee}, meta, [left, right]}, scope, pass) do
    {left, pass} = rewrite(left, Scope.inner(scope), pass)
    before = pass.stale?
    {right, pass} = rewrite(right, Scope.inner(scope), pass)
    pass = %{pass | stale?: pass.stale? or before}
    returning({{:., dot, callee}, meta, [left, right]}, scope, pass)
  end

  # `a and f(b)`: `f` stays a tail call. `a and true` is `a`, or the same error as before.
  defp boolean_tail({{:., dot, [:erlang, operator]}, meta, [left, right]}, scope, pass) do
    go_on = operator == :andalso
    {left, pass} = rewrite(left, Scope.inner(scope), pass)
    {{over, right}, pass} = boolean_arms(not go_on, right, scope, pass)
    checked = {{:., dot, [:erlang, operator]}, meta, [left, go_on]}
    arms = [{:->, meta, [[go_on], right]}, {:->, meta, [[not go_on], over]}]
    {{:case, [generated: true] ++ meta, [checked, [do: arms]]}, pass}
  end

  defp boolean_arms(value, right, scope, pass) do
    {[over, right], pass} = Pass.alternatives([value, right], pass, &rewrite(&1, scope, &2))
    {{over, right}, pass}
  end

  defp tail_call?({:__block__, _meta, expressions}) when expressions != [],
    do: tail_call?(List.last(expressions))

  defp tail_call?({{:., _dot, [module, name]}, meta, arguments}) when is_list(arguments) do
    boolean? = module == :erlang and name in [:andalso, :orelse]

    cond do
      boolean? -> tail_call?(List.last(arguments))
      field?(module, meta, arguments) -> false
      true -> not open?(module, name, length(arguments))
    end
  end

  defp tail_call?({{:., _dot, [_function]}, _meta, _arguments}), do: true
  defp tail_call?({form, _meta, _}) when form in [:case, :cond, :with, :receive, :try], do: true
  defp tail_call?({form, _meta, _}) when form in [:=, :for, :<<>>, :{}, :%{}, :%, :&, :fn], do: false
  defp tail_call?({name, _meta, arguments}) when is_atom(name) and is_list(arguments), do: true
  defp tail_call?(_value), do: false

  # `map.field`; a module's function can be called like this only by a variable, which is deprecated.
  defp field?(module, meta, []), do: not is_atom(module) and meta[:no_parens] == true
  defp field?(_module, _meta, _arguments), do: false

  defp segment({:"::", meta, [value, specifier]}, scope, pass) do
    {value, pass} = element(value, scope, pass)
    {{:"::", meta, [value, specifier]}, pass}
  end

  defp segment(other, scope, pass), do: element(other, scope, pass)

  defp line(scope), do: [generated: true, line: scope.anchor.line]
end
