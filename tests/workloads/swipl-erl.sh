cat > a.pl <<'EOT'
:- dynamic fact/2.
main :- forall(between(1, 100000, I), (J is I * 7919 mod 30011, atom_number(A, J), assertz(fact(A, I)))),
  aggregate_all(count, fact(_, _), N), writeln(N),
  forall(between(1, 20000, I), (atom_number(A, I), retractall(fact(A, _)))),
  aggregate_all(sum(I), fact(_, I), S), writeln(S),
  findall(T, (between(1, 4, K), thread_create((numlist(1, 30000, L), foldl([X,Y,Z]>>(Z is X + Y), L, K, R), thread_exit(R)), T)), Ts),
  forall(member(T, Ts), (thread_join(T, E), writeln(E))),
  length(Q, 200000), msort(Q, _), garbage_collect, garbage_collect_atoms, garbage_collect_clauses,
  numlist(1, 50000, L), maplist([X,Y]>>(atom_concat(x, X, Y)), L, As), atomic_list_concat(As, C), atom_length(C, Len), writeln(Len),
  nb_setval(k, As), forall(between(1, 20, _), (findall(X-Y, (between(1, 20000, X), Y is X mod 7), Ps), keysort(Ps, _))),
  string_codes(Str, "abc"), writeln(Str), tab_fib(200, F), writeln(F), halt.
:- table tab_fib/2.
tab_fib(0, 0). tab_fib(1, 1). tab_fib(N, F) :- N > 1, A is N - 1, B is N - 2, tab_fib(A, X), tab_fib(B, Y), F is X + Y.
:- initialization(main).
EOT
swipl -q a.pl
for opt in "" "+Mea min"; do
erl $opt -noshell -eval '
P = self(), F = fun(N) -> L = [{I, integer_to_list(I), <<0:(I rem 800)/unit:8>>} || I <- lists:seq(1, 20000)], P ! {N, length(L), erlang:phash2(L)} end,
[spawn(fun() -> F(N) end) || N <- lists:seq(1, 20)], R = lists:sort([receive M -> M end || _ <- lists:seq(1, 20)]), io:format("~p~n", [erlang:phash2(R)]),
T = ets:new(t, [ordered_set]), [ets:insert(T, {I * 7919 rem 50021, integer_to_list(I)}) || I <- lists:seq(1, 100000)], io:format("~p~n", [ets:info(T, size)]), ets:delete(T),
B = lists:foldl(fun(I, A) -> <<A/binary, (integer_to_binary(I))/binary>> end, <<>>, lists:seq(1, 100000)), io:format("~p ~p~n", [byte_size(B), erlang:md5(B)]),
io:format("~p~n", [length(re:split(B, "7"))]), halt().'
done
