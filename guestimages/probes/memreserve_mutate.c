// SPDX-License-Identifier: GPL-2.0
/*
 * memreserve_mutate: breaks one thing about the memory that the GIC's LPI tables keep for the next kernel, so that a check
 * can be seen to notice it.
 *
 * Loaded while CPU cpu=N has never been online (boot with maxcpus=1), it waits for that CPU's pending table to be reserved:
 * for efi_mem_reserve_persistent() (drivers/firmware/efi/efi.c) to be called on it. What it does then:
 *
 *   kind=drop     the call returns 0 and reserves nothing; gic_reserve_range()'s caller takes the table for reserved
 *   kind=twice    the same range is reserved once more, afterwards and by a work item
 *   kind=free     the table's pages are given back to the page allocator, although the GIC has them and the list names them
 *   kind=reuse    as free, and then they are allocated again and filled with 0xa5
 *   kind=damage   the list's entry for the table names the memory 1 MiB further on
 *
 * and without waiting, before the CPU comes online:
 *
 *   kind=flag     RD_LOCAL_MEMRESERVE_DONE is set for the CPU, so that its_cpu_memreserve_lpi() has nothing to do any more
 *
 * How: a kprobe, for the others than drop one at the return. What they do then a work item does on CPU 0, because it may sleep.
 * damage needs the list, flag needs struct rdists: both are static variables, which kallsyms has with CONFIG_KALLSYMS_ALL only;
 * without, loading fails with ENOENT. So does flag before Linux 5.17, where there is no such flag.
 *
 * What should be seen: "crashpath: memreserve_mutate: armed: KIND cpu=N", and "crashpath: memreserve_mutate: done: KIND cpu=N
 * base=0x... size=0x..." once it has happened. Without that line nothing was broken.
 */
#define pr_fmt(fmt) "crashpath: " KBUILD_MODNAME ": " fmt

/* First: other architectures lack headers of the GIC. */
#ifndef CONFIG_ARM64
#error "needs arm64, which has LPI tables and EFI memory reservations"
#endif

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/efi.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/ptrace.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#ifndef CONFIG_KPROBES
#error "needs CONFIG_KPROBES"
#endif

static char *kind = "";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "drop, twice, free, reuse, damage or flag");

static int cpu = -1;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "the CPU whose pending table it is about");

static phys_addr_t table;
static u64 table_size;
static int (*reserve)(phys_addr_t addr, u64 size);
static unsigned long (*address_of)(const char *name);

static int done(void)
{
	pr_info("done: %s cpu=%d base=%#llx size=%#llx\n", kind, cpu, (unsigned long long)table, (unsigned long long)table_size);
	return 0;
}

static int reserve_again(void)
{
	int error = reserve(table, table_size);

	pr_info("the second reservation returned %d\n", error);
	return done();
}

static int free_table(void)
{
	__free_pages(phys_to_page(table), get_order(table_size));
	return done();
}

/* Takes blocks of the table's size until one is the table. The others go back. */
static int reuse_table(void)
{
	unsigned int order = get_order(table_size);
	struct page *page;
	LIST_HEAD(others);

	__free_pages(phys_to_page(table), order);
	while ((page = alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, order))) {
		if (page_to_phys(page) == table)
			break;
		list_add(&page->lru, &others);
	}
	while (!list_empty(&others)) {
		struct page *other = list_first_entry(&others, struct page, lru);

		list_del(&other->lru);
		__free_pages(other, order);
	}
	if (!page) {
		pr_err("the allocator did not hand out the table at %#llx\n", (unsigned long long)table);
		return -ENOMEM;
	}
	memset(page_address(page), 0xa5, table_size);
	return done();
}

/* efi_memreserve_root points to the list's root, which has no entries (drivers/firmware/efi/efi.c). */
static int damage_entry(void)
{
	struct linux_efi_memreserve **root = (void *)address_of("efi_memreserve_root");
	struct linux_efi_memreserve *node;
	phys_addr_t next;
	int i, entries;

	for (next = (*root)->next; next; ) {
		node = memremap(next, PAGE_SIZE, MEMREMAP_WB);
		if (!node)
			return -ENOMEM;
		entries = min(atomic_read(&node->count), (int)EFI_MEMRESERVE_COUNT(PAGE_SIZE));
		for (i = 0; i < entries; i++) {
			if (node->entry[i].base != table)
				continue;
			node->entry[i].base += SZ_1M;
			memunmap(node);
			return done();
		}
		next = node->next;
		memunmap(node);
	}
	pr_err("the list has no entry of %#llx\n", (unsigned long long)table);
	return -ENOENT;
}

/*
 * struct rdists has no flags of CPUs, and the driver no cpuhp_memreserve_state, before commit d23bc2bc1d63
 * ("irqchip/gic-v3-its: Postpone LPI pending table freeing and memreserve") (in v5.17). Members are nothing that the
 * preprocessor can ask for.
 */
static int set_flag(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 17, 0)
	struct rdists **rdists = (void *)address_of("gic_rdists");

	per_cpu_ptr((*rdists)->rdist, cpu)->flags |= BIT(2); /* RD_LOCAL_MEMRESERVE_DONE, irq-gic-v3-its.c */
	return done();
#else
	pr_err("this kernel has no flag of a finished reservation\n");
	return -ENOENT;
#endif
}

static const struct mutation {
	const char *kind;
	int (*happen)(void); /* in a work item, once the reservation was made */
	const char *variable; /* that it needs, of kallsyms */
	bool at_once; /* instead of then */
} mutations[] = {
	{ .kind = "drop" },
	{ .kind = "twice", .happen = reserve_again },
	{ .kind = "free", .happen = free_table },
	{ .kind = "reuse", .happen = reuse_table },
	{ .kind = "damage", .happen = damage_entry, .variable = "efi_memreserve_root" },
	{ .kind = "flag", .happen = set_flag, .variable = "gic_rdists", .at_once = true },
};
static const struct mutation *chosen;

static void happen_later(struct work_struct *work)
{
	chosen->happen();
}
static DECLARE_WORK(later, happen_later);

/* efi_mem_reserve_persistent(phys_addr_t addr, u64 size), the first time on our CPU. */
static bool is_ours(struct pt_regs *regs)
{
	if (raw_smp_processor_id() != cpu || table)
		return false;
	table = regs_get_kernel_argument(regs, 0);
	table_size = regs_get_kernel_argument(regs, 1);
	return true;
}

static int drop(struct kprobe *point, struct pt_regs *regs)
{
	if (!is_ours(regs))
		return 0;
	done();
	regs_set_return_value(regs, 0);
	instruction_pointer_set(regs, procedure_link_pointer(regs));
	return 1;
}

/* With a post-handler kprobes does not turn the point into a jump, which would not let drop() go elsewhere. */
static void after_drop(struct kprobe *point, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe dropping = {
	.symbol_name = "efi_mem_reserve_persistent",
	.pre_handler = drop,
	.post_handler = after_drop,
};

static int at_call(struct kretprobe_instance *call, struct pt_regs *regs)
{
	return !is_ours(regs);
}

static int at_return(struct kretprobe_instance *call, struct pt_regs *regs)
{
	schedule_work_on(0, &later);
	return 0;
}

static struct kretprobe reserving = {
	.kp.symbol_name = "efi_mem_reserve_persistent",
	.entry_handler = at_call,
	.handler = at_return,
};

/* kallsyms_lookup_name() is not exported to modules; kprobes finds its address all the same. */
static int find_kallsyms(void)
{
	struct kprobe found = { .symbol_name = "kallsyms_lookup_name" };
	int error = register_kprobe(&found);

	if (error)
		return error;
	address_of = (void *)found.addr;
	unregister_kprobe(&found);
	return 0;
}

static int choose(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(mutations); i++)
		if (!strcmp(kind, mutations[i].kind))
			chosen = &mutations[i];
	if (!chosen) {
		pr_err("there is no kind=%s\n", kind);
		return -EINVAL;
	}
	if (cpu < 1 || cpu >= (int)nr_cpu_ids || !cpu_possible(cpu) || cpu_online(cpu)) {
		pr_err("cpu=%d is not a CPU that is still to come\n", cpu);
		return -EINVAL;
	}
	return 0;
}

static int __init memreserve_mutate_init(void)
{
	int error = choose();

	if (!error)
		error = find_kallsyms();
	if (error)
		return error;
	if (chosen->variable && !address_of(chosen->variable)) {
		pr_err("this kernel's kallsyms has no %s\n", chosen->variable);
		return -ENOENT;
	}
	pr_info("armed: %s cpu=%d\n", kind, cpu);
	if (chosen->at_once)
		return chosen->happen();
	error = chosen->happen ? register_kretprobe(&reserving) : register_kprobe(&dropping);
	if (error)
		pr_err("this kernel does not let %s be probed (error %d)\n", dropping.symbol_name, error);
	reserve = (void *)reserving.kp.addr;
	return error;
}
module_init(memreserve_mutate_init);

/* No exit: what is broken stays broken. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Breaks one thing about the memory that is reserved for LPI tables");
