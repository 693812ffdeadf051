/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makes kprobes safe on a ppc64 kernel that is preemptible.
 *
 * r13 is the address of the CPU's paca, and so of its per-CPU variables, its current task and its stack canary. What leads to a
 * kprobe at a function's entry (arch/powerpc/kernel/trace/ftrace_entry.S, ftrace_regs_exit) and to one that was made a jump, as that
 * of all kretprobes is (arch/powerpc/kernel/optprobes_head.S), saves and restores r13 with the other registers. Where the task was
 * preempted in between and went on on another CPU, it has the paca of the CPU that it left from then on: stack canaries are wrong,
 * and two CPUs run as one. Seen on Linux 7.2, the first of the kernels here with CONFIG_PREEMPTION.
 *
 * keep_r13() takes the instruction that loads r13 out of both, for whoever probes what tasks call. It may be called by several
 * probes: what is gone is gone. On other kernels it does nothing. Returns 0 or a negative errno.
 */
#ifndef CRASHPATH_KEEP_R13_H
#define CRASHPATH_KEEP_R13_H

#if defined(CONFIG_PPC64) && defined(CONFIG_PREEMPTION)

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/types.h>
#include <linux/uaccess.h>	/* asm/inst.h needs it */

#include <asm/inst.h>

#include "function.h"

/* Takes "ld r13,X(r1)" out of `size` bytes of code. Returns how many there were, or a negative errno. */
static inline int take_loads_of_r13(int (*patch)(u32 *address, ppc_inst_t instruction), u32 *code, size_t size)
{
	u32 *end = code + size / sizeof(*code);
	int error, taken = 0;

	for (; code < end; code++) {
		if ((*code & 0xffff0003) != 0xe9a10000)
			continue;
		error = patch(code, ppc_inst(PPC_RAW_NOP()));
		if (error)
			return error;
		taken++;
	}
	return taken;
}

static inline int keep_r13(void)
{
	/* Where it is done, and as far as which symbol: the template for jumps, and those that were made of it. */
	static const char *const places[][2] = {
		{ "ftrace_regs_caller", "ftrace_caller" },
		{ "optprobe_template_entry", "optprobe_template_end" },
		{ "optinsn_slot", "optprobe_template_entry" },
	};
	unsigned long (*address_of)(const char *name) = find_function("kallsyms_lookup_name");
	int (*patch)(u32 *address, ppc_inst_t instruction) = address_of ? (void *)address_of("patch_instruction") : NULL;
	int i, taken;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u32 *from = patch ? (void *)address_of(places[i][0]) : NULL, *to = patch ? (void *)address_of(places[i][1]) : NULL;

		if (!from || to <= from) {
			pr_err("cannot keep r13: no %s\n", places[i][0]);
			return -ENOENT;
		}
		taken = take_loads_of_r13(patch, from, (to - from) * sizeof(*from));
		if (taken < 0)
			return taken;
		if (taken)
			pr_info("r13 is not restored any more in %s, %d times\n", places[i][0], taken);
	}
	return 0;
}

#else

static inline int keep_r13(void)
{
	return 0;
}

#endif
#endif
