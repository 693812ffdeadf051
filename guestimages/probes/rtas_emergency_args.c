// SPDX-License-Identifier: GPL-2.0
/*
 * rtas_emergency_args: RTAS calls of the crashing CPU have their own argument buffer and wait for no lock.
 *
 * This is what "emergency" arguments for the panic path would do: a CPU that is stuck in RTAS at panic time keeps the lock
 * and its rtas_args, and the crashing CPU calls RTAS nevertheless. Firmware that cannot take two calls at once may not like
 * it; the alternative is a crash kernel that never starts.
 *
 * How: default_machine_crash_shutdown() (arch/powerpc/kexec/crash.c) begins the crash, and panic() what follows without a
 * crash kernel; the CPU that gets to one of them first is the crashing one. On it a breakpoint in rtas_call(), in front of
 * the lock, makes the call here, by rtas_call_unlocked(), and lets the function return.
 *
 * The buffer is a page of its own: RTAS wants its arguments 8 byte aligned, contiguous, big-endian, and below both the real
 * mode area and 1 GiB, because it runs with 32 bit addresses (PAPR 7.2.7; arch/powerpc/kernel/rtas.c, rtas_initialize(): RTAS_INSTANTIATE_MAX).
 * Loading asserts that, and says "rtas_emergency_args: buffer 0xADDRESS, N bytes, limit 0xLIMIT". Each call of the crashing CPU
 * says "rtas_emergency_args: call N on CPU C: token T (NAME) args 0xA,0xB.. status S", as the buffer has it then.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/smp.h>
#ifndef CONFIG_PPC_PSERIES
#error "needs CONFIG_PPC_PSERIES"
#endif
#include <asm/rtas.h>

/* arch/powerpc/kernel/rtas.c has it for itself. */
#define RTAS_LIMIT 0x40000000ULL
/* More arguments have to be fetched from the caller's stack, and no call of a crash has as many. */
#define MAX_ARGUMENTS 4

static struct rtas_args *buffer;
static int crashing_cpu = -1;
static typeof(rtas_call_unlocked) *call_unlocked;

static int at_crash(struct kprobe *point, struct pt_regs *regs)
{
	cmpxchg(&crashing_cpu, -1, raw_smp_processor_id());
	return 0;
}

/* As the device tree has it: a property of /rtas by that name holds the token (PAPR 7.2.6.1). */
static const char *name_of(int token)
{
	struct device_node *rtas_node = of_find_node_by_path("/rtas");
	struct property *property;

	if (rtas_node)
		for_each_property_of_node(rtas_node, property)
			if (property->length == 4 && be32_to_cpup(property->value) == token)
				return property->name;
	return "?";
}

static void say(unsigned int number)
{
	char text[4 * MAX_ARGUMENTS * 3] = "-";
	int i, length = 0;

	for (i = 0; i < be32_to_cpu(buffer->nargs); i++)
		length += scnprintf(text + length, sizeof(text) - length, "%s0x%x", i ? "," : "",
				    be32_to_cpu(buffer->args[i]));
	pr_info("call %u on CPU %d: token %u (%s) args %s status %d\n", number, raw_smp_processor_id(),
		be32_to_cpu(buffer->token), name_of(be32_to_cpu(buffer->token)), text,
		(int)be32_to_cpu(buffer->args[be32_to_cpu(buffer->nargs)]));
}

/* int rtas_call(int token, int nargs, int nret, int *outputs, ...): the arguments are in r3 to r10 (ELFv2 ABI). */
static int at_rtas_call(struct kprobe *point, struct pt_regs *regs)
{
	static unsigned int calls;
	int token = regs->gpr[3], nargs = regs->gpr[4], nret = regs->gpr[5], i;
	int *outputs = (int *)regs->gpr[6];

	if (raw_smp_processor_id() != READ_ONCE(crashing_cpu) || token == RTAS_UNKNOWN_SERVICE)
		return 0;
	if (nargs < 0 || nargs > MAX_ARGUMENTS || nret < 1 || nargs + nret > ARRAY_SIZE(buffer->args)) {
		pr_err("token %d with %d arguments goes the usual way\n", token, nargs);
		return 0;
	}
	call_unlocked(buffer, token, nargs, nret, (int)regs->gpr[7], (int)regs->gpr[8], (int)regs->gpr[9], (int)regs->gpr[10]);
	say(++calls);
	if (outputs)
		for (i = 1; i < nret; i++)
			outputs[i - 1] = be32_to_cpu(buffer->args[nargs + i]);
	regs->gpr[3] = (long)(int)be32_to_cpu(buffer->args[nargs]);
	regs->nip = regs->link;
	return 1;
}

/* With a post-handler kprobes does not turn the point into a jump, which would not let at_rtas_call() return. */
static void after_rtas_call(struct kprobe *point, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe crash_point = { .symbol_name = "default_machine_crash_shutdown", .pre_handler = at_crash };
static struct kprobe panic_point = { .symbol_name = "panic", .pre_handler = at_crash };
static struct kprobe call_point;

/*
 * A function's entry is a call site of ftrace, which the crash path may switch off; the instruction behind it comes still before
 * the function has a stack frame, and with LR as the caller left it.
 */
static int catch_rtas_calls(void)
{
	kprobe_opcode_t *behind_ftrace;
	int error;

	call_point = (struct kprobe){ .symbol_name = "rtas_call", .pre_handler = at_rtas_call, .post_handler = after_rtas_call };
	error = register_kprobe(&call_point);
	if (error || !kprobe_ftrace(&call_point))
		return error;
	behind_ftrace = call_point.addr + 1;
	unregister_kprobe(&call_point);
	call_point = (struct kprobe){ .addr = behind_ftrace, .pre_handler = at_rtas_call, .post_handler = after_rtas_call };
	return register_kprobe(&call_point);
}

/* rtas_call_unlocked() is not exported. kprobes finds its local entry, in front of which the global one sets r2 from r12. */
static int find_unlocked_call(void)
{
	struct kprobe point = { .symbol_name = "rtas_call_unlocked" };
	u32 *code;
	int error = register_kprobe(&point);

	if (error)
		return error;
	code = (u32 *)point.addr;
	unregister_kprobe(&point);
	for (error = 0; error <= 3; error++, code--) {
		/* addis r2,r12,X; addi r2,r2,Y */
		if ((code[0] & 0xffff0000) == 0x3c4c0000 && (code[1] & 0xffff0000) == 0x38420000) {
			call_unlocked = (void *)code;
			return 0;
		}
	}
	return -ENOEXEC;
}

/* The real mode area is the first block of memory (arch/powerpc/kernel/prom.c, early_init_dt_scan_memory_ppc()). */
static u64 limit(void)
{
	struct device_node *memory = of_find_node_by_path("/memory@0");
	u64 reg[2] = {};

	if (memory)
		of_property_read_u64_array(memory, "reg", reg, 2);
	of_node_put(memory);
	return min(reg[1], RTAS_LIMIT);
}

static int make_buffer(void)
{
	unsigned long page = __get_free_page(GFP_KERNEL | GFP_DMA | __GFP_ZERO);
	u64 address = page ? __pa(page) : U64_MAX;

	if (!page)
		return -ENOMEM;
	if (!virt_addr_valid((void *)page) || address % 8 || address + sizeof(*buffer) > limit()) {
		pr_err("buffer 0x%llx is not 8 byte aligned below 0x%llx\n", address, limit());
		free_page(page);
		return -ERANGE;
	}
	buffer = (struct rtas_args *)page;
	pr_info("buffer 0x%llx, %zu bytes, limit 0x%llx\n", address, sizeof(*buffer), limit());
	return 0;
}

static int __init rtas_emergency_args_init(void)
{
	int error = find_unlocked_call();

	if (!error)
		error = make_buffer();
	if (!error)
		error = catch_rtas_calls();
	if (!error)
		error = register_kprobe(&crash_point);
	if (!error)
		error = register_kprobe(&panic_point);
	if (error)
		pr_err("cannot be set up: error %d\n", error);
	return error;
}
module_init(rtas_emergency_args_init);

/* No exit: a crash may be under way. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Gives the crashing CPU's RTAS calls a buffer of their own");
