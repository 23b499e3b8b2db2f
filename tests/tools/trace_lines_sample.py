"""trace_lines_sample.py -- gctrace lines, to be damaged by trace_fuzz.py."""
LINES = [
    "gc 1 @0.071s 3%: 0.019+4.5+0.28 ms clock, 0.038+0.65/3.6/0+0.56 ms cpu, "
    "7->7->3 MB, 8 MB goal, 1 MB stacks, 0 MB globals, 2 P",
    "gc 2 @2.104s 0%: 0.024+0.35+0.072+0.73+0.095 ms clock, 0.048+0.35+0+0.2/0.07"
    "/0.1+0.19 ms cpu, 4->4->0 MB, 4 MB goal, 4 P (forced)",
    "gc 3 @3.071s 3%: 0.019+4.5+0.28 ms clock, 0.038+0.65/3.6/0+0.56 ms cpu, "
    "7->7->3 MB, 8 MB goal, 1 MB stacks, 0 MB globals, 2 P, 1234 B reclaimed in "
    "5 blocks, 77 B in limbo, pagemap, 4 stops, 1.2 ms (abandoned: a thread did "
    "not stop)",
    "scav 0 122 KiB work, 123 KiB total, 99% util",
    "scav 5 KiB work (bg), 7 KiB work (eager), 14336 KiB now, 63% util",
    "scvg: 8 KB released",
    "GC forced",
]
