/* SPDX-License-Identifier: GPL-2.0 */
/* Functions of a ppc64le kernel that no module may call, and a place in them where they can be made to return. */
#ifndef CRASHPATH_FUNCTION_H
#define CRASHPATH_FUNCTION_H

#include <linux/kprobes.h>
#include <linux/types.h>

/* A function that is not exported. kprobes finds its local entry, in front of which the global one sets r2 from r12. */
static inline void *find_function(const char *name)
{
	struct kprobe point = { .symbol_name = name };
	u32 *code;
	int i;

	if (register_kprobe(&point))
		return NULL;
	code = (u32 *)point.addr;
	unregister_kprobe(&point);
	for (i = 0; i <= 3; i++, code--)
		/* addis r2,r12,X; addi r2,r2,Y */
		if ((code[0] & 0xffff0000) == 0x3c4c0000 && (code[1] & 0xffff0000) == 0x38420000)
			return code;
	return NULL;
}

/* With a post-handler kprobes does not turn the point into a jump, which would not let a pre-handler return for the function. */
static inline void after_point(struct kprobe *point, struct pt_regs *regs, unsigned long flags)
{
}

/*
 * Makes `point` a place at the beginning of the function `name` at which `handler` may make the function return, by
 * "regs->nip = regs->link; return 1;". A function's entry is a call site of ftrace, where that is not possible and which a crash
 * may switch off; the instruction behind it comes still before the function has a stack frame, and with LR as the caller left it.
 */
static inline int catch_function(struct kprobe *point, const char *name, kprobe_pre_handler_t handler)
{
	kprobe_opcode_t *behind_ftrace;
	int error;

	*point = (struct kprobe){ .symbol_name = name, .pre_handler = handler, .post_handler = after_point };
	error = register_kprobe(point);
	if (error || !kprobe_ftrace(point))
		return error;
	behind_ftrace = point->addr + 1;
	unregister_kprobe(point);
	*point = (struct kprobe){ .addr = behind_ftrace, .pre_handler = handler, .post_handler = after_point };
	return register_kprobe(point);
}

#endif
