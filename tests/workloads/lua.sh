for l in lua5.4 luajit; do
$l -e 'local t = {} for i = 1, 600000 do t["k" .. i * 7919 % 50021] = {i, tostring(i)} end
local n = 0 for _ in pairs(t) do n = n + 1 end print(n)
for r = 1, 20 do local a = {} for i = 1, 20000 do a[i] = {i, r, "x" .. i} end end
print(#(("ab"):rep(300000):gsub("b", "cd"))) collectgarbage()
local co = {} for i = 1, 3000 do co[i] = coroutine.wrap(function() for j = 1, 20 do coroutine.yield(("c"):rep(j)) end end) end
local s = 0 for j = 1, 20 do for i = 1, 3000 do s = s + #co[i]() end end print(s)
local w = setmetatable({}, {__mode = "k"}) for i = 1, 100000 do w[{}] = i end collectgarbage() print(next(w) == nil)
print(load("return " .. ("1+"):rep(150) .. "1")())'
done
luajit -e 'local ffi = require "ffi" ffi.cdef "void *malloc(size_t); void free(void*); typedef struct n { struct n *next; int v; } n;"
local head for i = 1, 300000 do local p = ffi.cast("n*", ffi.C.malloc(32)) p.next = head p.v = i head = p end
collectgarbage() local t, p = 0, head while p ~= nil do t = t + p.v local q = p.next ffi.C.free(p) p = q end print(t)
local keep = {} for i = 1, 50000 do keep[i] = ffi.cast("int*", ffi.C.malloc(40)) keep[i][0] = i end
local u = os.clock() while os.clock() - u < 0.3 do local x = {} for i = 1, 1000 do x[i] = i end end
t = 0 for i = 1, 50000 do t = t + keep[i][0] ffi.C.free(keep[i]) end print(t)'
