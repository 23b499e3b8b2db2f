# needs: dovecot python3
. ${0%/*}/common
top=$(mktemp -d /tmp/gcmtestdoXXXXXX); trap 'rm -rf "$top"' EXIT; chmod 755 "$top"; mkdir "$top/mail"; chown nobody "$top/mail"
cat > "$top/conf" <<EOC
protocols = imap
listen = 127.0.0.1
base_dir = $top/run
state_dir = $top/state
log_path = $top/log
ssl = no
disable_plaintext_auth = no
mail_location = maildir:$top/mail/%u
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
first_valid_uid = 1
mail_fsync = never
passdb {
  driver = static
  args = password=p
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$top/mail/%u
}
service imap-login {
  inet_listener imap {
    port = 18211
  }
  inet_listener imaps {
    port = 0
  }
  chroot =
}
service imap {
  process_min_avail = 2
}
service anvil {
  chroot =
}
EOC
dovecot -F -c "$top/conf" > out 2>&1 & pid=$!
cat > c.py <<'EOC'
import imaplib, threading, hashlib, time
out = {}
def work(n):
    m = imaplib.IMAP4("127.0.0.1", 18211); m.login(f"u{n}", "p"); h = hashlib.md5()
    m.create("box")
    for i in range(60): m.append("box", None, imaplib.Time2Internaldate(1e9), (f"From: a@x\r\nSubject: s{i % 7} u{n}\r\n\r\n" + f"line {i}\r\n" * (i * 5)).encode())
    h.update(str(m.select("box")).encode()); h.update(str(m.search(None, "SUBJECT", "s3")).encode())
    h.update(str(m.sort("REVERSE SUBJECT", "UTF-8", "ALL")).encode()); h.update(str(m.thread("REFERENCES", "UTF-8", "ALL")).encode())
    for i in range(1, 61): h.update(str(m.fetch(str(i), "(FLAGS RFC822.SIZE BODY[])")).encode())
    m.store("1:20", "+FLAGS", "\\Deleted"); h.update(str(m.expunge()).encode()); m.copy("1:10", "INBOX"); h.update(str(m.select("INBOX")).encode())
    h.update(str(m.search(None, "BODY", "line 5")).encode()); m.logout(); out[n] = h.hexdigest()
for t in range(300):
    try: imaplib.IMAP4("127.0.0.1", 18211).logout(); break
    except OSError: time.sleep(0.1)
for r in range(2):
    ts = [threading.Thread(target=work, args=(r * 6 + i,)) for i in range(6)]; [t.start() for t in ts]; [t.join() for t in ts]
for k in sorted(out): print(k, out[k])
EOC
env -u LD_PRELOAD /usr/bin/python3 c.py | sed 's/ .*/ done/' ; end $pid TERM; grep -cE 'Panic|Fatal|killed with signal' "$top/log"
