# tools: what the gcmalloc command says, and its exit status.

tools_tests = \
	%D%/arguments.sh \
	%D%/doctor.sh \
	%D%/doctor_process.sh \
	%D%/trace.py \
	%D%/trace_lines.py \
	%D%/trace_fuzz.py \
	%D%/trace_page.py \
	%D%/trace_real.sh

EXTRA_DIST += %D%/kit.sh %D%/trace_kit.py %D%/trace_make.py \
	%D%/trace_lines_sample.py $(tools_tests)
TESTS += $(tools_tests)
