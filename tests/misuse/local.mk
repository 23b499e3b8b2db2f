# misuse: tiny programs that misuse malloc, and the script that runs each with
# the library preloaded and expects one signal and one message, to the letter.

misuse_programs =

check_PROGRAMS += $(misuse_programs)

# Example:
#   misuse_programs += %D%/double_free
#   dist_check_SCRIPTS += %D%/misuse.sh     (once)
#   TESTS += %D%/misuse.sh                  (once)
