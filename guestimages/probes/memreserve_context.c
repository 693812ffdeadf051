// SPDX-License-Identifier: GPL-2.0
/*
 * memreserve_context: says in which context LPI tables are reserved for the next kernel, and those freed that the kernel
 * does not need because it inherited others.
 *
 * Changes nothing. From when it is loaded on there is one line on the console for each
 *
 *   reserve  entry of efi_mem_reserve_persistent() (drivers/firmware/efi/efi.c), which gic_reserve_range()
 *            (drivers/irqchip/irq-gic-v3-its.c) calls for each table. Not gic_reserve_range() itself: it is static and
 *            short, and compilers inline it.
 *   free     entry of free_pages() (mm/page_alloc.c) from a function whose name begins with its_, as its_free_pending_table()
 *            does, which compilers inline too
 *
 *   crashpath: memreserve_context: reserve cpu=1 task=cpuhp/1 base=0x40220000 size=0x10000 preempt=0x0 irqs_off=0 atomic=0
 *   cpuhp=192 caller=its_cpu_memreserve_lpi                                              (all on one line)
 *
 *   base, size  of the memory, physical address and bytes
 *   preempt     preempt_count() of the interrupted code; "unknown" on kernels without CONFIG_PREEMPT_COUNT, which do not count
 *   irqs_off    1 when it had interrupts masked
 *   atomic      1 when it could not sleep: interrupts off, or preempt not 0. A kernel that does not count can only be seen
 *               to be atomic, not to be not: with interrupts on and no interrupt being served this says 0 there.
 *   cpuhp       number of the CPU hotplug state whose callback runs; "none" when the code runs neither in a CPU's hotplug
 *               thread nor on a CPU that is only coming up (STARTING callbacks, which are atomic)
 *   caller      the function that it returns to
 *
 * How: kprobes, whose handlers run inside of a breakpoint exception. That exception counts as atomic itself; by how much is
 * measured first, with a kprobe on a function of this module.
 *
 * The boot CPU's tables, and those of all CPUs that come up before a module can be loaded, are not seen: boot with maxcpus=1
 * and bring the others online.
 */
#define pr_fmt(fmt) "crashpath: " KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>

#ifndef CONFIG_ARM64
#error "needs arm64, which has LPI tables and EFI memory reservations"
#endif
#ifndef CONFIG_KPROBES
#error "needs CONFIG_KPROBES"
#endif

/* What a handler finds on top of the count of the code that it interrupted. */
static unsigned int added_by_handler;

/* The hotplug state whose callback was called last on each CPU. */
static DEFINE_PER_CPU(int, last_state);

static int at_callback(struct kprobe *point, struct pt_regs *regs)
{
	/* cpuhp_invoke_callback(unsigned int cpu, enum cpuhp_state state, ...), kernel/cpu.c */
	__this_cpu_write(last_state, (int)regs_get_kernel_argument(regs, 1));
	return 0;
}

static bool in_hotplug_callback(void)
{
	return !cpu_online(raw_smp_processor_id()) || !strncmp(current->comm, "cpuhp/", 6);
}

static void say(const char *what, phys_addr_t base, u64 size, struct pt_regs *regs)
{
	unsigned int count = preempt_count() - added_by_handler;
	bool irqs_off = !interrupts_enabled(regs);
	char task[TASK_COMM_LEN], preempt[12] = "unknown", state[12] = "none";

	strscpy(task, current->comm, sizeof(task));
	strreplace(task, ' ', '_');
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		snprintf(preempt, sizeof(preempt), "%#x", count);
	if (in_hotplug_callback())
		snprintf(state, sizeof(state), "%d", __this_cpu_read(last_state));
	pr_info("%s cpu=%d task=%s base=%#llx size=%#llx preempt=%s irqs_off=%d atomic=%d cpuhp=%s caller=%ps\n", what,
		raw_smp_processor_id(), task, (unsigned long long)base, size, preempt, irqs_off, irqs_off || count != 0, state,
		(void *)(procedure_link_pointer(regs) - AARCH64_INSN_SIZE));
}

/* efi_mem_reserve_persistent(phys_addr_t addr, u64 size) */
static int at_reservation(struct kprobe *point, struct pt_regs *regs)
{
	say("reserve", regs_get_kernel_argument(regs, 0), regs_get_kernel_argument(regs, 1), regs);
	return 0;
}

/* free_pages(unsigned long addr, unsigned int order) */
static int at_free(struct kprobe *point, struct pt_regs *regs)
{
	unsigned long address = regs_get_kernel_argument(regs, 0);
	char caller[KSYM_SYMBOL_LEN];

	sprint_symbol_no_offset(caller, procedure_link_pointer(regs) - AARCH64_INSN_SIZE);
	if (!strncmp(caller, "its_", 4) && virt_addr_valid((void *)address))
		say("free", virt_to_phys((void *)address), PAGE_SIZE << (unsigned int)regs_get_kernel_argument(regs, 1), regs);
	return 0;
}

static noinline void nothing_to_do(void)
{
	asm volatile("");
}

static int at_nothing(struct kprobe *point, struct pt_regs *regs)
{
	added_by_handler = preempt_count();
	return 0;
}

static int measure_handler(void)
{
	struct kprobe point = { .addr = (kprobe_opcode_t *)nothing_to_do, .pre_handler = at_nothing };
	int error = register_kprobe(&point);

	if (error)
		return error;
	nothing_to_do();
	unregister_kprobe(&point);
	added_by_handler -= preempt_count();
	return 0;
}

static struct kprobe points[] = {
	{ .symbol_name = "cpuhp_invoke_callback", .pre_handler = at_callback },
	{ .symbol_name = "free_pages", .pre_handler = at_free },
	{ .symbol_name = "efi_mem_reserve_persistent", .pre_handler = at_reservation },
};

static int __init memreserve_context_init(void)
{
	int error = measure_handler();
	int i;

	for (i = 0; !error && i < ARRAY_SIZE(points); i++) {
		error = register_kprobe(&points[i]);
		if (error)
			pr_err("this kernel does not let %s be probed (error %d)\n", points[i].symbol_name, error);
	}
	if (!error) {
		pr_info("armed\n");
		return 0;
	}
	while (--i > 0)
		unregister_kprobe(&points[i - 1]);
	return error;
}
module_init(memreserve_context_init);

/* No exit: it watches until the kernel ends. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Says in which context LPI tables are reserved and freed");
