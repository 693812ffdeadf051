/* SPDX-License-Identifier: GPL-2.0 */
/* What several probes of pseries need around RTAS and functions that no module may call. */
#ifndef CRASHPATH_RTAS_H
#define CRASHPATH_RTAS_H

#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/of.h>
#include <linux/types.h>

#ifndef CONFIG_PPC_PSERIES
#error "needs CONFIG_PPC_PSERIES"
#endif

/* The name of an RTAS function, as the device tree has it: a property of /rtas by that name holds the token (PAPR 7.2.6.1). */
static inline const char *rtas_name_of(int token)
{
	struct device_node *rtas_node = of_find_node_by_path("/rtas");
	struct property *property;

	if (rtas_node)
		for_each_property_of_node(rtas_node, property)
			if (property->length == 4 && be32_to_cpup(property->value) == token)
				return property->name;
	return "?";
}

/*
 * What RTAS is given has to end below both the real mode area and 1 GiB, because it runs with 32 bit addresses
 * (PAPR 7.2.7; arch/powerpc/kernel/rtas.c, rtas_initialize(): RTAS_INSTANTIATE_MAX). The real mode area is the first block
 * of memory (arch/powerpc/kernel/prom.c, early_init_dt_scan_memory_ppc()).
 */
static inline u64 rtas_address_limit(void)
{
	struct device_node *memory = of_find_node_by_path("/memory@0");
	u64 reg[2] = {};

	if (memory)
		of_property_read_u64_array(memory, "reg", reg, 2);
	of_node_put(memory);
	return min_t(u64, reg[1], 0x40000000);
}

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
