export PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0
perl -Mthreads -Mthreads::shared -MStorable=dclone,freeze,thaw -MScalar::Util=weaken -MEncode -we '
my (%h, @a);
for my $i (0 .. 300000) { $h{"k" . ($i * 7919 % 50021)} .= "$i,"; }
my $c = dclone(\%h); print scalar(keys %$c), " ", length(join "", map { $c->{$_} } sort keys %$c), "\n";
print length(freeze($c)), " ", scalar(keys %{thaw(freeze($c))}), "\n";
my @n; for my $i (1 .. 50000) { my $p = {n => $i}; my $k = {up => $p}; weaken($k->{up}); $p->{k} = $k; push @n, $p; }
my $s = 0; $s += $_->{k}{up}{n} for @n; print "$s\n";
my $sum :shared = 0;
my @t = map { my $n = $_; threads->create(sub { my @x = map { {a => "$_" x $n} } 1 .. 20000; lock $sum; $sum += @x; }) } 1 .. 4;
$_->join for @t; print "$sum\n";
my $text = join " ", map { "w\x{e9}rd$_" } 1 .. 60000;
(my $u = $text) =~ s/(\d+)/<$1>/g; print length(encode("UTF-8", $u)), "\n";
@a = sort { $a->[0] <=> $b->[0] } map { [$_ * 7919 % 100003, "x$_"] } 1 .. 150000; print "$a[777][1]\n";
our @stack; sub f { my $n = shift; my @l = (1) x 10; return $n ? f($n - 1) + @l : 0 } no warnings; print f(20000), "\n";
for (1 .. 20) { my $pid = fork; if (!$pid) { my %x = map { $_ => "v$_" } 1 .. 3000; exit 3 } waitpid $pid, 0; print $? >> 8 } print "\n";'
