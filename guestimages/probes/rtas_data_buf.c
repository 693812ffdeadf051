// SPDX-License-Identifier: GPL-2.0
/*
 * rtas_data_buf: tasks that share the one buffer for RTAS, as all its users did before there were work areas.
 *
 * Up to Linux 6.2 whoever gives RTAS a buffer gives it rtas_data_buf, one page under the spinlock rtas_data_buf_lock
 * (arch/powerpc/kernel/rtas.c); some do so still. Nobody who has it may sleep, so that one to whom firmware says "busy" has to give
 * up (arch/powerpc/platforms/pseries/lparcfg.c of these kernels, parse_system_parameter_string()) or let go of the buffer and begin
 * again (dlpar.c, dlpar_configure_connector()).
 *
 * tasks= threads call ibm,get-system-parameter with it, times= times each, and give up when it is busy. Each leaves a mark of its own behind what firmware writes, and looks whether it is there when the
 * call is over. Loading ends when all are done. Should be seen, for example: "rtas_data_buf: 400 reads by 20 tasks: 133 answered,
 * 267 given up when busy, 0 failed, 0 spoiled by others; up to 4 asked at once, who waited longest waited 1234 us".
 *
 * From the first call of panic() on, who has the buffer does not let go of it: "rtas_data_buf: at the crash NAME/PID on CPU N has the
 * buffer, 2 more ask for it". With times=0 they go on until then.
 *
 * mutate=unlocked does without the lock, for a test of the check.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "include/keep_r13.h"
#include "include/rtas.h"

#include <asm/rtas.h>

/* ibm,get-system-parameter(parameter, buffer, length): 20 is "SPLPAR characteristics" (PAPR 7.3.16). */
#define PARAMETER 20
#define LENGTH 1024
#define MARK (RTAS_DATA_BUF_SIZE - sizeof(u64))

static unsigned int tasks = 20, times = 20;
module_param(tasks, uint, 0444);
MODULE_PARM_DESC(tasks, "threads that use the buffer");
module_param(times, uint, 0444);
MODULE_PARM_DESC(times, "how often each does; 0: until the crash");

static char *mutate = "";
module_param(mutate, charp, 0444);
MODULE_PARM_DESC(mutate, "unlocked");

static int token;
static atomic_t answered = ATOMIC_INIT(0), given_up = ATOMIC_INIT(0), failed = ATOMIC_INIT(0), spoiled = ATOMIC_INIT(0);
static atomic_t asking = ATOMIC_INIT(0), most_asking = ATOMIC_INIT(0), longest_us = ATOMIC_INIT(0);
static atomic_t panicking = ATOMIC_INIT(0);
static struct task_struct *owner;	/* who has the buffer and will not let go of it */

static void raise_to(atomic_t *most, int value)
{
	int old = atomic_read(most);

	while (value > old && !atomic_try_cmpxchg(most, &old, value))
		;
}

/* One call with the buffer. */
static int call_with_buffer(u64 mark)
{
	const bool locked = strcmp(mutate, "unlocked");
	ktime_t began = ktime_get();
	int status;

	raise_to(&most_asking, atomic_inc_return(&asking));
	if (locked)
		spin_lock(&rtas_data_buf_lock);
	raise_to(&longest_us, (int)ktime_us_delta(ktime_get(), began));
	memset(rtas_data_buf, 0, LENGTH);
	memcpy(rtas_data_buf + MARK, &mark, sizeof(mark));
	status = rtas_call(token, 3, 1, NULL, PARAMETER, __pa(rtas_data_buf), LENGTH);
	if (memcmp(rtas_data_buf + MARK, &mark, sizeof(mark)))
		atomic_inc(&spoiled);
	if (atomic_read(&panicking)) {
		WRITE_ONCE(owner, current);
		while (true)
			cpu_relax();
	}
	if (locked)
		spin_unlock(&rtas_data_buf_lock);
	atomic_dec(&asking);
	return status;
}

static bool is_busy(int status)
{
	return status == -2 || (status >= 9900 && status <= 9905);
}

static atomic_t running = ATOMIC_INIT(1);
static DECLARE_COMPLETION(all_done);

static int use_buffer(void *data)
{
	unsigned int i;

	for (i = 0; !times || i < times; i++) {
		int status = call_with_buffer((u64)current->pid << 32 | i);

		atomic_inc(status == 0 ? &answered : is_busy(status) ? &given_up : &failed);
		usleep_range(100, 1000);
	}
	if (atomic_dec_and_test(&running))
		complete(&all_done);
	return 0;
}

static int at_panic(struct kprobe *point, struct pt_regs *regs)
{
	struct task_struct *task = NULL;
	int ms;

	if (times)
		return 0;
	preempt_disable();	/* for good: a task that spins for the buffer must not get this CPU */
	if (atomic_xchg(&panicking, 1))
		return 0;
	for (ms = 0; ms < 10000 && !(task = READ_ONCE(owner)); ms++)
		mdelay(1);
	if (task)
		pr_info("at the crash %s/%d on CPU %d has the buffer, %d more ask for it\n", task->comm, task->pid, task_cpu(task),
			atomic_read(&asking) - 1);
	else
		pr_err("at the crash nobody has the buffer\n");
	return 0;
}

static struct kprobe panic_point = { .symbol_name = "panic", .pre_handler = at_panic };

static int start_tasks(void)
{
	unsigned int i;

	for (i = 0; i < tasks; i++) {
		struct task_struct *task;

		atomic_inc(&running);
		task = kthread_run(use_buffer, NULL, "data_buf_%u", i);
		if (IS_ERR(task))
			return PTR_ERR(task);
	}
	return 0;
}

static int __init rtas_data_buf_init(void)
{
	int error = keep_r13();

	token = rtas_token("ibm,get-system-parameter");
	if (!error && token == RTAS_UNKNOWN_SERVICE)
		error = -ENODEV;
	if (!error)
		error = register_kprobe(&panic_point);
	if (!error)
		error = start_tasks();
	if (error) {
		pr_err("cannot be set up: error %d\n", error);
		return error;
	}
	if (times) {
		if (!atomic_dec_and_test(&running))
			wait_for_completion(&all_done);
		pr_info("%u reads by %u tasks: %d answered, %d given up when busy, %d failed, %d spoiled by others; up to %d asked at once, who waited longest waited %d us\n",
			tasks * times, tasks, atomic_read(&answered), atomic_read(&given_up), atomic_read(&failed), atomic_read(&spoiled),
			atomic_read(&most_asking), atomic_read(&longest_us));
	}
	return 0;
}
module_init(rtas_data_buf_init);

/* No exit: threads may be at work. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Tasks that share rtas_data_buf");
