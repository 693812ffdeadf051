// SPDX-License-Identifier: GPL-2.0
/*
 * vpa_place: gives an offline CPU of a pseries guest another lppaca, at a place where none belongs.
 *
 *   cpu=C              that CPU; it has to be offline
 *   place=crossing     across a 4 KiB boundary, which PAPR forbids
 *   place=misaligned   at no multiple of a cache line, which PAPR forbids
 *   place=odd          at a multiple of a cache line that is none of 1 KiB: PAPR allows it, Linux never does it
 *   place=address      at the physical address=A, such as one in the crash kernel's reservation
 *
 * How: paca_ptrs[cpu]->lppaca_ptr is pointed to a copy of the CPU's lppaca, which an offline CPU does not use. When the
 * CPU comes online the kernel itself registers it, in vpa_init() of arch/powerpc/platforms/pseries/lpar.c.
 *
 * What should be seen: "vpa_place: CPU C has its lppaca at ..." and, once the CPU is online, either "WARNING: VPA registration
 * for cpu C (hw C) of area ... failed with -4" (H_PARAMETER), or the area among those that the hypervisor holds.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>

#ifndef CONFIG_PPC_PSERIES
#error "needs CONFIG_PPC_PSERIES"
#endif

#include <asm/lppaca.h>
#include <asm/paca.h>

#define VPA_SIZE 0x400
#define PAPR_PAGE 4096

static int cpu = -1;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "the offline CPU");

static char *place = "";
module_param(place, charp, 0444);
MODULE_PARM_DESC(place, "crossing, misaligned, odd or address");

static unsigned long address;
module_param(address, ulong, 0444);
MODULE_PARM_DESC(address, "physical address, for place=address");

/* Where in two pages of 4 KiB the area is to begin; -1 for no such place. */
static int offset_of_place(void)
{
	if (!strcmp(place, "crossing"))
		return PAPR_PAGE - VPA_SIZE / 2;
	if (!strcmp(place, "misaligned"))
		return 0x10;
	if (!strcmp(place, "odd"))
		return 0x80;
	return -1;
}

static struct lppaca *find_place(void)
{
	int offset = offset_of_place();
	unsigned long pages;

	if (!strcmp(place, "address"))
		return pfn_valid(PHYS_PFN(address)) ? __va(address) : NULL;
	if (offset < 0)
		return NULL;
	pages = __get_free_pages(GFP_KERNEL | __GFP_ZERO, get_order(2 * PAPR_PAGE));
	return pages ? (void *)(pages + offset) : NULL;
}

static int __init vpa_place_init(void)
{
	struct lppaca *there;

	if (cpu < 0 || cpu >= (int)nr_cpu_ids || !cpu_present(cpu) || cpu_online(cpu)) {
		pr_err("cpu=%d is no CPU that is offline\n", cpu);
		return -EINVAL;
	}
	there = find_place();
	if (!there) {
		pr_err("there is no place=%s address=%#lx\n", place, address);
		return -EINVAL;
	}
	memcpy(there, paca_ptrs[cpu]->lppaca_ptr, sizeof(*there));
	pr_info("CPU %d has its lppaca at %#lx, not %#lx\n", cpu, __pa(there), __pa(paca_ptrs[cpu]->lppaca_ptr));
	paca_ptrs[cpu]->lppaca_ptr = there;
	return 0;
}
module_init(vpa_place_init);

/* No exit: the CPU may use the area for as long as the kernel lives. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Puts an offline CPU's lppaca where none belongs");
