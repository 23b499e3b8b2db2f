# Allocation-heavy Perl: hashes of arrays, strings, sorting, splitting.
# Prints a checksum.
use strict;
use warnings;

my (%table, $sum);

for my $number (1 .. 120000) {
	my $key = "key " . $number * 7919 % 50000;
	push @{ $table{$key} }, { number => $number, text => "x" x ($number % 60) };
	delete $table{ "key " . $number % 5000 } if $number % 5 == 0;
}
for my $key (sort keys %table) {
	my $line = join ",", map { "$_->{number}:$_->{text}" } @{ $table{$key} };
	my @parts = split /[:,]/, $line;
	$sum += @parts + length $line;
	$line =~ s/x+/y/g;
	$sum += length $line;
}
sub tree { my $depth = shift; return $depth ? [tree($depth - 1), tree($depth - 1)] : undef }
sub count { my $node = shift; return $node ? count($node->[0]) + count($node->[1]) : 1 }
$sum += count(tree(14)) for 1 .. 3;
print "$sum\n";
