# programs: iverilog yosys ngspice
. ${0%/*}/common
has() { command -v "$1" > /dev/null && echo "$1"; }
printf 'module c(input k, input [15:0] d, output reg [15:0] q); reg [15:0] m [0:63]; reg [5:0] a = 0; initial q = 0; always @(posedge k) begin m[a] <= d ^ q; q <= q * 3 + d + m[a]; a <= a + 1; end endmodule\nmodule t; reg k = 0; reg [15:0] d = 1; wire [15:0] q; integer i; c u(k, d, q); initial begin for (i = 0; i < 64; i = i + 1) u.m[i] = i; for (i = 0; i < 20000; i = i + 1) begin #1 k = 1; #1 k = 0; d = d + i; end $display("%%d", q); $finish; end endmodule\n' > a.v
has iverilog && iverilog -o a.vvp a.v && vvp -n a.vvp
has yosys && yosys -q -p 'read_verilog a.v; synth -top c; stat' 2>&1 | grep -E 'Number of cells|FF' | head -5
has ngspice && { printf 'rc\nv1 1 0 pulse(0 5 0 1u 1u 50u 100u)\n' > a.cir; for i in $(seq 1 30); do printf 'r%d %d %d 1k\nc%d %d 0 1n\n' $i $i $((i + 1)) $i $((i + 1)); done >> a.cir; printf '.tran 1u 2m\n.control\nrun\nmeas tran m max v(9)\nmeas tran n avg v(31)\nquit\n.endc\n.end\n' >> a.cir; ngspice -b a.cir 2>&1 | grep -E '^(m|n) '; }
