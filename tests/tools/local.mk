# tools: what the gcmalloc command says, and its exit status.

tools_tests = \
	%D%/arguments.sh \
	%D%/channel.py \
	%D%/run.sh \
	%D%/top.sh \
	%D%/top_screen.py \
	%D%/systemd.sh \
	%D%/gdb.sh \
	%D%/probes.sh \
	%D%/completion.sh \
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

check_PROGRAMS += %D%/channel_program
%C%_channel_program_SOURCES = %D%/channel_program.c
%C%_channel_program_LDADD = core/libcore.la
