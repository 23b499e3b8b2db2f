# Allocation-heavy Ruby: hashes, arrays, strings. Prints a checksum.
Record = Struct.new(:number, :name, :tags)

def tree(depth)
  depth.zero? ? nil : [tree(depth - 1), tree(depth - 1)]
end

def count(node)
  node ? count(node[0]) + count(node[1]) : 1
end

table = {}
200_000.times do |number|
  name = "record #{number * 7919 % 90_000}"
  table[name] = Record.new(number, name, (1..4).map { |n| name * n })
  table.delete("record #{number / 2}") if (number % 3).zero?
end
text = table.values.sort_by(&:name).map { |r| r.tags.join(',') }.join("\n")
sum = text.split(/[,\n]/).sum(&:length)
5.times { sum += count(tree(15)) }
puts sum
