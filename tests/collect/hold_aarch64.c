/* hold_aarch64.c -- one register: see hold.h
 *
 * MODEL   Functions in assembly throughout, so that the compiler can keep no
 *         copy.  x0 is the slot, x1 the word that ends the wait.
 */
#include "tests/collect/hold.h"

#include <stddef.h>

#define FUNCTION(name, body)                                                   \
	void hold_##name(void **slot, const volatile int *go);                 \
	__asm__(".text\n.globl hold_" #name "\n.type hold_" #name              \
		", %function\nhold_" #name ":\n" body "ret\n.size hold_" #name \
		", .-hold_" #name "\n");
#define WAIT "str xzr, [x0]\n1: yield\nldr w2, [x1]\ncbz w2, 1b\n"
#define GENERAL(reg)                                                           \
	FUNCTION(reg, "str " #reg ", [sp, #-16]!\nldr " #reg ", [x0]\n" WAIT   \
		      "str " #reg ", [x0]\nldr " #reg ", [sp], #16\n")

GENERAL(x9)
GENERAL(x19)
GENERAL(x28)
FUNCTION(d7, "ldr d7, [x0]\n" WAIT "str d7, [x0]\n")

const struct hold holds[] = {{"x9", hold_x9, NULL}, {"x19", hold_x19, NULL},
    {"x28", hold_x28, NULL}, {"d7", hold_d7, NULL}, {NULL, NULL, NULL}};

bool
hold_has(const char *feature)
{
	return feature == NULL;
}

__asm__(".text\n.globl hold_call\n.type hold_call, %function\nhold_call:\n"
	"stp x29, x30, [sp, #-32]!\nstp x19, x20, [sp, #16]\n"
	"mov x20, x0\nldr x19, [x0]\nstr xzr, [x0]\n"
	"mov x3, x1\nmov x0, x2\nblr x3\nstr x19, [x20]\n"
	"ldp x19, x20, [sp, #16]\nldp x29, x30, [sp], #32\nret\n"
	".size hold_call, .-hold_call\n");

bool
hold_setjmp(void **slot, void *buf, void (*wait)(void *), void *arg)
{
	(void)slot;
	(void)buf;
	(void)wait;
	(void)arg;
	return false;
}
