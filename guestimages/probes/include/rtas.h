/* SPDX-License-Identifier: GPL-2.0 */
/* What several probes of pseries need around RTAS. */
#ifndef CRASHPATH_RTAS_H
#define CRASHPATH_RTAS_H

#include <linux/kernel.h>
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

#endif
