export GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@x GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@x
git init -q -b main r; cd r; git config gc.auto 0; git config pack.threads 2
for i in $(seq 1 25); do mkdir -p d$((i % 5)); seq $i $((i * 300)) > d$((i % 5))/f$i; seq 1 $((i * 40)) > all; git add -A; git commit -qm "c$i"; done
git checkout -qb side HEAD~10; echo x >> all; git commit -qam side; git checkout -q main; git merge -q side -m m 2>&1 | head -3; git checkout -q --theirs all; git commit -qam merged
git log --stat -p | md5sum; git blame all | md5sum; git repack -adfq --threads=2 --depth=50 --window=50; git fsck --full; git gc -q --aggressive; git count-objects -v | grep -v size
git clone -q --no-local . ../c; cd ../c; git log --format=%H | md5sum; git grep -c 99 | md5sum; git rebase -q HEAD~3 2>&1 | tail -1; git archive HEAD | md5sum; git diff HEAD~5 --word-diff | md5sum; git log -S77 --oneline | wc -l
