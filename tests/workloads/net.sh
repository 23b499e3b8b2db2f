# needs: socat iperf3 rsync
seq 1 300000 > f; mkdir a; for i in $(seq 1 200); do seq $i $((i * 10)) > a/$i; done
rsync -a --delete a/ b/; rm a/7; echo x >> a/9; rsync -ai --no-times --checksum a/ b/ --delete; diff -r a b; rsync -az f g; cmp f g
socat UNIX-LISTEN:s,fork EXEC:cat & p=$!; sleep 0.3; for i in 1 2 3 4 5 6 7 8; do socat -t 5 - UNIX-CONNECT:s < f | md5sum; done; kill $p
iperf3 -s -1 -p 15201 > /dev/null 2>&1 & sleep 0.3; iperf3 -c 127.0.0.1 -p 15201 -P 4 -n 200M > o 2>&1; echo $?; grep -c receiver o; wait
openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=x -days 1 2> /dev/null; openssl s_server -accept 127.0.0.1:15202 -cert c -key k -WWW -quiet > /dev/null 2>&1 & p=$!; sleep 0.5; for i in 1 2 3 4 5 6; do curl -sk https://127.0.0.1:15202/f | md5sum; done; curl -sk --parallel --no-progress-meter -o x#1 'https://127.0.0.1:15202/f?[1-5]' 2> /dev/null; kill $p
tmux -L real -f /dev/null new-session -d -s x 'seq 1 20000; sleep 20' && sleep 6 && tmux -L real capture-pane -p -t x -S -10000 | md5sum; tmux -L real split-window -t x 'sleep 5'; tmux -L real list-panes -t x | wc -l; tmux -L real kill-server; echo $?
