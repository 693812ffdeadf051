// SPDX-License-Identifier: GPL-2.0
/*
 * memreserve_fill: makes many memory reservations for the next kernel, so that their list needs another page.
 *
 * A page of the list has room for 255 entries (drivers/firmware/efi/efi.c, EFI_MEMRESERVE_COUNT(PAGE_SIZE)), which no
 * machine fills with its LPI tables. Parameters: count=N, 300 unless told.
 *
 * How: takes N pages that lie one behind the other, and has efi_mem_reserve_persistent() reserve each of them. That function
 * is not exported; a kprobe finds its address. The pages stay taken. It returns -EBUSY for memory that /proc/iomem has as
 * reserved from the kernel's own boot, such as the initramfs' that was freed since: then the list has its entry all the same.
 *
 * What should be seen: "crashpath: memreserve_fill: N reservations of 0x1000 from 0x..."; /proc/iomem has every page as
 * reserved, and the list has N entries more.
 */
#define pr_fmt(fmt) "crashpath: " KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>

#ifndef CONFIG_ARM64
#error "needs arm64, which has EFI memory reservations"
#endif
#ifndef CONFIG_KPROBES
#error "needs CONFIG_KPROBES"
#endif

static unsigned int count = 300;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "how many reservations, 1 to 1024");

static int __init memreserve_fill_init(void)
{
	struct kprobe found = { .symbol_name = "efi_mem_reserve_persistent" };
	int (*reserve)(phys_addr_t addr, u64 size);
	struct page *pages;
	unsigned int i;
	int error;

	if (count < 1 || count > 1024) {
		pr_err("count=%u is not 1 to 1024\n", count);
		return -EINVAL;
	}
	error = register_kprobe(&found);
	if (error) {
		pr_err("this kernel has no %s (error %d)\n", found.symbol_name, error);
		return error;
	}
	reserve = (void *)found.addr;
	unregister_kprobe(&found);

	pages = alloc_pages(GFP_KERNEL | __GFP_NOWARN, get_order((unsigned long)count * PAGE_SIZE));
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		error = reserve(page_to_phys(pages) + (phys_addr_t)i * PAGE_SIZE, PAGE_SIZE);
		if (error && error != -EBUSY) {
			pr_err("reservation %u of %u returned %d\n", i + 1, count, error);
			return error;
		}
	}
	pr_info("%u reservations of %#lx from %#llx\n", count, PAGE_SIZE, (unsigned long long)page_to_phys(pages));
	return 0;
}
module_init(memreserve_fill_init);

/* No exit: a reservation cannot be taken back. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Makes many memory reservations for the next kernel");
