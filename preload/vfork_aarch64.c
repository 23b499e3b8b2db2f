/* vfork_aarch64.c -- vfork's instructions
 *
 * MODEL   The return address is in a register, which child and parent each have
 *         for themselves; nothing of ours lies on the stack when the child
 *         begins.
 */
#include "preload/vfork.h"

__asm__(".text\n"
	".globl vfork\n"
	".globl __vfork\n"
	".type vfork, %function\n"
	".type __vfork, %function\n"
	".p2align 4\n"
	"vfork:\n"
	"__vfork:\n"
	"	.cfi_startproc\n"
	"	stp x29, x30, [sp, -16]!\n"
	"	.cfi_adjust_cfa_offset 16\n"
	"	.cfi_offset x30, -8\n"
	"	.cfi_offset x29, -16\n"
	"	bl gcm_vfork_begin\n"
	"	ldp x29, x30, [sp], 16\n"
	"	.cfi_adjust_cfa_offset -16\n"
	"	.cfi_restore x30\n"
	"	.cfi_restore x29\n"
	"	mov x0, 0x4111\n" /* CLONE_VFORK | CLONE_VM | SIGCHLD */
	"	mov x1, 0\n"
	"	mov x8, 220\n" /* SYS_clone */
	"	svc 0\n"
	"	cbz x0, 1f\n"
	"	stp x29, x30, [sp, -16]!\n"
	"	.cfi_adjust_cfa_offset 16\n"
	"	.cfi_offset x30, -8\n"
	"	.cfi_offset x29, -16\n"
	"	bl gcm_vfork_end\n"
	"	ldp x29, x30, [sp], 16\n"
	"	.cfi_adjust_cfa_offset -16\n"
	"	.cfi_restore x30\n"
	"	.cfi_restore x29\n"
	"1:	ret\n"
	"	.cfi_endproc\n"
	".size vfork, .-vfork\n"
	".size __vfork, .-__vfork\n");
