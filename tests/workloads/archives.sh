# programs: 7z 7zr zstd xz gpg mksquashfs mkfs.ext4 dpkg-deb apt-get
# timeout: 90
. ${0%/*}/common
has() { command -v "$1" > /dev/null && echo "$1"; }
mkdir t; for i in $(seq 1 100); do seq $i $((i * 40)) > t/$i; done; seq 1 200000 > t/big
sum() { (cd "$1" && find . -type f | LC_ALL=C sort | xargs md5sum | md5sum); }; sum t
if has 7z || has 7zr; then z=$(command -v 7z || command -v 7zr); $z a -bd -mmt2 -mx7 a.7z t > /dev/null; $z x -bd -oz a.7z > /dev/null; sum z/t; $z t a.7z > /dev/null; echo $?; fi
has zstd && { tar cf - t | zstd -q -T2 -12 --long=24 | zstd -dcq --long=24 | tar tf - | wc -l; tar cf - t | xz -T2 -6 --block-size=200KiB | xz -dc -T2 | tar tf - | wc -l; }
if has gpg; then mkdir -m 700 g; export GNUPGHOME=$PWD/g; gpg -q --batch --passphrase '' --quick-gen-key a@x future-default default never 2> /dev/null; echo $?; gpg -q --batch -r a@x --trust-model always -e -o b.gpg t/big; gpg -q --batch -d b.gpg 2> /dev/null | md5sum; for i in 1 2 3 4; do gpg -q --batch -s -u a@x -o s$i t/$i 2> /dev/null & p="${p:-} $!"; done; wait $p; for i in 1 2 3 4; do gpg -q --verify s$i 2> /dev/null; echo $?; done; gpg -q --batch --passphrase x --pinentry-mode loopback -c -o c.gpg t/big; gpg -q --batch --passphrase x --pinentry-mode loopback -d c.gpg 2> /dev/null | md5sum; gpgconf --kill all; fi
if has mksquashfs; then mksquashfs t s.sq -processors 2 -no-progress -quiet > /dev/null; unsquashfs -q -n -d us s.sq > /dev/null; sum us; fi
has mkfs.ext4 && { truncate -s 30M fs; mkfs.ext4 -q -d t -U 00000000-0000-0000-0000-000000000001 fs > /dev/null 2>&1; e2fsck -fn fs > /dev/null 2>&1; echo $?; debugfs -R 'ls -p /' fs 2> /dev/null | wc -l; }
mkdir -p d/DEBIAN; cp -r t d/; printf 'Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@x>\nDescription: a\n' > d/DEBIAN/control; dpkg-deb -b d a.deb > /dev/null; dpkg-deb -c a.deb | wc -l; dpkg-deb -f a.deb Package; apt-get -s install -y hello 2> /dev/null | grep -c hello > /dev/null; apt-cache dumpavail 2> /dev/null | grep -c ^Package > /dev/null; echo done
