# timeout: 90
# programs: soffice chromium firefox-esr
. ${0%/*}/common
has() { command -v "$1" > /dev/null && echo "$1"; }
(for i in $(seq 1 300); do echo "$i,$((i * 7919 % 503)),text $i"; done) > a.csv
if has soffice; then for f in pdf ods xlsx; do soffice -env:UserInstallation=file://$PWD/lo --headless --convert-to $f a.csv > /dev/null 2>&1; echo $?; ls a.$f; done; soffice -env:UserInstallation=file://$PWD/lo --headless --convert-to csv --outdir o a.xlsx > /dev/null 2>&1; cmp a.csv o/a.csv && echo same; fi
cat > a.html <<'EOC'
<html><body><p id="o"></p><canvas id="c" width="90" height="90"></canvas><script>
let m = new Map(); for (let i = 0; i < 100000; i++) m.set("k" + i * 7919 % 5003, [i, "v" + i]); let e = document.getElementById("o");
for (let i = 0; i < 500; i++) { let d = document.createElement("div"); d.textContent = i; e.appendChild(d); if (i % 3) e.removeChild(d); }
let x = document.getElementById("c").getContext("2d"); for (let i = 0; i < 90; i++) x.fillRect(i, i * 7 % 90, 5, 5); document.title = m.size + " " + e.children.length + " " + x.getImageData(9, 9, 1, 1).data[3];
let p = document.createElement("pre"); p.textContent = document.title; document.body.appendChild(p);
</script></body></html>
EOC
if has chromium; then timeout 60 chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-dev-shm-usage --user-data-dir=$PWD/ch --dump-dom file://$PWD/a.html 2> /dev/null | grep -o '<pre>.*</pre>'; timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir=$PWD/ch --window-size=300,200 --screenshot=$PWD/s.png file://$PWD/a.html > /dev/null 2>&1; echo $?; file -b s.png | cut -c1-25; fi
if has firefox-esr; then MOZ_HEADLESS=1 timeout 60 firefox-esr --no-remote --profile $PWD --headless --window-size 300,200 --screenshot $PWD/f.png file://$PWD/a.html > /dev/null 2>&1; echo $?; file -b f.png | cut -c1-25; fi
