# needs: curl
# programs: proftpd vsftpd
. ${0%/*}/common
top=$(mktemp -d /tmp/gcmtestftXXXXXX); trap 'rm -rf "$top"' EXIT; chmod 755 "$top"; mkdir -p "$top/pub/d" "$top/pub/in" "$top/empty"; chmod 777 "$top/pub/in"
seq 1 200000 > "$top/pub/big"; for i in $(seq 1 200); do echo $i > "$top/pub/d/$i"; done
all() { export U=ftp://127.0.0.1:$1 top; up curl -s $U/big -o /dev/null
	sums 'curl -s $U/big | md5sum; curl -s --disable-epsv $U/d/ -l | sort -n | md5sum; curl -s -r 1000-2000 $U/big | md5sum' 5
	curl -s "$U/d/[1-100]" | md5sum; for i in 1 2 3 4 5 6; do curl -s -T "$top/pub/big" $U/in/$1$i; echo $?; cmp "$top/pub/big" "$top/pub/in/$1$i"; done; curl -s $U/none; echo $?; }
if command -v proftpd > /dev/null; then
	cat > p.conf <<EOC
ServerName x
ServerType standalone
DefaultServer on
Port 18191
DefaultAddress 127.0.0.1
User root
Group root
PidFile $top/p.pid
ScoreboardFile $top/score
TransferLog NONE
WtmpLog off
UseIPv6 off
RequireValidShell off
DelayEngine off
AuthOrder mod_auth_unix.c
MaxInstances 30
<Anonymous $top/pub>
User ftp
Group nogroup
UserAlias anonymous ftp
RequireValidShell off
<Directory *>
AllowOverwrite on
</Directory>
</Anonymous>
EOC
	getent passwd ftp > /dev/null || sed -i 's/^User ftp/User nobody/; s/anonymous ftp/anonymous nobody/' p.conf
	proftpd -n -c "$PWD/p.conf" > plog 2>&1 & p=$!; echo proftpd; all 18191; end $p
fi
if command -v vsftpd > /dev/null; then
	printf 'listen=YES\nbackground=NO\nlisten_address=127.0.0.1\nlisten_port=18192\nanonymous_enable=YES\nlocal_enable=NO\nwrite_enable=YES\nanon_upload_enable=YES\nanon_root=%s/pub\nsecure_chroot_dir=%s/empty\nftp_username=%s\nseccomp_sandbox=NO\nnopriv_user=nobody\nxferlog_enable=NO\nanon_umask=022\nallow_writeable_chroot=YES\n' "$top" "$top" "bin" > v.conf
	vsftpd "$PWD/v.conf" > vlog 2>&1 & p=$!; echo vsftpd; all 18192; end $p
fi
