// SPDX-License-Identifier: GPL-2.0
/*
 * work_area: says what becomes of each RTAS work area, and has threads of its own that use some.
 *
 * Work areas (arch/powerpc/platforms/pseries/rtas-work-area.c, from Linux 6.3 on) are taken out of an arena of 256 KiB. A request
 * for which there is no room waits, and those that come later wait behind it. From the loading on the log has, each with a
 * number that counts these events (at level debug, so that a console need not keep up; boot with log_buf_len=):
 *
 *   "work_area: 12 ask 4096 by sysparm/203"		a request is in the queue, or would be its first
 *   "work_area: 14 got 0x1e41000 4096 ask 12"		it is served: gen_pool_alloc() has given it room, under the allocator's mutex
 *   "work_area: 19 free 0x1e41000 4096"		the area is about to be given back: rtas_work_area_free() is called
 *   "work_area: 20 null ask 12"			the request was answered with NULL, which must not be
 *
 * The queue is that of the allocator's mutex (tracepoint contention_begin): between the call of __rtas_work_area_alloc() and that
 * moment a task may have to wait for a CPU. At level info there is once "work_area: limit 0x40000000", below which RTAS can reach
 * an area, and for mutate= what was done.
 *
 * Threads: small= of them take an area of 4 KiB over and over, keep each for hold= milliseconds, and large= of them one of 128 KiB,
 * the most that can be asked for. Each does so times= times, and loading ends when all have done so (0: until the crash).
 *
 * mutate= breaks the allocator, for tests of checks:
 *   leak     an area that is given back is not: "work_area: leaked 0x1e41000 4096"
 *   unfair   the small requests do not queue, but take room whenever there is some
 *   high     the arena gets more room above what RTAS can reach: "work_area: more arena at 0x50000000"
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/genalloc.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "include/function.h"
#include "include/keep_r13.h"
#include "include/rtas.h"

#if !__has_include(<asm/rtas-work-area.h>)
#error "needs RTAS work areas, which Linux has from 6.3 on"
#endif
#include <asm/rtas-work-area.h>

#define ARENA SZ_256K
#define SMALL SZ_4K
#define LARGE RTAS_WORK_AREA_MAX_ALLOC_SZ
#define MOST_REQUESTS 512
#define LCB_F_MUTEX (1U << 5)	/* include/trace/events/lock.h */

static unsigned int small, large, times;
static unsigned int hold = 5;
module_param(small, uint, 0444);
MODULE_PARM_DESC(small, "threads that use areas of 4 KiB");
module_param(large, uint, 0444);
MODULE_PARM_DESC(large, "threads that use areas of 128 KiB");
module_param(times, uint, 0444);
MODULE_PARM_DESC(times, "how often each does so; 0: until the crash");
module_param(hold, uint, 0444);
MODULE_PARM_DESC(hold, "milliseconds that each keeps its area");

static char *mutate = "";
module_param(mutate, charp, 0444);
MODULE_PARM_DESC(mutate, "leak, unfair or high");

static typeof(__rtas_work_area_alloc) *take;
static typeof(rtas_work_area_free) *give_back;
static struct gen_pool *pool;
static atomic_t events = ATOMIC_INIT(0);

/* Requests that are not yet served. */
static struct request {
	struct task_struct *task;
	size_t size;
	int ask;	/* number of its arrival; 0: it is on its way to the queue */
} requests[MOST_REQUESTS];
static DEFINE_RAW_SPINLOCK(requests_lock);

/* From the panic on nothing is printed but by the CPU that panics (kernel/printk/printk.c, vprintk_emit()): it has to say what others did. */
#define MOST_LATE 1024
static char late[MOST_LATE][64];
static atomic_t late_events = ATOMIC_INIT(0), panicking = ATOMIC_INIT(0);

static __printf(1, 2) void say(const char *format, ...)
{
	va_list arguments;
	char text[64];
	int number;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!atomic_read(&panicking)) {
		printk(KERN_DEBUG pr_fmt("%s\n"), text);
		return;
	}
	number = atomic_inc_return(&late_events) - 1;
	if (number < MOST_LATE)
		strscpy(late[number], text, sizeof(late[number]));
}

static int at_panic(struct kprobe *point, struct pt_regs *regs)
{
	atomic_set(&panicking, 1);
	return 0;
}

/* The other CPUs are stopped. */
static int at_stopped(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	int i;

	for (i = 0; i < min(atomic_read(&late_events), MOST_LATE); i++)
		printk(KERN_DEBUG pr_fmt("%s\n"), late[i]);
	return 0;
}

static struct kprobe panic_point = { .symbol_name = "panic", .pre_handler = at_panic };
static struct kretprobe stopped_point = { .kp.symbol_name = "default_machine_crash_shutdown", .handler = at_stopped };

static void begin_request(size_t size)
{
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&requests_lock, flags);
	for (i = 0; i < MOST_REQUESTS && requests[i].task; i++)
		;
	if (i < MOST_REQUESTS)
		requests[i] = (struct request){ current, size, 0 };
	raw_spin_unlock_irqrestore(&requests_lock, flags);
	if (i == MOST_REQUESTS)
		pr_err("more than %d requests at once: what follows is not complete\n", MOST_REQUESTS);
}

/* This task's request, if it has one, is in the queue from now on. */
static void note_arrival(void)
{
	unsigned long flags;
	size_t size = 0;
	int i, ask = 0;

	raw_spin_lock_irqsave(&requests_lock, flags);
	for (i = 0; i < MOST_REQUESTS && requests[i].task != current; i++)
		;
	if (i < MOST_REQUESTS && !requests[i].ask) {
		ask = requests[i].ask = atomic_inc_return(&events);
		size = requests[i].size;
	}
	raw_spin_unlock_irqrestore(&requests_lock, flags);
	if (ask)
		say("%d ask %zu by %s/%d", ask, size, current->comm, current->pid);
}

/* The number of this task's request, which is over with that; 0 when it has none. */
static int end_request(int *event)
{
	unsigned long flags;
	int i, ask = 0;

	raw_spin_lock_irqsave(&requests_lock, flags);
	for (i = 0; i < MOST_REQUESTS && requests[i].task != current; i++)
		;
	if (i < MOST_REQUESTS) {
		ask = requests[i].ask;
		requests[i] = (struct request){};
		*event = atomic_inc_return(&events);
	}
	raw_spin_unlock_irqrestore(&requests_lock, flags);
	return ask;
}

/* struct rtas_work_area *__rtas_work_area_alloc(size_t size) */
static int at_ask(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	begin_request(regs->gpr[3]);
	return 0;
}

static int at_answer(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	int event, ask;

	if (regs->gpr[3])
		return 0;
	ask = end_request(&event);
	if (ask)
		say("%d null ask %d", event, ask);
	return 0;
}

/* unsigned long gen_pool_alloc_algo_owner(struct gen_pool *pool, size_t size, ...), which gen_pool_alloc() is */
struct attempt {
	struct gen_pool *pool;
	size_t size;
};

static int at_attempt(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	*(struct attempt *)instance->data = (struct attempt){ (void *)regs->gpr[3], regs->gpr[4] };
	note_arrival();	/* unless it had to queue before */
	return 0;
}

/* A task that gets a mutex neither at once nor by spinning is put into its queue. That it is the allocator's is seen from its request. */
static void at_contention(void *unused, void *lock, unsigned int flags)
{
	if (flags == LCB_F_MUTEX)
		note_arrival();
}

static void find_contention(struct tracepoint *point, void *found)
{
	if (!strcmp(point->name, "contention_begin"))
		*(struct tracepoint **)found = point;
}

static int at_room(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const struct attempt *attempt = (struct attempt *)instance->data;
	unsigned long room = regs->gpr[3];
	int event, ask;

	if (!room)
		return 0;
	ask = end_request(&event);
	if (!ask)
		return 0;
	WRITE_ONCE(pool, attempt->pool);
	say("%d got 0x%llx %zu ask %d", event, (u64)__pa(room), attempt->size, ask);
	return 0;
}

static struct kretprobe ask_point = {
	.kp.symbol_name = "__rtas_work_area_alloc", .entry_handler = at_ask, .handler = at_answer, .maxactive = MOST_REQUESTS,
};
static struct kretprobe room_point = {
	.kp.symbol_name = "gen_pool_alloc_algo_owner", .entry_handler = at_attempt, .handler = at_room,
	.data_size = sizeof(struct attempt), .maxactive = MOST_REQUESTS,
};

/* void rtas_work_area_free(struct rtas_work_area *area) */
static int at_free(struct kprobe *point, struct pt_regs *regs)
{
	static atomic_t to_leak = ATOMIC_INIT(10);
	const struct rtas_work_area *area = (void *)regs->gpr[3];
	int event = atomic_inc_return(&events);

	say("%d free 0x%lx %zu", event, __pa(area->buf), area->size);
	if (strcmp(mutate, "leak") || atomic_dec_return(&to_leak))
		return 0;
	pr_info("leaked 0x%lx %zu\n", __pa(area->buf), area->size);
	regs->nip = regs->link;
	return 1;
}

static struct kprobe free_point;

static void use_area(size_t size)
{
	struct rtas_work_area *area = take(size);

	memset(area->buf, 0x5a, size);
	msleep(hold);
	give_back(area);
}

/* What a request would be that did not queue. It is given back as any other, so that those who wait are woken. */
static void use_room(size_t size)
{
	struct rtas_work_area *area = kmalloc(sizeof(*area), GFP_KERNEL | __GFP_NOFAIL);
	unsigned long room;

	begin_request(size);
	note_arrival();
	while (!(room = gen_pool_alloc(pool, size)))
		schedule_timeout_uninterruptible(1);
	*area = (struct rtas_work_area){ .buf = (char *)room, .size = size };
	msleep(hold);
	give_back(area);
}

/* Threads that are not done, and one more until all were started. */
static atomic_t running = ATOMIC_INIT(1);
static DECLARE_COMPLETION(all_done);

static int use_areas(void *data)
{
	size_t size = (unsigned long)data;
	unsigned int i;

	for (i = 0; !times || i < times; i++) {
		if (size == SMALL && !strcmp(mutate, "unfair"))
			use_room(size);
		else
			use_area(size);
	}
	if (atomic_dec_and_test(&running))
		complete(&all_done);
	return 0;
}

static int start_threads(unsigned int count, size_t size, const char *name)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct task_struct *task;

		atomic_inc(&running);
		task = kthread_run(use_areas, (void *)size, "%s_%u", name, i);
		if (IS_ERR(task))
			return PTR_ERR(task);
	}
	return 0;
}

/* Of the largest blocks that there are, the first one that lies above the limit: those below are kept until then. */
static int add_high_arena(void)
{
	unsigned long blocks[128], pages;
	unsigned int order = get_order(SZ_16M);
	int i = 0;

	while ((pages = __get_free_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, order)) && __pa(pages) < rtas_address_limit() &&
	       i < ARRAY_SIZE(blocks))
		blocks[i++] = pages;
	while (i--)
		free_pages(blocks[i], order);
	if (!pages || __pa(pages) < rtas_address_limit()) {
		pr_err("no memory is free above 0x%llx\n", rtas_address_limit());
		return -ERANGE;
	}
	pr_info("more arena at 0x%lx\n", __pa(pages));
	return gen_pool_add_virt(pool, pages, __pa(pages), ARENA, NUMA_NO_NODE);
}

static int watch(void)
{
	struct tracepoint *contention = NULL;
	int error = keep_r13();

	if (error)
		return error;
	for_each_kernel_tracepoint(find_contention, &contention);
	take = find_function("__rtas_work_area_alloc");
	give_back = find_function("rtas_work_area_free");
	if (!contention || !take || !give_back)
		return -ENOEXEC;
	error = tracepoint_probe_register(contention, at_contention, NULL);
	if (!error)
		error = register_kretprobe(&room_point);
	if (!error)
		error = register_kretprobe(&ask_point);
	if (!error)
		error = register_kprobe(&panic_point);
	if (!error)
		error = register_kretprobe(&stopped_point);
	return error ? error : catch_function(&free_point, "rtas_work_area_free", at_free);
}

static int __init work_area_init(void)
{
	int error = watch();

	pr_info("limit 0x%llx\n", rtas_address_limit());
	if (!error)
		give_back(take(RTAS_WORK_AREA_MAX_ALLOC_SZ));	/* tells which pool is the arena's */
	if (!error && !pool)
		error = -ENODEV;
	if (!error && !strcmp(mutate, "high"))
		error = add_high_arena();
	if (!error)
		error = start_threads(large, LARGE, "wa_large");
	if (!error)
		error = start_threads(small, SMALL, "wa_small");
	if (!error && times && !atomic_dec_and_test(&running))
		wait_for_completion(&all_done);
	if (error)
		pr_err("cannot be set up: error %d\n", error);
	return error;
}
module_init(work_area_init);

/* No exit: somebody may be waiting for an area. */
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Says what becomes of each RTAS work area");
