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
 * The buffer is a page of its own: RTAS wants its arguments 8 byte aligned, contiguous, big-endian, and where its addresses
 * reach (include/rtas.h).
 * Loading asserts that, and says "rtas_emergency_args: buffer 0xADDRESS, N bytes, limit 0xLIMIT". Each call of the crashing CPU
 * says "rtas_emergency_args: call N on CPU C: token T (NAME) args 0xA,0xB.. status S", as the buffer has it then.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/smp.h>

#include "include/function.h"
#include "include/rtas.h"

#include <asm/rtas.h>

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

static void say(unsigned int number)
{
	char text[4 * MAX_ARGUMENTS * 3] = "-";
	int i, length = 0;

	for (i = 0; i < be32_to_cpu(buffer->nargs); i++)
		length += scnprintf(text + length, sizeof(text) - length, "%s0x%x", i ? "," : "",
				    be32_to_cpu(buffer->args[i]));
	pr_info("call %u on CPU %d: token %u (%s) args %s status %d\n", number, raw_smp_processor_id(),
		be32_to_cpu(buffer->token), rtas_name_of(be32_to_cpu(buffer->token)), text,
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

static struct kprobe crash_point = { .symbol_name = "default_machine_crash_shutdown", .pre_handler = at_crash };
static struct kprobe panic_point = { .symbol_name = "panic", .pre_handler = at_crash };
static struct kprobe call_point;

static int make_buffer(void)
{
	unsigned long page = __get_free_page(GFP_KERNEL | GFP_DMA | __GFP_ZERO);
	u64 address = page ? __pa(page) : U64_MAX;

	if (!page)
		return -ENOMEM;
	if (!virt_addr_valid((void *)page) || address % 8 || address + sizeof(*buffer) > rtas_address_limit()) {
		pr_err("buffer 0x%llx is not 8 byte aligned below 0x%llx\n", address, rtas_address_limit());
		free_page(page);
		return -ERANGE;
	}
	buffer = (struct rtas_args *)page;
	pr_info("buffer 0x%llx, %zu bytes, limit 0x%llx\n", address, sizeof(*buffer), rtas_address_limit());
	return 0;
}

static int __init rtas_emergency_args_init(void)
{
	int error = -ENOEXEC;

	call_unlocked = find_function("rtas_call_unlocked");
	if (call_unlocked)
		error = make_buffer();
	if (!error)
		error = catch_function(&call_point, "rtas_call", at_rtas_call);
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
