# timeout: 90
# programs: tshark tcpdump nmap qemu-x86_64 qemu-system-x86_64 spamassassin aria2c
. ${0%/*}/common
has() { command -v "$1" > /dev/null && echo "$1"; }
cat > p.py <<'EOC'
import struct
f = open("a.pcap", "wb"); f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
for i in range(3000):
    pay = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04h%03d\x07example\x00\x00\x01\x00\x01" % (i % 1000)
    udp = struct.pack(">HHHH", 1024 + i % 5000, 53, 8 + len(pay), 0) + pay
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i, 0, 64, 17, 0, bytes([10, 0, i % 250, 1]), bytes([10, 1, 1, 1])) + udp
    e = bytes(6) + bytes([2] * 6) + b"\x08\x00" + ip; f.write(struct.pack("<IIII", i // 100, i % 100, len(e), len(e)) + e)
EOC
/usr/bin/python3 p.py
has tshark && { tshark -r a.pcap -T fields -e ip.src -e dns.qry.name 2> /dev/null | md5sum; tshark -r a.pcap -q -z conv,udp 2> /dev/null | wc -l; tshark -r a.pcap -T json -c 300 2> /dev/null | md5sum; tshark -r a.pcap -Y 'dns.qry.name contains "h77"' 2> /dev/null | wc -l; }
has tcpdump && { tcpdump -nr a.pcap 2> /dev/null | md5sum; tcpdump -nr a.pcap -w b.pcap 'udp and net 10.0.7.0/24' 2> /dev/null; tcpdump -nr b.pcap 2> /dev/null | wc -l; }
if has nmap; then nc -lk 127.0.0.1 18291 > /dev/null 2>&1 & n=$!; nmap -n -Pn -sT -p 18290-18295 --max-retries 1 127.0.0.1 2>&1 | grep -E '^18' ; nmap -n --iflist 2>&1 | grep -c lo; kill $n 2> /dev/null; fi
has qemu-x86_64 && { qemu-x86_64 /usr/bin/gzip -9nc a.pcap | md5sum; qemu-x86_64 /bin/sh -c 'i=0; while [ $i -lt 300 ]; do i=$((i + 1)); done; echo $i'; qemu-x86_64 /usr/bin/sort -R --random-source=a.pcap p.py | md5sum; }
has qemu-system-x86_64 && { qemu-img create -q d.img 1M 2> /dev/null || truncate -s 1M d.img; (sleep 3; echo q) | timeout 40 qemu-system-x86_64 -M pc -accel tcg,thread=multi -m 32 -smp 2 -display none -nodefaults -drive file=d.img,format=raw,if=virtio -device virtio-rng-pci -monitor stdio 2> /dev/null | grep -c QEMU; }
