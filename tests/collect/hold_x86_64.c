/* hold_x86_64.c -- one register, the red zone: see hold.h
 *
 * MODEL   Functions in assembly throughout, so that the compiler can keep no
 *         copy.  rdi is the slot, rsi the word that ends the wait.
 */
#include "tests/collect/hold.h"

#include <stddef.h>

/* No copy is left by who called us. */
#define WIPE                                                                   \
	"xor %eax, %eax\nxor %ecx, %ecx\nxor %edx, %edx\nxor %r8d, %r8d\n"     \
	"xor %r9d, %r9d\nxor %r10d, %r10d\nxor %r11d, %r11d\n"
#define FUNCTION(name, body)                                                   \
	void hold_##name(void **slot, const volatile int *go);                 \
	__asm__(".text\n.globl hold_" #name "\n.type hold_" #name              \
		", @function\nhold_" #name ":\n" WIPE body                     \
		"ret\n.size hold_" #name ", .-hold_" #name "\n");
#define WAIT                                                                   \
	"movq $0, (%rdi)\n1: pause\ncmpl $0, (%rsi)\n"                         \
	"je 1b\n"
#define GENERAL(reg)                                                           \
	FUNCTION(reg, "push %" #reg "\nmov (%rdi), %" #reg "\n" WAIT           \
		      "mov %" #reg ", (%rdi)\npop %" #reg "\n")

GENERAL(rax)
GENERAL(rbx)
GENERAL(rbp)
GENERAL(r8)
GENERAL(r11)
GENERAL(r12)
GENERAL(r13)
GENERAL(r14)
GENERAL(r15)
FUNCTION(xmm0, "movq (%rdi), %xmm0\n" WAIT "movq %xmm0, (%rdi)\n")
FUNCTION(xmm15_high, "pxor %xmm15, %xmm15\nmovhps (%rdi), %xmm15\n" WAIT
		     "movhps %xmm15, (%rdi)\n")
FUNCTION(ymm9_high, "vmovq (%rdi), %xmm8\nvpxor %xmm9, %xmm9, %xmm9\n"
		    "vinsertf128 $1, %xmm8, %ymm9, %ymm9\n"
		    "vpxor %xmm8, %xmm8, %xmm8\n" WAIT
		    "vextractf128 $1, %ymm9, %xmm8\nvmovq %xmm8, (%rdi)\n"
		    "vzeroupper\n")
FUNCTION(zmm17, "vmovq (%rdi), %xmm17\n" WAIT "vmovq %xmm17, (%rdi)\n")
FUNCTION(mm3, "movq (%rdi), %mm3\n" WAIT "movq %mm3, (%rdi)\nemms\n")
FUNCTION(red_zone,
    "mov (%rdi), %rax\nmov %rax, -120(%rsp)\nxor %eax, %eax\n" WAIT
    "mov -120(%rsp), %rax\nmov %rax, (%rdi)\nmovq $0, -120(%rsp)\n")

const struct hold holds[] = {{"rax", hold_rax, NULL}, {"rbx", hold_rbx, NULL},
    {"rbp", hold_rbp, NULL}, {"r8", hold_r8, NULL}, {"r11", hold_r11, NULL},
    {"r12", hold_r12, NULL}, {"r13", hold_r13, NULL}, {"r14", hold_r14, NULL},
    {"r15", hold_r15, NULL}, {"xmm0", hold_xmm0, NULL},
    {"upper half of xmm15", hold_xmm15_high, NULL},
    {"upper half of ymm9", hold_ymm9_high, "avx"},
    {"zmm17", hold_zmm17, "avx512f"}, {"mm3", hold_mm3, NULL},
    {"red zone", hold_red_zone, NULL}, {NULL, NULL, NULL}};

bool
hold_has(const char *feature)
{
	if (feature == NULL)
		return true;
	return feature[3] == '\0' ? __builtin_cpu_supports("avx") != 0
				  : __builtin_cpu_supports("avx512f") != 0;
}

__asm__(".text\n.globl hold_call\n.type hold_call, @function\nhold_call:\n"
	"push %rbx\npush %r12\npush %r13\n"
	"mov %rdi, %r12\nmov (%rdi), %rbx\nmovq $0, (%rdi)\n"
	"mov %rsi, %rax\nmov %rdx, %rdi\ncall *%rax\n"
	"mov %rbx, (%r12)\n"
	"pop %r13\npop %r12\npop %rbx\nret\n.size hold_call, .-hold_call\n");

void hold_jump(void **slot, void *buf, void (*wait)(void *), void *arg);
__asm__(".text\n.globl hold_jump\n.type hold_jump, @function\nhold_jump:\n"
	"push %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"mov %rdi, %r12\nmov %rsi, %r13\nmov %rdx, %r14\nmov %rcx, %r15\n"
	"mov (%rdi), %rbx\nmovq $0, (%rdi)\n"
	"mov %r13, %rdi\ncall _setjmp@PLT\n"
	"test %eax, %eax\njne 1f\n"
	"xor %ebx, %ebx\nmov %r15, %rdi\ncall *%r14\n"
	"mov %r13, %rdi\nmov $1, %esi\ncall longjmp@PLT\n"
	"1: mov %rbx, (%r12)\n"
	"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\nret\n"
	".size hold_jump, .-hold_jump\n");

bool
hold_setjmp(void **slot, void *buf, void (*wait)(void *), void *arg)
{
	hold_jump(slot, buf, wait, arg);
	return true;
}
