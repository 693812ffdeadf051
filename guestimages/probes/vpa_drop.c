// SPDX-License-Identifier: GPL-2.0
/*
 * vpa_drop: makes the crash path of a pseries guest take back VPAs that it would leave registered.
 *
 *   cpu=C     that CPU's only; all present CPUs' unless told
 *
 * How: crash_shutdown_register() (arch/powerpc/kexec/crash.c): the handler runs on the CPU that crashed, when the others
 * are stopped, and deregisters SLB shadow and VPA of each (H_REGISTER_VPA; the hypervisor takes it from any CPU).
 *
 * What should be seen: "vpa_drop: armed", and after a crash no VPA of the first kernel, or none of that CPU, among those
 * that the hypervisor holds. In the dump's log "vpa_drop: CPU C: 0" for each, 0 being H_SUCCESS.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/module.h>

#ifndef CONFIG_PPC_PSERIES
#error "needs CONFIG_PPC_PSERIES"
#endif

#include <asm/kexec.h>
#include <asm/paca.h>
#include <asm/plpar_wrappers.h>
#include <asm/smp.h>

static int cpu = -1;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "of this CPU only");

static void drop(void)
{
	int one;

	for_each_present_cpu(one) {
		if (cpu >= 0 && one != cpu)
			continue;
		unregister_slb_shadow(get_hard_smp_processor_id(one));
		pr_info("CPU %d: %ld\n", one, unregister_vpa(get_hard_smp_processor_id(one)));
	}
}

static int __init vpa_drop_init(void)
{
	int error;

	if (cpu < -1 || cpu >= (int)nr_cpu_ids || (cpu >= 0 && !cpu_present(cpu))) {
		pr_err("there is no CPU %d\n", cpu);
		return -EINVAL;
	}
	error = crash_shutdown_register(drop);
	if (!error)
		pr_info("armed\n");
	return error;
}
module_init(vpa_drop_init);

/* No exit: who wants VPAs dropped wants the crash. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Makes the crash path deregister VPAs");
