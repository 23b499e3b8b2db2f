# needs: ldapsearch ldapmodify
. ${0%/*}/common
PATH=$PATH:/usr/sbin; command -v slapd > /dev/null || exit 0
mkdir db; cat > conf <<EOC
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile $PWD/pid
threads 4
database mdb
maxsize 100000000
suffix "dc=x"
rootdn "cn=a,dc=x"
rootpw s
directory $PWD/db
index objectClass eq
index uid,sn eq,sub
dbnosync
EOC
(printf 'dn: dc=x\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: x\n\n'; for i in $(seq 1 2000); do printf 'dn: uid=u%d,dc=x\nobjectClass: inetOrgPerson\nuid: u%d\nsn: s%d\ncn: c %d\nmail: u%d@x\n\n' $i $i $((i % 97)) $i $i; done) > l.ldif
slapadd -q -f conf -l l.ldif > /dev/null 2>&1; echo $?; ulimit -n 1024
slapd -d 0 -f conf -h "ldap://127.0.0.1:18181 ldapi://$(printf %s "$PWD/s" | sed s,/,%2F,g)" > /dev/null 2>&1 & pid=$!
L='ldapsearch -x -LLL -H ldap://127.0.0.1:18181 -b dc=x'; up $L -s base; export L
sums '$L "(sn=s7)" uid | sort | md5sum; $L "(&(uid=u1*)(!(sn=s1)))" cn | sort | md5sum; $L -E pr=100/noprompt "(sn=s5*)" dn | grep -c ^dn' 6
for t in 1 2 3 4; do (for i in $(seq $t 4 400); do printf 'dn: uid=u%d,dc=x\nchangetype: modify\nreplace: mail\nmail: n%d@x\n\ndn: uid=n%d,dc=x\nchangetype: add\nobjectClass: inetOrgPerson\nuid: n%d\nsn: new\ncn: n\n\n' $i $i $i $i; done | ldapmodify -x -D cn=a,dc=x -w s -H ldap://127.0.0.1:18181 | grep -c .) & w="${w:-} $!"; done; wait $w
$L "(sn=new)" uid | grep -c ^dn; $L '(mail=n*)' mail | sort | md5sum; for i in $(seq 1 20); do $L "(uid=u$i)" -S uid cn & done | sort | md5sum
end $pid INT; slapcat -f conf 2> /dev/null | grep -c '^dn:'
