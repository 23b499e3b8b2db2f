# needs: ruby
ruby -rjson -rset -rzlib -rdigest -rripper -rweakref -e '
h = {}
100000.times { |i| (h["k#{i * 7919 % 30011}"] ||= []) << i.to_s }
puts Digest::MD5.hexdigest(JSON.generate(h))
x = JSON.parse(JSON.generate((0..50000).map { |i| {"id" => i, "s" => i.to_s * 3} })); puts x.size
q = Queue.new
t = 6.times.map { |n| Thread.new { 4000.times { |i| q << ("s" * (i % 500)) } } }
t.each(&:join); puts q.size
puts Ripper.sexp("def a(x); x.map { |y| y + 1 }; end\n" * 1000).flatten.size
C = Struct.new(:a, :b); puts (0..200000).map { |i| C.new(i, i.to_s) }.sum { |c| c.b.size }
f = 200.times.map { |i| Fiber.new { 50.times { |j| Fiber.yield "f" * (i + j) }; nil } }
puts 50.times.sum { f.sum { |g| g.resume.size } }
r = 3.times.map { |i| Ractor.new(i) { |n| (0..20000).map { |j| "#{n}#{j}" }.sum(&:size) } } if false
GC.stress = true; 20.times { |i| "x#{i}" + i.to_s }; GC.stress = false
GC.start; GC.compact rescue puts "no compaction"
10.times { |i| pid = fork { a = (1..20000).map(&:to_s); exit! i }; Process.wait pid; print $?.exitstatus }
puts 3**9000 % 1000007, Zlib::Inflate.inflate(Zlib::Deflate.deflate("abc" * 1000000)).size
e = eval((0..1000).map { |i| "def m#{i}(a) = a + #{i}" }.join("\n") + "\n:ok"); puts e, m999(1)'
