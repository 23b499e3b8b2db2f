# programs: borg restic
# timeout: 90
. ${0%/*}/common
has() { command -v "$1" > /dev/null && echo "$1"; }
mkdir t; for i in $(seq 1 100); do seq $i $((i * 40)) > t/$i; done; seq 1 200000 > t/big
sum() { (cd "$1" && find . -type f | LC_ALL=C sort | xargs md5sum | md5sum); }; sum t
if has borg; then export BORG_PASSPHRASE=x BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_BASE_DIR=$PWD/bb; borg init -e repokey b > /dev/null 2>&1; for i in 1 2 3; do echo $i >> t/big; borg create -C zstd b::a$i t; done; borg list --short b; borg check b; borg prune --keep-last 1 b; mkdir br; (cd br; borg extract ../b::a3); sum br/t; fi
if has restic; then export RESTIC_PASSWORD=x; restic -q init -r r; restic -q backup -r r t; echo x > t/new; restic -q backup -r r t; restic -q check -r r; echo $?; restic -q restore -r r latest --target rr; sum rr/t; fi
