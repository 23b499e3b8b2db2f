# needs: mosquitto mosquitto_pub mosquitto_sub
. ${0%/*}/common
printf 'listener 18171 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 0\nmax_inflight_messages 0\nlog_dest none\npersistence true\npersistence_location %s/\n' "$PWD" > conf
mosquitto -c conf 2> /dev/null & pid=$!
P='mosquitto_pub -h 127.0.0.1 -p 18171'; S='mosquitto_sub -h 127.0.0.1 -p 18171'
up $P -t x -m y
for i in 1 2 3 4 5 6; do $S -q 1 -t 'a/#' -C 4000 -W 60 > o$i & w="${w:-} $!"; done; $S -q 2 -t '+/2' -C 1000 -W 60 > o7 & w="$w $!"
sleep 1.5; p=; for t in 1 2 3 4; do seq 1 1000 | sed "s/^/m$t /" | $P -q 2 -t a/$t -l & p="$p $!"; done
wait $p; wait $w; for i in 1 2 3 4 5 6 7; do wc -l < o$i; sort o$i | md5sum; done
for i in $(seq 1 60); do $P -r -t r/$i -m "retained $i"; done; kill -USR1 $pid; $S -t 'r/#' -C 60 -W 30 | sort | md5sum
$S -i keep -c -q 1 -t k/1 -C 1 -W 20 > k1 & k=$!; sleep 0.5; $P -q 1 -t k/1 -m a; wait $k; seq 1 500 | $P -q 1 -t k/1 -l
end $pid; mosquitto -c conf 2> /dev/null & pid=$!; up $P -t x -m y; $S -t 'r/#' -C 60 -W 30 | sort | md5sum; $S -i keep -c -q 1 -t k/1 -C 500 -W 20 | md5sum; end $pid
