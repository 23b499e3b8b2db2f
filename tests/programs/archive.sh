#!/bin/sh
# archive.sh -- compressors and archivers
. "$GCMTEST_SRCDIR/tests/programs/compare"

# A tree of some megabytes that every workload here packs.
TREE='mkdir -p tree/sub
for i in 1 2 3 4 5 6 7 8; do
	seq $((i * 1000)) $((i * 13000)) > tree/sub/f$i
	head -c 300000 /dev/zero | tr "\000" $i > tree/z$i
done
find tree -exec touch -h -d 2020-02-02 {} +
'

workload tar short tar <<END
$TREE
tar --sort=name --owner=0 --group=0 -cf t.tar tree
md5sum t.tar
mkdir out && tar -C out -xf t.tar && diff -r tree out/tree && echo same
tar -tvf t.tar | md5sum
tar -rf t.tar t.tar 2>&1; tar -df t.tar | head -n 3
tar -xf /no/such; echo \$?
END

workload gzip short gzip <<END
$TREE
tar -cf - --sort=name --owner=0 --group=0 tree | gzip -9n > t.gz
md5sum t.gz; gzip -t t.gz; gzip -dc t.gz | md5sum
gzip -l t.gz; gzip -1nc tree/sub/f3 | zcat | cmp - tree/sub/f3
head -c 1000 t.gz | gzip -dc | wc -c
END

workload bzip2 short bzip2 <<END
$TREE
bzip2 -k tree/sub/f8 && bzip2 -dc tree/sub/f8.bz2 | cmp - tree/sub/f8
md5sum tree/sub/f8.bz2; head -c 500 tree/sub/f8.bz2 | bzip2 -dc | wc -c
END

workload xz short xz <<END
$TREE
tar -cf - --sort=name --owner=0 --group=0 tree | xz -3 -T2 --block-size=500KiB > t.xz
md5sum t.xz; xz -dc -T2 t.xz | md5sum; xz -lv t.xz | grep -c Streams
xz -6c tree/sub/f2 | xz -dc | cmp - tree/sub/f2
xz --memlimit-compress=20MiB --no-adjust -9c tree/z1 > /dev/null; echo \$?
END

workload zstd short zstd <<END
$TREE
for level in 1 9 16; do
	zstd -q -\$level -c tree/sub/f7 | md5sum
done
zstd -q -T2 -c tree/sub/f8 | zstd -dc | cmp - tree/sub/f8
zstd -q --train tree/sub/f* -o dict --maxdict=4000 -B1000 && wc -c < dict
END

workload lz4 short lz4 <<END
$TREE
lz4 -q -9 -c tree/sub/f8 | lz4 -dc | cmp - tree/sub/f8
lz4 -q -c tree/z3 | md5sum
END

workload zip short "zip unzip" <<END
$TREE
zip -qrX t.zip tree && unzip -qt t.zip && unzip -Zs t.zip | tail -n 1
mkdir out && unzip -qd out t.zip && diff -r tree out/tree && echo same
unzip -p t.zip 'tree/sub/f2' | md5sum
END

workload ar-and-nm short "ar nm objdump readelf strings" <<'END'
for f in /usr/lib/x86_64-linux-gnu/libm.so.6 /bin/ls; do
	nm -D $f | md5sum; readelf -a $f 2>&1 | md5sum
	objdump -d $f | md5sum; strings -a $f | md5sum
	objcopy --strip-debug $f copy && size -A copy | md5sum
done
END

workload dpkg short "dpkg dpkg-query" <<'END'
dpkg -l | md5sum
dpkg -S /bin/sh
dpkg-query -W -f '${Package} ${Installed-Size}\n' | sort -n -k 2 | tail -n 3
dpkg --compare-versions 1.0~rc1 lt 1.0 && echo lt
END

workload apt-cache long apt-cache <<'END'
apt-cache policy libc6; apt-cache showpkg bash | md5sum
apt-cache depends --installed git | md5sum
END


finish
