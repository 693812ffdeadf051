// SPDX-License-Identifier: GPL-2.0
/*
 * crash_point: crashes this kernel when it gets to a chosen place, in the context in which it gets there.
 *
 * Loading the module arms one point and returns; the kernel dies later, when something reaches it.
 *
 *   symbol=NAME            at the entry of the kernel function NAME ("MODULE:NAME" for a module's own); cpu=C counts
 *   at=return              only what runs on CPU C. With at=return (arm64) when it returns, right behind the call: a
 *                          call that another function ends with (a tail call) returns to where that one does
 *   cpuhp_state=N          before the callback of that CPU hotplug state is called, for a CPU that goes up
 *   direction=startup      (startup) or down (teardown); cpu=C counts only CPU C going up or down. States and their
 *   direction=teardown     numbers: /sys/devices/system/cpu/hotplug/states
 *   hit=N                  at the N-th time, counted from when the module is loaded; 1 unless told
 *
 * How: a kprobe. Its handler does not panic, because that would show the kernel inside a breakpoint exception, with that
 * exception's registers, masks and stack. It makes the interrupted code go on in crash_here() instead, as fault injection
 * does (lib/error-inject.c, override_function_with_return() of each architecture): the crash is then a call of crash_here()
 * in place of the function, by the caller of that function, on its stack and with its interrupt state.
 *
 * at=return: at the entry the handler makes crash_here() the address that the function returns to.
 *
 * A hotplug callback is caught at the entry of cpuhp_invoke_callback() (kernel/cpu.c), which both directions and all
 * sections go through. The tracepoints in it are no use where it matters most: a tracepoint does nothing on a CPU that is
 * not online (include/linux/tracepoint.h), and STARTING and DYING callbacks run on one that is not yet, or no longer. From
 * Linux 5.13 on the function is called only for states that have a callback. Calls for a single instance (nodes that drivers
 * add or remove) are no hotplug and do not count.
 *
 * What should be seen: "crash_point: armed at ...", and when it is reached a panic that says "crash_point: NAME hit N on
 * CPU C" or "crash_point: cpuhp state N startup of CPU C hit N on CPU C". What a CPU says that is not online is not written
 * to a console without CON_ANYTIME, as pseries' hvc is (kernel/printk/printk.c): then only the dump's log has it.
 *
 * Of several functions of one name the first in /proc/kallsyms is taken (arm64 has gic_starting_cpu of GICv2 and of GICv3).
 *
 * A point that cannot be armed makes loading fail: with ENOENT when the kernel has no such function, and with EINVAL when
 * it does not let itself be probed there (kprobes' blacklist) or when a parameter is wrong.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/smp.h>
#include <linux/string.h>

#ifndef CONFIG_KPROBES
#error "needs CONFIG_KPROBES"
#endif

static char *symbol = "";
module_param(symbol, charp, 0444);
MODULE_PARM_DESC(symbol, "function to crash at");

static char *at = "entry";
module_param(at, charp, 0444);
MODULE_PARM_DESC(at, "entry or return of symbol=");

static int cpuhp_state = -1;
module_param(cpuhp_state, int, 0444);
MODULE_PARM_DESC(cpuhp_state, "CPU hotplug state to crash in, instead of symbol=");

static char *direction = "";
module_param(direction, charp, 0444);
MODULE_PARM_DESC(direction, "startup or teardown: which callback of cpuhp_state=");

static unsigned long hit = 1;
module_param(hit, ulong, 0444);
MODULE_PARM_DESC(hit, "crash at this hit, from 1");

static int cpu = -1;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "count only on this CPU (symbol=), or for it (cpuhp_state=)");

static bool is_startup;
static bool at_return;
static unsigned int changing_cpu;
static atomic_long_t hits = ATOMIC_LONG_INIT(0);

static void crash_here(void)
{
	int here = raw_smp_processor_id();

	if (cpuhp_state < 0)
		panic("crash_point: %s%s hit %lu on CPU %d", at_return ? "return of " : "", symbol, hit, here);
	panic("crash_point: cpuhp state %d %s of CPU %u hit %lu on CPU %d", cpuhp_state, direction, changing_cpu, hit, here);
}

/* Not regs_get_kernel_argument() on powerpc, which has it only from 6.7 on. */
static unsigned long argument(struct pt_regs *regs, unsigned int number)
{
#ifdef CONFIG_PPC64
	return regs->gpr[3 + number];
#else
	return regs_get_kernel_argument(regs, number);
#endif
}

/* cpuhp_invoke_callback(unsigned int cpu, enum cpuhp_state state, bool bringup, struct hlist_node *node, ...) */
static bool is_our_state(struct pt_regs *regs)
{
	unsigned int of_cpu = argument(regs, 0);
	int state = argument(regs, 1);
	bool bringup = (u8)argument(regs, 2);
	bool single_instance = argument(regs, 3);

	if (state != cpuhp_state || bringup != is_startup || single_instance || (cpu >= 0 && of_cpu != cpu))
		return false;
	changing_cpu = of_cpu;
	return true;
}

static bool is_counted(struct pt_regs *regs)
{
	return cpuhp_state < 0 ? cpu < 0 || cpu == raw_smp_processor_id() : is_our_state(regs);
}

static int at_point(struct kprobe *point, struct pt_regs *regs)
{
	if (!is_counted(regs) || atomic_long_inc_return(&hits) != hit)
		return 0;
#ifdef CONFIG_ARM64
	if (at_return) {
		procedure_link_pointer_set(regs, (unsigned long)crash_here);
		return 0;
	}
#endif
	instruction_pointer_set(regs, (unsigned long)crash_here);
#ifdef CONFIG_PPC64
	/* ELFv2: at its global entry a function computes its TOC pointer from r12. */
	regs->gpr[12] = (unsigned long)crash_here;
#endif
	return 1;
}

/* With a post-handler kprobes does not turn the point into a jump, which would not let at_point() go elsewhere. */
static void after_point(struct kprobe *point, struct pt_regs *regs, unsigned long flags)
{
}

static int arm(const char *name)
{
	static struct kprobe point;
	kprobe_opcode_t *behind_ftrace = NULL;
	int error;

	point = (struct kprobe){ .symbol_name = name, .pre_handler = at_point, .post_handler = after_point };
	error = register_kprobe(&point);
	/*
	 * On powerpc a function's entry is a call site of ftrace, which is off on a CPU that comes up, until long after
	 * its STARTING callbacks (arch/powerpc/kernel/smp.c start_secondary()). A breakpoint on the next instruction,
	 * still before the function has a stack frame, works there too.
	 */
	if (!error && kprobe_ftrace(&point)) {
		behind_ftrace = point.addr + 1;
		unregister_kprobe(&point);
		point = (struct kprobe){ .addr = behind_ftrace, .pre_handler = at_point, .post_handler = after_point };
		error = register_kprobe(&point);
	}
	if (!error)
		return 0;
	if (error == -ENOENT)
		pr_err("this kernel has no function %s\n", name);
	else
		pr_err("this kernel does not let %s be probed (error %d)\n", name, error);
	return error == -ENOENT ? -ENOENT : -EINVAL;
}

static bool parameters_are_fine(void)
{
	is_startup = !strcmp(direction, "startup");
	at_return = !strcmp(at, "return");
	if (!*symbol == (cpuhp_state < 0))
		pr_err("needs symbol= or cpuhp_state=, and not both\n");
	else if (!at_return && strcmp(at, "entry"))
		pr_err("at=%s is neither entry nor return\n", at);
	else if (at_return && (!*symbol || !IS_ENABLED(CONFIG_ARM64)))
		pr_err("at=return is for symbol= on arm64 only\n");
	else if (*symbol && *direction)
		pr_err("direction= is for cpuhp_state= only\n");
	else if (!*symbol && !is_startup && strcmp(direction, "teardown"))
		pr_err("direction=%s is neither startup nor teardown\n", direction);
	else if (!*symbol && (cpuhp_state <= CPUHP_OFFLINE || cpuhp_state >= CPUHP_ONLINE))
		pr_err("cpuhp_state=%d is not between %d and %d\n", cpuhp_state, CPUHP_OFFLINE, CPUHP_ONLINE);
	else if (cpu < -1 || cpu >= (int)nr_cpu_ids || (cpu >= 0 && !cpu_possible(cpu)))
		pr_err("there is no CPU %d\n", cpu);
	else if (hit < 1)
		pr_err("hit=0: the first one is 1\n");
	else
		return true;
	return false;
}

static int __init crash_point_init(void)
{
	int error;

	if (!parameters_are_fine())
		return -EINVAL;
	error = arm(*symbol ? symbol : "cpuhp_invoke_callback");
	if (error)
		return error;
	if (*symbol)
		pr_info("armed at %s%s hit %lu\n", at_return ? "return of " : "", symbol, hit);
	else
		pr_info("armed at cpuhp state %d %s hit %lu\n", cpuhp_state, direction, hit);
	return 0;
}
module_init(crash_point_init);

/* No exit: who armed a point wants the crash. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Crashes the kernel at a chosen function or CPU hotplug state");
