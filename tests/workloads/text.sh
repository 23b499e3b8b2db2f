seq 1 200000 > f; i=0
gawk '{ a[$1 % 50021] = a[$1 % 50021] "," $1 } END { for (k in a) n += length(a[k]); print n; print gensub(/([0-9])7/, "<\\1>", "g", a[77]); m = asorti(a, b); print m, b[500]; }' f
awk '{ s += $1; x[NR % 100] = $0 } END { print s, length(x) }' f
jq -nc '[range(60000) | {id: ., s: (tostring * 2)}] | group_by(.id % 97) | map(length) | add, ([range(30000)] | map(tostring) | join(",") | gsub("7"; "x") | length), (reduce range(20000) as $i ({}; .["k\($i % 3001)"] += $i) | length)'
echo 'scale=400; 4*a(1)' | bc -l | md5sum; echo 'define f(n) { if (n < 2) return 1; return f(n-1) + f(n-2); } f(18); 3^5000 % 1000007' | bc; echo '2 4000 ^ p' | dc 2>/dev/null | md5sum
sort -R --random-source=f f | sort -n --parallel=2 -S 2M | md5sum; tac f | sort | uniq -c | head -2; grep -cE '(1|2)+7.*3' f; sed -E ':a;s/([0-9])([0-9]{3})($|,)/\1,\2\3/;ta' f | md5sum; tr 0-9 a-j < f | rev | md5sum; seq 1 3 300000 > g; diff f g | md5sum; comm -12 f g 2> /dev/null | wc -l
xz -T2 -k f; zstd -q -T2 -19 f -o f.zst; xz -dc f.xz | md5sum; zstd -dcq f.zst | md5sum; gzip -n9c f | md5sum; bzip2 -c f | md5sum; tar cf - --sort=name --mtime=@0 --owner=0 --group=0 f g | md5sum; openssl enc -aes-256-cbc -K 00 -iv 00 -in f 2>/dev/null | md5sum; openssl genrsa 2048 2> /dev/null | openssl rsa -noout -check 2>&1; openssl speed -seconds 1 sha256 > /dev/null 2>&1; echo $?
(echo '<r>'; seq 1 60000 | sed 's/.*/<e a="&"><b>t&<\/b><\/e>/'; echo '</r>') > x.xml
xmllint --format x.xml | md5sum; xmllint --xpath 'count(//e[@a mod 7 = 0])' x.xml; echo
cat > x.xsl <<'EOT'
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:key name="k" match="e" use="@a mod 97"/><xsl:template match="/"><o><xsl:for-each select="//e[@a &lt; 3000]"><xsl:sort select="b" order="descending"/><x n="{count(key('k', @a mod 97))}"><xsl:value-of select="b"/></x></xsl:for-each></o></xsl:template></xsl:stylesheet>
EOT
xsltproc x.xsl x.xml | md5sum
(for i in $(seq 1 400); do echo "# h$i"; echo; echo "text *em* [l](u$i) \`c\`"; echo; echo "- a$i"; echo "- b"; echo; done) > m.md; pandoc m.md -t html | md5sum; pandoc m.md -t latex | md5sum
(echo 'digraph g {'; for i in $(seq 1 120); do echo "n$i -> n$((i * 7 % 120)); n$i -> n$((i / 2));"; done; echo '}') > g.dot; dot -Tplain g.dot | md5sum; dot -Ksfdp -Tplain g.dot 2> /dev/null | wc -l
gnuplot -e 'set term svg; set out "o.svg"; plot sin(x), cos(x*3); set samples 3000; splot sin(x)*cos(y)'; md5sum < o.svg; busybox awk '{ a[$1 % 1000] += $1 } END { print length(a) }' f; busybox sort -rn f | md5sum; busybox xzcat f.xz | md5sum
