// SPDX-License-Identifier: GPL-2.0
/*
 * rtas_hold: something is wrong with RTAS when this kernel panics.
 *
 * pseries calls its firmware through RTAS, one CPU at a time: a raw spinlock, taken with interrupts off, is held from before
 * the call until its results are read (arch/powerpc/kernel/rtas.c, rtas_call()). A crash stops all other CPUs wherever they
 * are, so that one of them may hold that lock for ever. state= says what is wrong:
 *
 *   held   CPU cpu= is in RTAS. The first call of panic() makes that CPU, by an IPI, call ibm,get-system-parameter, and waits
 *          until it is at the point of entering RTAS, the lock held and interrupts off; there it stays. Not taken earlier,
 *          because other CPUs would queue up for the lock. Should be seen: "rtas_hold: CPU N is in RTAS, token T (NAME), arguments at 0xADDRESS",
 *          which is a physical address.
 *   panic  the CPU that loads this module panics at that point, with the lock held: "rtas_hold: panic in RTAS".
 *   meet   the CPU that loads this module waits until another one is at the point of entering RTAS for the call function=, where
 *          that one stays as above, and panics then: "rtas_hold: panic while CPU N is in RTAS". Somebody has to make such calls.
 *   busy   from the first call of panic() on, the next `times` RTAS calls (all, when 0) are answered with status=, which is
 *          -2 (busy) or 9900 to 9905 (extended delay). They are made nevertheless: only their answer is changed. Should be seen:
 *          "rtas_hold: status S from now on". With early=1 that is so from the loading on, and of function= every
 *          spare=th call is answered as firmware did; the panic says "rtas_hold: answered N of M calls with S".
 *   log    nothing is wrong: what calls there are is said only.
 *
 * With busy and log each of the first 100 calls of rtas_call() from the panic on is said, in the dump's log at least:
 * "rtas_hold: call N on CPU C: token T (NAME) args 0xA,0xB.. status S".
 *
 * How: a kprobe on panic(); a probe of the tracepoint rtas_ll_entry, which is called between filling rtas_args and entering
 * RTAS. Before Linux 6.3 there is no such tracepoint, but the lock is exported: it is taken and rtas.args is filled here, as
 * rtas_call() does, for state=meet when a kprobe sees somebody call that. busy and log: a kretprobe on rtas_call().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "include/keep_r13.h"
#include "include/rtas.h"

#include <asm/rtas.h>

/* The handles of functions came together with the tracepoints, in 6.3, and unlike these can be asked for here. */
#ifdef RTAS_FN_IBM_GET_SYSTEM_PARAMETER
#define HAS_TRACEPOINTS 1
#else
#define HAS_TRACEPOINTS 0
#endif

static char *state = "";
module_param(state, charp, 0444);
MODULE_PARM_DESC(state, "held, panic, meet, busy or log");

static int cpu = -1;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "state=held: the CPU that is in RTAS");

static int status = RTAS_BUSY;
module_param(status, int, 0444);
MODULE_PARM_DESC(status, "state=busy: what RTAS answers, -2 or 9900 to 9905");

static unsigned int times;
module_param(times, uint, 0444);
MODULE_PARM_DESC(times, "state=busy: how often; 0: for ever");

static char *function = "ibm,get-system-parameter";
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "the call that state=meet waits for and that state=busy early=1 answers");

static bool early;
module_param(early, bool, 0444);
MODULE_PARM_DESC(early, "state=busy: from the loading on");

static unsigned int spare = 3;
module_param(spare, uint, 0444);
MODULE_PARM_DESC(spare, "early=1: every spare-th call is answered as firmware did");

/* ibm,get-system-parameter(parameter, buffer, length): 20 is "SPLPAR characteristics" (PAPR 7.3.16). */
#define PARAMETER 20
#define BUFFER 0x1000
#define LENGTH 0xfe0

static bool panics;		/* state=panic, against held */
static int caller = -1;		/* the CPU whose call does not go on */
static int awaited = -1;	/* state=meet: the token of a call that does not go on */
static int token;
static atomic_t panicking = ATOMIC_INIT(0);
static atomic_t inside = ATOMIC_INIT(0);
static atomic_t early_calls = ATOMIC_INIT(0), early_answers = ATOMIC_INIT(0);

static void stay(struct rtas_args *args)
{
	int token = be32_to_cpu(args->token);

	pr_info("CPU %d is in RTAS, token %d (%s), arguments at 0x%lx\n", raw_smp_processor_id(), token, rtas_name_of(token),
		__pa(args));
	atomic_set(&inside, 1);
	if (panics) {
		WRITE_ONCE(caller, -1);	/* the crash makes calls of its own */
		panic("rtas_hold: panic in RTAS");
	}
	while (true)
		cpu_relax();
}

#if HAS_TRACEPOINTS
static void at_entry(void *unused, struct rtas_args *args)
{
	int wanted = READ_ONCE(awaited);

	if (raw_smp_processor_id() == READ_ONCE(caller))
		stay(args);
	if (wanted >= 0 && be32_to_cpu(args->token) == wanted && raw_smp_processor_id() != cpu &&
	    cmpxchg(&awaited, wanted, -1) == wanted)
		stay(args);
}

static void find_entry(struct tracepoint *point, void *found)
{
	if (!strcmp(point->name, "rtas_ll_entry"))
		*(struct tracepoint **)found = point;
}

static int prepare_entry(void)
{
	struct tracepoint *entry = NULL;

	for_each_kernel_tracepoint(find_entry, &entry);
	if (!entry)
		return -ENOENT;
	return tracepoint_probe_register(entry, at_entry, NULL);
}

static void enter(int token)
{
	rtas_call(token, 3, 1, NULL, PARAMETER, BUFFER, LENGTH);
}
#else
static void enter_as(int token, int nargs, int nret, const unsigned long *args)
{
	unsigned long flags;
	int i;

	local_irq_save(flags);
	arch_spin_lock(&rtas.lock);
	rtas.args = (struct rtas_args){
		.token = cpu_to_be32(token), .nargs = cpu_to_be32(nargs), .nret = cpu_to_be32(nret),
	};
	for (i = 0; i < nargs; i++)
		rtas.args.args[i] = cpu_to_be32(args[i]);
	rtas.args.rets = &rtas.args.args[nargs];
	stay(&rtas.args);
}

static void enter(int token)
{
	const unsigned long args[] = { PARAMETER, BUFFER, LENGTH };

	enter_as(token, ARRAY_SIZE(args), 1, args);
}

/* int rtas_call(int token, int nargs, int nret, int *outputs, ...): what RTAS is given is in r7 to r10 (ELFv2 ABI). */
static int at_rtas_call(struct kprobe *point, struct pt_regs *regs)
{
	int wanted = READ_ONCE(awaited);

	if (wanted >= 0 && (int)regs->gpr[3] == wanted && raw_smp_processor_id() != cpu &&
	    cmpxchg(&awaited, wanted, -1) == wanted)
		enter_as(wanted, clamp_t(int, regs->gpr[4], 0, 4), regs->gpr[5], &regs->gpr[7]);
	return 0;
}

static struct kprobe call_point = { .symbol_name = "rtas_call", .pre_handler = at_rtas_call };

static int prepare_entry(void)
{
	return strcmp(state, "meet") ? 0 : register_kprobe(&call_point);
}
#endif

static void enter_on_cpu(void *unused)
{
	WRITE_ONCE(caller, raw_smp_processor_id());
	enter(token);
}

static call_single_data_t call = CSD_INIT(enter_on_cpu, NULL);

/* Before panic() does anything. The CPU that is asked for may have interrupts off for a while, but not for ever. */
static int at_panic(struct kprobe *point, struct pt_regs *regs)
{
	int ms;

	if (atomic_xchg(&panicking, 1))
		return 0;
	if (early)
		pr_info("answered %d of %d calls with %d\n", atomic_read(&early_answers), atomic_read(&early_calls), status);
	else if (!strcmp(state, "busy"))
		pr_info("status %d from now on\n", status);
	if (strcmp(state, "held"))
		return 0;
	if (raw_smp_processor_id() == cpu) {
		pr_err("CPU %d itself panics: nobody is in RTAS\n", cpu);
		return 0;
	}
	smp_call_function_single_async(cpu, &call);
	for (ms = 0; ms < 10000 && !atomic_read(&inside); ms++)
		mdelay(1);
	if (!atomic_read(&inside))
		pr_err("CPU %d did not get into RTAS\n", cpu);
	return 0;
}

static struct kprobe panic_point = { .symbol_name = "panic", .pre_handler = at_panic };

/* What rtas_call() was asked for: the arguments are in r3 to r10 (ELFv2 ABI), further ones on the stack. */
struct request {
	int token, nargs;
	u32 args[4];
};

static int at_call(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct request *request = (struct request *)instance->data;
	int i;

	request->token = regs->gpr[3];
	request->nargs = clamp_t(int, regs->gpr[4], 0, ARRAY_SIZE(request->args));
	for (i = 0; i < request->nargs; i++)
		request->args[i] = regs->gpr[7 + i];
	return 0;
}

static void say(unsigned int number, const struct request *request, int answer)
{
	char text[12 * ARRAY_SIZE(request->args)] = "-";
	int i, length = 0;

	for (i = 0; i < request->nargs; i++)
		length += scnprintf(text + length, sizeof(text) - length, "%s0x%x", i ? "," : "", request->args[i]);
	pr_info("call %u on CPU %d: token %d (%s) args %s status %d\n", number, raw_smp_processor_id(), request->token,
		rtas_name_of(request->token), text, answer);
}

static int at_answer(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	static atomic_t calls = ATOMIC_INIT(0);
	const struct request *request = (struct request *)instance->data;
	unsigned int number;

	if (early) {
		if (request->token == token && atomic_inc_return(&early_calls) % spare) {
			atomic_inc(&early_answers);
			regs->gpr[3] = status;
		}
		return 0;
	}
	if (!atomic_read(&panicking))
		return 0;
	number = atomic_inc_return(&calls);
	if (!strcmp(state, "busy") && (!times || number <= times))
		regs->gpr[3] = status;
	/* A caller that does not give up would fill the log. */
	if (number <= 100)
		say(number, request, regs->gpr[3]);
	return 0;
}

static struct kretprobe answer_point = {
	.kp.symbol_name = "rtas_call", .entry_handler = at_call, .handler = at_answer, .data_size = sizeof(struct request),
	.maxactive = 64,
};

static int prepare_held(void)
{
	int error;

	if (cpu < 0 || cpu >= nr_cpu_ids || !cpu_online(cpu)) {
		pr_err("CPU %d is not online\n", cpu);
		return -EINVAL;
	}
	error = prepare_entry();
	return error ? error : register_kprobe(&panic_point);
}

static int panic_inside(void)
{
	int error = prepare_entry();

	if (error)
		return error;
	panics = true;
	preempt_disable();
	enter_on_cpu(NULL);
	preempt_enable();
	return -EIO;
}

/* Whoever makes the call meanwhile may need this CPU, which therefore sleeps between looks. */
static int panic_with_another_inside(void)
{
	int error = prepare_entry(), ms;

	if (error)
		return error;
	cpu = raw_smp_processor_id();
	WRITE_ONCE(awaited, token);
	for (ms = 0; ms < 20000 && !atomic_read(&inside); ms++)
		usleep_range(500, 1000);
	if (!atomic_read(&inside)) {
		WRITE_ONCE(awaited, -1);
		pr_err("nobody called %s\n", function);
		return -ETIMEDOUT;
	}
	panic("rtas_hold: panic while a CPU is in RTAS");
}

static int prepare_answers(void)
{
	int error;

	if (status != RTAS_BUSY && (status < 9900 || status > 9905)) {
		pr_err("status=%d is not busy\n", status);
		return -EINVAL;
	}
	if (early && spare < 1)
		return -EINVAL;
	if (early)
		pr_info("status %d from now on, of %s but every call number %u\n", status, function, spare);
	error = register_kretprobe(&answer_point);
	return error ? error : register_kprobe(&panic_point);
}

static int __init rtas_hold_init(void)
{
	int error = keep_r13();

	token = rtas_token(function);
	if (error)
		return error;
	error = -EINVAL;
	if (token == RTAS_UNKNOWN_SERVICE)
		error = -ENODEV;
	else if (!strcmp(state, "held"))
		error = prepare_held();
	else if (!strcmp(state, "panic"))
		error = panic_inside();
	else if (!strcmp(state, "meet"))
		error = panic_with_another_inside();
	else if (!strcmp(state, "busy") || !strcmp(state, "log"))
		error = prepare_answers();
	if (error)
		pr_err("state=%s cannot be reached: error %d\n", state, error);
	return error;
}
module_init(rtas_hold_init);

/* No exit: who loads it wants the crash. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A CPU is in RTAS, or RTAS is busy, when the kernel panics");
