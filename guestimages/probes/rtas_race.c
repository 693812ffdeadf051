// SPDX-License-Identifier: GPL-2.0
/*
 * rtas_race: CPUs that make "reentrant" RTAS calls against each other.
 *
 * PAPR calls ibm,get-xive, ibm,set-xive, ibm,int-off and ibm,int-on reentrant: several CPUs may be in one of them at once. Linux 5.8
 * to 6.0 took that for leave to make them beside any other call, without the lock and with arguments of their own
 * (commit b664db8e3f97, "powerpc/rtas: Implement reentrant rtas call", reverted in 6.1): firmware's state of ibm,configure-connector
 * suffered. Other kernels make each such call under the lock.
 *
 *   cpus=A,B,..     on each of them a thread calls, over and over: ibm,get-xive, ibm,set-xive with what that said, ibm,int-off,
 *                   ibm,int-on, for interrupt source irq=
 *   unlocked=1      by rtas_call_unlocked() with an argument buffer of the CPU's own, as those kernels did
 *
 * Meanwhile somebody else should add a CPU (/sys/kernel/dlpar), which calls ibm,configure-connector. Should be seen at the panic, in
 * the dump's log at least: "rtas_race: CPU 1: 5210 calls, 0 failed, at most 2 at once", for each of the CPUs, and
 * "rtas_race: 37 calls of ibm,configure-connector, 0 failed".
 *
 * How: kprobes on panic(), and, for those who configure, a kretprobe on rtas_call().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>

#include "include/function.h"
#include "include/keep_r13.h"
#include "include/rtas.h"

#include <asm/rtas.h>

#define MOST_CPUS 8

static int cpus[MOST_CPUS], cpus_given;
module_param_array(cpus, int, &cpus_given, 0444);
MODULE_PARM_DESC(cpus, "those that race");

static int irq = 0x1000;
module_param(irq, int, 0444);
MODULE_PARM_DESC(irq, "the interrupt source that they configure");

static bool unlocked;
module_param(unlocked, bool, 0444);
MODULE_PARM_DESC(unlocked, "without the RTAS lock");

static int get_xive, set_xive, int_off, int_on, configure;
static typeof(rtas_call_unlocked) *call_unlocked;
static atomic_t inside = ATOMIC_INIT(0), configured = ATOMIC_INIT(0), misconfigured = ATOMIC_INIT(0);

static struct racer {
	struct rtas_args *args;
	unsigned long calls, failed;
	int most;
} racers[MOST_CPUS];

static int call(struct racer *racer, int token, int nargs, int nret, int *outputs, int server, int priority)
{
	unsigned long flags;
	int status, i;

	i = atomic_inc_return(&inside);
	if (i > racer->most)
		racer->most = i;
	if (unlocked) {
		local_irq_save(flags);
		call_unlocked(racer->args, token, nargs, nret, irq, server, priority);
		status = be32_to_cpu(racer->args->args[nargs]);
		for (i = 1; outputs && i < nret; i++)
			outputs[i - 1] = be32_to_cpu(racer->args->args[nargs + i]);
		local_irq_restore(flags);
	} else {
		status = rtas_call(token, nargs, nret, outputs, irq, server, priority);
	}
	atomic_dec(&inside);
	racer->calls++;
	racer->failed += status != 0;
	return status;
}

static int race(void *data)
{
	struct racer *racer = data;
	int xive[2];	/* server, priority */

	while (!kthread_should_stop()) {
		if (!call(racer, get_xive, 1, 3, xive, 0, 0))
			call(racer, set_xive, 3, 1, NULL, xive[0], xive[1]);
		call(racer, int_off, 1, 1, NULL, 0, 0);
		call(racer, int_on, 1, 1, NULL, 0, 0);
		cond_resched();
	}
	return 0;
}

/* int rtas_call(int token, ...) */
static int at_call(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	return (int)regs->gpr[3] != configure;
}

/* ibm,configure-connector: 0 to 5 tell what comes next, others that something is wrong, or -2 and 990x that it takes longer (PAPR 13.5.3.5). */
static int at_answer(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	int status = (int)regs->gpr[3];

	atomic_inc(&configured);
	if ((status < 0 && status != RTAS_BUSY) || (status > 5 && (status < 9900 || status > 9905)))
		atomic_inc(&misconfigured);
	return 0;
}

static int at_panic(struct kprobe *point, struct pt_regs *regs)
{
	static atomic_t said = ATOMIC_INIT(0);
	int i;

	if (atomic_xchg(&said, 1))
		return 0;
	for (i = 0; i < cpus_given; i++)
		pr_info("CPU %d: %lu calls, %lu failed, at most %d at once\n", cpus[i], racers[i].calls, racers[i].failed,
			racers[i].most);
	pr_info("%d calls of ibm,configure-connector, %d failed\n", atomic_read(&configured), atomic_read(&misconfigured));
	return 0;
}

static struct kprobe panic_point = { .symbol_name = "panic", .pre_handler = at_panic };
static struct kretprobe configure_point = {
	.kp.symbol_name = "rtas_call", .entry_handler = at_call, .handler = at_answer, .maxactive = 64,
};

static int start(int number)
{
	struct racer *racer = &racers[number];
	struct task_struct *task;
	int cpu = cpus[number];

	if (cpu < 0 || cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -EINVAL;
	racer->args = (void *)__get_free_page(GFP_KERNEL | GFP_DMA | __GFP_ZERO);
	if (!racer->args || __pa(racer->args) + sizeof(*racer->args) > rtas_address_limit())
		return -ENOMEM;
	task = kthread_create_on_cpu(race, racer, cpu, "rtas_race/%u");
	if (IS_ERR(task))
		return PTR_ERR(task);
	wake_up_process(task);
	return 0;
}

static int __init rtas_race_init(void)
{
	int error, i;

	get_xive = rtas_token("ibm,get-xive");
	set_xive = rtas_token("ibm,set-xive");
	int_off = rtas_token("ibm,int-off");
	int_on = rtas_token("ibm,int-on");
	configure = rtas_token("ibm,configure-connector");
	call_unlocked = find_function("rtas_call_unlocked");
	if (!cpus_given || !call_unlocked || get_xive < 0 || set_xive < 0 || int_off < 0 || int_on < 0 || configure < 0) {
		pr_err("needs cpus=, and firmware with ibm,get-xive and the like\n");
		return -ENODEV;
	}
	error = keep_r13();
	if (!error)
		error = register_kretprobe(&configure_point);
	if (!error)
		error = register_kprobe(&panic_point);
	for (i = 0; !error && i < cpus_given; i++)
		error = start(i);
	if (error)
		pr_err("cannot be set up: error %d\n", error);
	return error;
}
module_init(rtas_race_init);

/* No exit: who loads it wants the crash. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("CPUs make reentrant RTAS calls against each other");
