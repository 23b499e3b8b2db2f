cat > a.sh <<'EOT'
f() { if [ $1 -lt 2 ]; then echo 1; else echo $(($(f $(($1 - 1))) + $(f $(($1 - 2))))); fi; }
f 6; i=0; s=; while [ $i -lt 8000 ]; do s="$s$i,"; i=$((i + 1)); [ ${#s} -lt 3000 ] || s=; done; echo ${#s}
for i in 1 2 3 4 5 6 7 8 9 10; do (echo $i; exit $i) | cat & done; wait; 
trap 'echo usr1' USR1; kill -USR1 $$; echo $(seq 1 5000) | wc -c; set -- $(seq 1 3000); echo $#; x=$(cat a.sh); echo ${#x}; case $x in *seq*) echo yes;; esac; cd /; eval 'y=1'; unset s; (ulimit -n 100; echo $(cat /dev/null)); trap 'echo bye' EXIT
EOT
for s in dash bash zsh "busybox sh"; do $s a.sh 2>&1 | sort; done
bash -c 'declare -A a; for ((i = 0; i < 30000; i++)); do a[k$((i * 7919 % 5003))]+=$i; done; echo ${#a[@]} ${#a[k17]}; mapfile -t l < <(seq 1 30000); echo ${#l[@]}; x=${l[*]}; echo ${#x}; y=${x//7/<>}; echo ${#y}; coproc cat; echo hi >&${COPROC[1]}; read -u ${COPROC[0]} z; echo $z; for i in {1..200}; do z=$(echo $i); done; echo $z; [[ $x =~ (99[0-9])\ (99) ]] && echo ${BASH_REMATCH[1]}'
zsh -fc 'typeset -A a; for ((i = 0; i < 30000; i++)) do a[k$((i * 7919 % 5003))]+=$i; done; echo ${#a} ${#a[k17]}; l=({1..30000}); echo ${#l} ${(j:,:)l[1,5]}; x=${(j: :)l}; echo ${#${x//7/<>}}; l=(${(o)l}); echo $l[777]; f() { if (( $1 < 2 )) then print 1; else print $(( $(f $(($1-1))) + $(f $(($1-2))) )); fi }; f 6; zmodload zsh/zpty; zpty z cat; zpty -w z hi; zpty -r z o; print -r -- $o; zpty -d z'
