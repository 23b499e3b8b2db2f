/* entry.c -- the operations as a target of clang's libFuzzer
 *
 *   clang -g -O1 -fsanitize=fuzzer -D_GNU_SOURCE -I. -o fuzzer \
 *       tests/fuzz/entry.c tests/fuzz/step.c tests/unit/os_fake*.c \
 *       tests/unit/rig*.c core's sources but os_linux.c and other machines'
 *
 * Ten bytes are an operation.  The heap lives on from input to input; a fork
 * in between leaks what it must.
 */
#include <stddef.h>
#include <string.h>

#include "fuzz.h"

enum {
	BYTES = 10
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char letters[] = FUZZ_OPS;

	for (; len >= BYTES; data += BYTES, len -= BYTES) {
		struct fuzz_op op = {
		    letters[data[0] % (sizeof(letters) - 1)], data[1], 0, 0};

		memcpy(&op.b, data + 2, 4);
		memcpy(&op.c, data + 6, 4);
		op.a |= op.c << 8;
		fuzz_step(&op);
	}
	fuzz_end();
	return 0;
}
