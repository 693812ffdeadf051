// SPDX-License-Identifier: GPL-2.0
/*
 * keep_r13: makes kprobes and kretprobes safe on a preemptible ppc64 kernel.
 *
 * include/keep_r13.h says what is wrong there. A probe that is in danger mends it for itself; this one is for tracing by hand,
 * and to tell whether a kernel died of that. Should be seen, once: "keep_r13: r13 is not restored any more in ftrace_regs_caller".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "include/keep_r13.h"

static int __init keep_r13_init(void)
{
	return keep_r13();
}
module_init(keep_r13_init);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Makes kprobes safe on a preemptible ppc64 kernel");
