<?php
// Allocation-heavy PHP (its own allocator switched off by the runner).
function tree($depth)
{
    return $depth ? [tree($depth - 1), tree($depth - 1)] : null;
}

function countNodes($node)
{
    return $node ? countNodes($node[0]) + countNodes($node[1]) : 1;
}

$table = [];
for ($number = 0; $number < 150000; $number++) {
    $name = "record " . $number * 7919 % 60000;
    $table[$name] = [$number, $name, str_repeat("x", $number % 80)];
    if ($number % 3 == 0) {
        unset($table["record " . intdiv($number, 2)]);
    }
}
ksort($table);
$text = "";
foreach ($table as $row) {
    $text .= implode(",", $row) . "\n";
}
$sum = array_sum(array_map("strlen", preg_split('/[,\n]/', $text)));
for ($i = 0; $i < 4; $i++) {
    $sum += countNodes(tree(14));
}
echo $sum, "\n";
