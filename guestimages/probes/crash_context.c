// SPDX-License-Identifier: GPL-2.0
/*
 * crash_context: crashes this kernel, or makes it crash itself, in the context that a parameter names.
 *
 * A crash dump depends on where the kernel was when it died: which stack, which registers, whether interrupts were
 * off, which locks the crashed CPU held. This module takes the kernel into one such place and leaves it there.
 *
 *   context=      state when the kernel dies                 how, and what should be seen
 *   hardirq       hard interrupt, also on PREEMPT_RT         irq_work marked hard (kernel/irq_work.c), panic()
 *   softirq       softirq                                    timer (kernel/time/timer.c), panic()
 *   irqs-off      process context, interrupts off            local_irq_disable(), panic()
 *   oops          process context: the task that loads this  write to address 0; needs panic_on_oops
 *   bug-kthread   kernel thread                              BUG(); needs panic_on_oops
 *   warn          kernel thread                              WARN(); needs panic_on_warn
 *   hung-task     a kernel thread sleeps for ever            khungtaskd panics; needs hung_task_panic
 *   soft-lockup   a kernel thread spins, preemption off      the watchdog's timer panics; needs softlockup_panic
 *   oom           a kernel thread takes all memory           the OOM killer panics; needs panic_on_oom
 *
 * cpu= is the CPU that gets into that state (for hung-task, and oom, the CPU of the thread; khungtaskd runs where it
 * likes). Without it: the CPU of the task that loads the module.
 *
 * Whatever panics here by itself says "crash_context: CONTEXT"; before it gets there, "crash_context: CONTEXT on CPU N".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *context = "";
module_param(context, charp, 0444);
MODULE_PARM_DESC(context, "which context to crash in");

static int cpu = -1;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "CPU to crash on; default: the one that loads the module");

/* Linux 5.10 has the flag already, but no initializer for it. */
#ifndef IRQ_WORK_INIT_HARD
#define IRQ_WORK_INIT_HARD(function) { .flags = ATOMIC_INIT(IRQ_WORK_HARD_IRQ), .func = (function) }
#endif

static void panic_in_hardirq(struct irq_work *work)
{
	panic("crash_context: hardirq%s", hardirq_count() ? "" : " (but this is not a hard interrupt)");
}

static struct irq_work hardirq_work = IRQ_WORK_INIT_HARD(panic_in_hardirq);

static int crash_in_hardirq(void *unused)
{
	irq_work_queue(&hardirq_work);
	return 0;
}

static void panic_in_softirq(struct timer_list *timer)
{
	panic("crash_context: softirq%s", in_serving_softirq() ? "" : " (but this is not a softirq)");
}

static DEFINE_TIMER(softirq_timer, panic_in_softirq);

static int crash_in_softirq(void *unused)
{
	softirq_timer.expires = jiffies + 1;
	add_timer_on(&softirq_timer, raw_smp_processor_id());
	return 0;
}

static int crash_with_irqs_off(void *unused)
{
	local_irq_disable();
	panic("crash_context: irqs-off");
}

static int crash_by_oops(void *unused)
{
	/* Volatile, or the compiler may put a trap instead of the store. */
	*(volatile int *)NULL = 0;
	return 0;
}

static int crash_by_bug(void *unused)
{
	BUG();
}

static int crash_by_warning(void *unused)
{
	WARN(1, "crash_context: warn\n");
	return 0;
}

static int hang_for_ever(void *unused)
{
	/* khungtaskd looks only at tasks that have run since it saw them last, so this one never wakes up again. */
	while (true) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	}
	return 0;
}

static int spin_for_ever(void *unused)
{
	preempt_disable();
	while (true)
		cpu_relax();
	return 0;
}

static int take_all_memory(void *unused)
{
	/* Kept, not leaked by mistake: when nothing is left, this allocation itself calls the OOM killer. */
	while (true)
		if (!alloc_page(GFP_KERNEL))
			cond_resched();
	return 0;
}

static const struct crash {
	const char *context;
	int (*function)(void *unused);
	bool in_thread;	/* in a kernel thread bound to the CPU; else in the task that loads the module */
} crashes[] = {
	{ "hardirq", crash_in_hardirq, false },
	{ "softirq", crash_in_softirq, false },
	{ "irqs-off", crash_with_irqs_off, false },
	{ "oops", crash_by_oops, false },
	{ "bug-kthread", crash_by_bug, true },
	{ "warn", crash_by_warning, true },
	{ "hung-task", hang_for_ever, true },
	{ "soft-lockup", spin_for_ever, true },
	{ "oom", take_all_memory, true },
};

static const struct crash *find_crash(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(crashes); i++)
		if (!strcmp(crashes[i].context, name))
			return &crashes[i];
	return NULL;
}

static int crash_in_thread(const struct crash *crash)
{
	struct task_struct *task = kthread_create(crash->function, NULL, "crash_context");

	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, cpu);
	wake_up_process(task);
	return 0;
}

static int __init crash_context_init(void)
{
	const struct crash *crash = find_crash(context);
	int error;

	if (!crash) {
		pr_err("context=%s is not known here\n", context);
		return -EINVAL;
	}
	if (cpu < 0)
		cpu = raw_smp_processor_id();
	if (cpu >= nr_cpu_ids || !cpu_online(cpu)) {
		pr_err("CPU %d is not online\n", cpu);
		return -EINVAL;
	}
	/* Also for threads: from here on the loading task shares that CPU's fate, as it would without cpu=. */
	error = set_cpus_allowed_ptr(current, cpumask_of(cpu));
	if (error)
		return error;
	pr_info("%s on CPU %d\n", crash->context, cpu);
	return crash->in_thread ? crash_in_thread(crash) : crash->function(NULL);
}
module_init(crash_context_init);

/* No exit: what it started cannot be taken back, so the module cannot be unloaded. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Crashes the kernel in a chosen context");
