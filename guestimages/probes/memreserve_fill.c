// SPDX-License-Identifier: GPL-2.0
/*
 * memreserve_fill: makes many memory reservations for the next kernel, so that their list needs another page.
 *
 * A page of the list has room for 255 entries (drivers/firmware/efi/efi.c, EFI_MEMRESERVE_COUNT(PAGE_SIZE)), which no
 * machine fills with its LPI tables. Parameters: count=N, 300 unless told.
 *
 * How: takes N pages that lie one behind the other, and has efi_mem_reserve_persistent() reserve each of them. That function
 * is not exported; a kprobe finds its address. The pages stay taken.
 *
 * The function returns -EBUSY for memory that /proc/iomem has as reserved since the kernel's own boot, as it has the initramfs'
 * that was freed later. That may be ours, which this module avoids; or the page that the function has just taken for the list
 * itself, and then nothing is reserved. This module keeps that page from being taken again, and retries. The GIC's driver does
 * not: a CPU whose table needs a new page of the list then goes without a reservation.
 *
 * What should be seen: "crashpath: memreserve_fill: N reservations of 0x1000 from 0x..."; /proc/iomem has every page as
 * reserved, and the list has N entries more.
 */
#define pr_fmt(fmt) "crashpath: " KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/list.h>
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

static LIST_HEAD(avoided); /* blocks that are not to be handed out again meanwhile */

static void give_back(unsigned int order)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &avoided, lru) {
		list_del(&page->lru);
		__free_pages(page, order);
	}
}

/* What lies within System RAM in /proc/iomem: code, data, the crash kernel, and what was reserved at boot. */
static bool is_known(phys_addr_t start, phys_addr_t size)
{
	struct resource wanted = { .start = start, .end = start + size - 1 };
	struct resource *ram, *part;

	for (ram = iomem_resource.child; ram; ram = ram->sibling)
		for (part = ram->child; part; part = part->sibling)
			if (resource_overlaps(part, &wanted))
				return true;
	return false;
}

static struct page *take_pages(unsigned int order)
{
	struct page *pages;

	while ((pages = alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, order))) {
		if (!is_known(page_to_phys(pages), PAGE_SIZE << order))
			break;
		list_add(&pages->lru, &avoided);
	}
	give_back(order);
	return pages;
}

static int reserve_all(struct page *pages, int (*reserve)(phys_addr_t addr, u64 size))
{
	phys_addr_t start = page_to_phys(pages);
	struct page *list_page;
	unsigned int i;
	int error = 0;

	for (i = 0; i < count && !error; i++) {
		while ((error = reserve(start + (phys_addr_t)i * PAGE_SIZE, PAGE_SIZE)) == -EBUSY) {
			list_page = alloc_page(GFP_KERNEL);
			if (!list_page)
				break;
			list_add(&list_page->lru, &avoided);
		}
		if (error)
			pr_err("reservation %u of %u returned %d\n", i + 1, count, error);
	}
	give_back(0);
	return error;
}

static int __init memreserve_fill_init(void)
{
	struct kprobe found = { .symbol_name = "efi_mem_reserve_persistent" };
	struct page *pages;
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
	unregister_kprobe(&found);

	pages = take_pages(get_order((unsigned long)count * PAGE_SIZE));
	if (!pages)
		return -ENOMEM;
	error = reserve_all(pages, (void *)found.addr);
	if (!error)
		pr_info("%u reservations of %#lx from %#llx\n", count, PAGE_SIZE, (unsigned long long)page_to_phys(pages));
	return error;
}
module_init(memreserve_fill_init);

/* No exit: a reservation cannot be taken back. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Makes many memory reservations for the next kernel");
