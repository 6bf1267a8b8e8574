/* memory_test.c — a training in steady state takes no memory.
 *
 * Over a thousand steps our own allocator is not called at all, what libraries allocate they free,
 * and resident memory does not grow. */
#include "test.h"

#include "backend/backend.h"
#include "base/clock.h"
#include "count_malloc.h"

/* ---- watching a training --------------------------------------------------------------------- */

enum { WARM = 20, STEPS = 2000, SLACK = 64 << 10 };

struct seen {
    int       step;
    uint64_t  ours;
    long long calls, live, made_by_libraries;
    int64_t   rss, grown;
};

/* Takes stock after the first steps and at the end; what happens in between is the training's. */
static oc_status look(void *context, const oc_progress *p)
{
    struct seen *const s = context;
    (void)p;
    s->step++;
    if (s->step == WARM) {
        s->rss = oc__rss_bytes();
        s->ours = oc__mem_calls();
        s->live = heap.live;
        s->calls = heap.calls;
    } else if (s->step == WARM + STEPS) {
        s->made_by_libraries = heap.calls - s->calls;
        s->ours = oc__mem_calls() - s->ours;
        s->live = heap.live - s->live;
        s->grown = oc__rss_bytes() - s->rss;
    }
    return OC_OK;
}

/* On the back ends that this build has by itself (NULL), or on one.  One epoch, so that nothing but
 * steps lies between the two looks. */
static void train(const char *model, const char *backends, int workers)
{
    struct seen seen = { 0 };
    const oc_observer o = { .step = look, .context = &seen };
    oc_data *d;
    oc_model *m;
    oc_train_result r;
    assert_ok(oc_data_open(&d, "synth:digits,train=4050,test=10"));
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = model, .input = OC_SHAPE(1, 28, 28), .classes = 10,
        .preparation = oc_data_preparation(d) }));
    const oc_train_options t = { .model_name = model, .epochs = 1, .batch = 2, .threads = 1,
                                 .workers = workers, .backends = backends, .clip_norm = 5,
                                 .average = 0.99, .schedule = "cosine warmup=10" };
    assert_ok(oc_train(m, d, &t, &o, 1, NULL, &r));
    print_message("%s on %s, %d steps: ours %llu, libraries' %lld of which %lld are left, "
                  "%lld KiB more resident\n", model, backends ? backends : "all", STEPS,
                  (unsigned long long)seen.ours, seen.made_by_libraries, seen.live,
                  (long long)seen.grown / 1024);
    assert_int_equal(seen.ours, 0);
    assert_int_equal(seen.live, 0);
    assert_true(seen.grown <= SLACK || !OWN_MALLOC);
    oc_train_result_free(&r);
    oc_model_free(m);
    oc_data_free(d);
}

static void train_everywhere(const char *model)
{
    train(model, NULL, -1);
    if (oc__backend_check("cpu") == OC_OK)
        train(model, "cpu", 1);
}

static void two_thousand_steps_of_an_mlp_take_no_memory(void **state)
{
    (void)state;
    train_everywhere("mlp");
}

static void two_thousand_steps_of_a_convolutional_network_take_no_memory(void **state)
{
    (void)state;
    train_everywhere("lenet");
}

/* The test can see what it is about. */
static void an_allocation_is_seen(void **state)
{
    (void)state;
    const long long calls_before = heap.calls, live_before = heap.live;
    const uint64_t ours = oc__mem_calls();
    void *volatile p = oc__alloc(10, 10);
    assert_int_equal(oc__mem_calls() - ours, 1);
    assert_true((heap.calls > calls_before && heap.live > live_before) || !OWN_MALLOC);
    oc__free(p);
    assert_int_equal(heap.live, live_before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allocation_is_seen),
        cmocka_unit_test(two_thousand_steps_of_an_mlp_take_no_memory),
        cmocka_unit_test(two_thousand_steps_of_a_convolutional_network_take_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
