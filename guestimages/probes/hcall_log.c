// SPDX-License-Identifier: GPL-2.0
/*
 * hcall_log: counts the hypervisor calls that a crash makes.
 *
 * From the first call of panic() on each hypervisor call is counted by its opcode, apart for the CPU that panics and for the
 * others. When the other CPUs are stopped and interrupts are masked, what was counted is said, in the dump's log at least:
 *
 *   "hcall_log: crashing CPU: 0x3d0 (H_INT_RESET) 1 times, first args 0x0,0x0 status 0 on CPU 0"
 *   "hcall_log: other CPUs: 0xdc (H_REGISTER_VPA) 3 times, first args 0xa00000000000,0x1 status 0 on CPU 2"
 *
 * and at last "hcall_log: N opcodes". The number of calls of the console depends on what it has to print.
 *
 * How: a kprobe on panic(), a kretprobe on default_machine_crash_shutdown() (arch/powerpc/kexec/crash.c), behind which the crash
 * kernel is started, and probes of the tracepoints hcall_entry and
 * hcall_exit (arch/powerpc/platforms/pseries/lpar.c), which every call through the traced variants of plpar_hcall() passes. Calls
 * that assembler code makes by itself, and plpar_hcall_raw(), are not seen.
 *
 * On its way to the crash kernel the CPU goes on in real mode, without per-CPU variables (arch/powerpc/kexec/core_64.c,
 * default_machine_kexec()), and still makes a traced call (mmu_cleanup_all()): no module can be reached there. So before that the
 * tracepoints are made to forget whom they call.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/version.h>

#ifndef CONFIG_PPC_PSERIES
#error "needs CONFIG_PPC_PSERIES"
#endif

#include <asm/hvcall.h>

/* Opcodes are multiples of 4 up to MAX_HCALL_OPCODE; those of QEMU and KVM from 0xf000 on share the last place. */
#define PLACES (MAX_HCALL_OPCODE / 4 + 2)

struct calls {
	atomic_t count;
	unsigned long opcode, args[2];
	long status;
	int cpu;
};
static struct calls counted[2][PLACES];	/* of the CPU that panics, of the others */
static atomic_t crashing_cpu = ATOMIC_INIT(-1);

static const struct {
	unsigned long opcode;
	const char *name;
} names[] = {
#define NAME(opcode) { opcode, #opcode }
	NAME(H_REMOVE), NAME(H_ENTER), NAME(H_READ), NAME(H_PROTECT), NAME(H_BULK_REMOVE), NAME(H_CLEAR_HPT),
	NAME(H_GET_TCE), NAME(H_PUT_TCE), NAME(H_PUT_TCE_INDIRECT), NAME(H_STUFF_TCE),
	NAME(H_GET_TERM_CHAR), NAME(H_PUT_TERM_CHAR), NAME(H_EOI), NAME(H_CPPR), NAME(H_IPI), NAME(H_IPOLL), NAME(H_XIRR),
	NAME(H_XIRR_X), NAME(H_REGISTER_VPA), NAME(H_CEDE), NAME(H_CONFER), NAME(H_PROD), NAME(H_SIGNAL_SYS_RESET),
	NAME(H_SET_MODE), NAME(H_REGISTER_PROC_TBL), NAME(H_RPT_INVALIDATE), NAME(H_LOGICAL_CI_LOAD),
	NAME(H_LOGICAL_CI_STORE), NAME(H_SET_DABR), NAME(H_SET_XDABR), NAME(H_PERFMON), NAME(H_RANDOM),
	NAME(H_INT_GET_SOURCE_INFO), NAME(H_INT_SET_SOURCE_CONFIG), NAME(H_INT_GET_SOURCE_CONFIG),
	NAME(H_INT_GET_QUEUE_INFO), NAME(H_INT_SET_QUEUE_CONFIG), NAME(H_INT_GET_QUEUE_CONFIG),
	NAME(H_INT_SET_OS_REPORTING_LINE), NAME(H_INT_ESB), NAME(H_INT_SYNC), NAME(H_INT_RESET), NAME(H_VIO_SIGNAL),
#undef NAME
};

static const char *name_of(unsigned long opcode)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].opcode == opcode)
			return names[i].name;
	return "?";
}

static struct calls *place_of(unsigned long opcode)
{
	bool other = raw_smp_processor_id() != atomic_read(&crashing_cpu);

	return &counted[other][min(opcode / 4, PLACES - 1)];
}

static void at_entry(void *unused, unsigned long opcode, unsigned long *args)
{
	struct calls *calls;

	if (atomic_read(&crashing_cpu) < 0)
		return;
	calls = place_of(opcode);
	if (atomic_inc_return(&calls->count) != 1)
		return;
	calls->opcode = opcode;
	calls->args[0] = args[0];
	calls->args[1] = args[1];
	calls->cpu = raw_smp_processor_id();
}

static void at_exit(void *unused, unsigned long opcode, long status, unsigned long *results)
{
	struct calls *calls;

	if (atomic_read(&crashing_cpu) < 0)
		return;
	calls = place_of(opcode);
	if (atomic_read(&calls->count) == 1)
		calls->status = status;
}

static int at_panic(struct kprobe *point, struct pt_regs *regs)
{
	atomic_cmpxchg(&crashing_cpu, -1, raw_smp_processor_id());
	return 0;
}

static struct {
	struct tracepoint *entry, *exit;
} points;

/*
 * A tracepoint of Linux 7.2 counts who is in it in per-CPU variables before it looks whom to call (SRCU-fast,
 * include/linux/tracepoint.h), so that it has to be switched off altogether.
 */
static void forget(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	tracepoint_probe_unregister(points.entry, at_entry, NULL);
	tracepoint_probe_unregister(points.exit, at_exit, NULL);
#else
	WRITE_ONCE(points.entry->funcs, NULL);
	WRITE_ONCE(points.exit->funcs, NULL);
#endif
}

/* Printing calls the hypervisor, too: what is said is what was counted until here. */
static int at_end(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	static const char *const who[] = { "crashing CPU", "other CPUs" };
	int of, i, said = 0;

	atomic_set(&crashing_cpu, -1);
	for (of = 0; of < 2; of++) {
		for (i = 0; i < PLACES; i++) {
			const struct calls *calls = &counted[of][i];

			if (!atomic_read(&calls->count))
				continue;
			pr_info("%s: 0x%lx (%s) %d times, first args 0x%lx,0x%lx status %ld on CPU %d\n", who[of],
				calls->opcode, name_of(calls->opcode), atomic_read(&calls->count), calls->args[0],
				calls->args[1], calls->status, calls->cpu);
			said++;
		}
	}
	pr_info("%d opcodes\n", said);
	forget();
	return 0;
}

static struct kprobe panic_point = { .symbol_name = "panic", .pre_handler = at_panic };
static struct kretprobe end_point = { .kp.symbol_name = "default_machine_crash_shutdown", .handler = at_end };

static void find_points(struct tracepoint *point, void *unused)
{
	if (!strcmp(point->name, "hcall_entry"))
		points.entry = point;
	if (!strcmp(point->name, "hcall_exit"))
		points.exit = point;
}

static int __init hcall_log_init(void)
{
	int error = -ENOENT;

	for_each_kernel_tracepoint(find_points, NULL);
	if (points.entry && points.exit)
		error = tracepoint_probe_register(points.entry, at_entry, NULL);
	if (!error)
		error = tracepoint_probe_register(points.exit, at_exit, NULL);
	if (!error)
		error = register_kprobe(&panic_point);
	if (!error)
		error = register_kretprobe(&end_point);
	if (error)
		pr_err("cannot be set up: error %d\n", error);
	return error;
}
module_init(hcall_log_init);

/* No exit: who loads it wants the crash. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts the hypervisor calls that a crash makes");
