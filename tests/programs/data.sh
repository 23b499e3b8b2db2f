#!/bin/sh
# data.sh -- databases, formats and ciphers
. "$GCMTEST_SRCDIR/tests/programs/compare"

workload sqlite short sqlite3 <<'END'
sqlite3 f.db <<'EOT'
create table t(a integer primary key, b text, c blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
insert into t select i, hex(i * 7919 % 50021), zeroblob(i % 200) from n;
create index x on t(b);
select count(*), sum(length(c)) from t where b between '31' and '35';
select b, count(*) from t group by b order by 2 desc, 1 limit 3;
select sum(u.a) from t join t u on u.b = t.b;
update t set b = b || 'x' where a % 3 = 0; delete from t where a % 7 = 0;
vacuum; pragma integrity_check;
select length(group_concat(b)) from t;
select json_extract(json_group_array(a), '$[100]') from t;
create virtual table s using fts5(w);
insert into s select 'word' || (a % 100) || ' text' from t;
select count(*) from s where s match 'word7';
EOT
sqlite3 f.db .dump | md5sum
sqlite3 f.db 'select nothing'; echo $?
END

workload jq short jq <<'END'
jq -n '[range(30000) | {id: ., s: (tostring * 2), l: [range(. % 7)]}]' > f
jq 'map(.l | add // 0) | add' f
jq -r '[.[] | select(.id % 97 == 0) | .s] | join(",") | length' f
jq -c 'group_by(.id % 5) | map(length)' f
jq '[.[] | .s | test("1.*9")] | map(select(.)) | length' f
jq -c 'reduce .[] as $x ({}; .[$x.s[0:2]] += 1) | to_entries | sort_by(.key) | .[0:3]' f
echo '{' | jq . ; echo $?
END

workload xmllint short xmllint <<'END'
awk 'BEGIN { print "<r>"; for (i = 0; i < 20000; i++) printf "<e id=\"%d\"><t>text &amp; %d</t></e>\n", i, i * 7; print "</r>" }' > f.xml
xmllint --xpath 'count(//e[@id mod 3 = 0])' f.xml; echo
xmllint --xpath 'string(//e[@id="777"]/t)' f.xml; echo
xmllint --format f.xml | md5sum
xmllint --c14n f.xml | md5sum
xmllint --stream --noout f.xml; echo $?
xmllint --html --noout --recover f.xml 2>&1 | head -n 2
echo '<a><b></a>' | xmllint --noout -; echo $?
END

workload openssl short openssl <<'END'
seq 1 100000 > f
openssl dgst -sha256 f; openssl dgst -sha3-512 f
openssl enc -aes-256-cbc -pbkdf2 -iter 1000 -S 0011223344556677 -k secret -in f -out f.enc
openssl enc -d -aes-256-cbc -pbkdf2 -iter 1000 -S 0011223344556677 -k secret -in f.enc | cmp - f
openssl genrsa -out key 2048 2>/dev/null && openssl rsa -in key -check -noout
openssl req -x509 -key key -subj /CN=a.example -days 30 -out cert
openssl x509 -in cert -noout -subject; openssl verify -CAfile cert cert
openssl dgst -sign key -out sig f && openssl dgst -prverify key -signature sig f
openssl ecparam -name prime256v1 -genkey -noout | openssl ec -check -noout 2>&1 | tail -n 1
openssl pkcs12 -export -inkey key -in cert -passout pass:x | openssl pkcs12 -passin pass:x -nodes -info 2>&1 | grep -c BEGIN
openssl asn1parse -in cert | wc -l; openssl prime 1000003; openssl no-such; echo $?
END

workload ssh-keygen short ssh-keygen <<'END'
ssh-keygen -q -t ed25519 -N '' -C x -f k && ssh-keygen -y -f k | cut -d' ' -f1
ssh-keygen -q -t rsa -b 2048 -N pw -f r && ssh-keygen -l -f r | cut -d' ' -f1,3-
echo text > f; ssh-keygen -q -Y sign -f k -n ns f; ssh-keygen -Y check-novalidate -n ns -s f.sig < f | cut -d' ' -f1-2
END

workload gpg long gpg <<'END'
seq 1 30000 > f
gpg --batch -q --print-md SHA256 f
gpg --batch -q --no-options --homedir . --passphrase x --pinentry-mode loopback -o f.gpg -c f 2>/dev/null
gpg --batch -q --no-options --homedir . --passphrase x --pinentry-mode loopback -d f.gpg 2>/dev/null | cmp - f
gpgconf --homedir . --kill all 2>/dev/null; true
END

workload iconv-and-locale short "iconv locale" <<'END'
seq 1 50000 | iconv -f ASCII -t UTF-16 | iconv -f UTF-16 -t UTF-8 | md5sum
iconv -l | md5sum; locale -a | sort | head -n 3
getent passwd | md5sum; getent services http
printf '\377' | iconv -f UTF-8 -t ASCII; echo $?
END

workload convert short convert <<'END'
convert -version 2>/dev/null | grep -q ImageMagick || exit 77
head -c 30000 /dev/zero | tr '\000' 'x' > pixels
convert -size 100x100 -depth 8 rgb:pixels -resize 57x57 -blur 2 txt:- 2>/dev/null | md5sum
true
END

workload ffmpeg short ffmpeg <<'END'
ffmpeg -v error -f lavfi -i testsrc=d=2 -f lavfi -i sine=d=2 -c:v mpeg4 -threads 4 -f framemd5 -
END

finish
