/* layout_test.c — kernels that work on layouts of their back end, against the reference.
 *
 * The harness of op_test.c gives a kernel plain operands; here every operand that looks like images
 * or signals lies as the result of a 1x1 convolution does, in training and in inference, which is
 * how such kernels meet their operands in a model.  Results are brought back to plain and compared;
 * what a padded layout holds beyond the shape must be zero, as a reorder would leave it. */
#include "test.h"

#include <math.h>
#include <omp.h>

#include "backend/backend.h"
#include "op/conv.h"
#include "run/case.h"

enum { TENSORS = OP_MAX_INPUTS + OP_MAX_OUTPUTS };

/* One call of an operator: plain operands, and the reference's results. */
struct subject {
    const char    *text;
    struct op_case c;
    oc_mode        mode;
    unsigned       unread;                              /* outputs, by bit */
    bool           poisoned;                            /* some of x[0] is not a number */
    int            n_out;
    oc_tensor      x[OP_MAX_INPUTS], y[OP_MAX_OUTPUTS];
    struct operand xo[OP_MAX_INPUTS], yo[OP_MAX_OUTPUTS];
};

static size_t bytes_of(const struct operand *o)
{
    return o->layout ? o->layout->bytes
                     : (size_t)oc_shape_count(o->shape) * oc_dtype_size(o->dtype);
}

static oc_tensor plain_tensor(oc_dtype t, const oc_shape *shape)
{
    oc_tensor out = { t, *shape, NULL };
    out.data = oc__block_alloc(oc_tensor_bytes(&out) + 64);
    assert_non_null(out.data);
    return out;
}

/* Runs an accepted offer once. */
static void execute(const struct request *r, const struct offer *o, const void **x, void **y)
{
    struct execution e = { .request = r, .state = o->state, .x = x, .y = y, .threads = r->threads,
                           .scratch = oc__block_alloc(o->scratch + 64) };
    e.instance = o->kernel->bind ? o->kernel->bind(o->state) : NULL;
    assert_true(!o->kernel->bind || e.instance);
    memset(e.scratch, 0xff, o->scratch);
    o->kernel->run(&e);
    if (o->kernel->unbind)
        o->kernel->unbind(e.instance);
    oc__block_free(e.scratch);
}

static void close_offer(const struct offer *o)
{
    if (o->kernel->close)
        o->kernel->close(o->state);
}

/* The data in another layout; yours. */
static void *reordered(const struct backend *b, const struct operand *from,
                       const struct operand *to, const void *data)
{
    struct offer o = { .in_place = -1, .x = { from->layout }, .y = { to->layout } };
    const struct request r = { .n_in = 1, .n_out = 1, .x = from, .y = to, .threads = 2 };
    void *out = oc__block_alloc(bytes_of(to) + 64);
    assert_non_null(out);
    if (from->layout == to->layout) {
        memcpy(out, data, bytes_of(to));
        return out;
    }
    assert_true(b->reorder(from, to, 2, &o));
    execute(&r, &o, &data, &out);
    close_offer(&o);
    return out;
}

/* How a 1x1 convolution would leave a result of this shape; NULL: plainly. */
static const struct layout *image_layout(const struct backend *b, const oc_shape *shape,
                                         oc_mode mode)
{
    if (shape->rank < 3 || shape->rank > 5)
        return NULL;
    oc_shape x = *shape, w = *shape;
    w.dim[0] = shape->dim[1];
    w.dim[1] = x.dim[1] = 32;
    for (int i = 2; i < shape->rank; i++)
        w.dim[i] = 1;
    const struct conv attr = { .group = 1 };
    const struct operand in[] = { { OC_F32, &x, NULL, false }, { OC_F32, &w, NULL, false } };
    const struct operand out = { OC_F32, shape, NULL, false };
    const struct request r = { &oc__op_conv, &attr, "conv", 2, 1, in, &out, mode, 2, 0 };
    for (const struct kernel *const *k = b->kernels; *k; k++) {
        struct offer o = { .kernel = *k, .in_place = -1 };
        if ((*k)->op && !strcmp((*k)->op, "Conv") && (*k)->accept(&r, &o)) {
            close_offer(&o);
            return o.y[0];
        }
    }
    return NULL;
}

/* Plain operands from the case, f32 where it says real, and the reference's results. */
static void make_subject(struct subject *s, const struct op *op, const char *text)
{
    oc_tensor raw[OP_MAX_INPUTS];
    const oc_shape *shapes[OP_MAX_INPUTS];
    oc_dtype types[OP_MAX_INPUTS], yt[OP_MAX_OUTPUTS];
    oc_shape ys[OP_MAX_OUTPUTS] = { { 0 } };
    bool variadic;
    int required;
    assert_ok(oc__case_parse(op, text, &s->c));
    assert_ok(oc__case_fill(&s->c, 7, raw));
    s->n_out = op->output_count ? op->output_count(s->c.attr)
                                : oc__op_count_names(op->outputs, &variadic, &required);
    for (int i = 0; i < s->c.n; i++) {
        const struct case_input *in = &s->c.in[i];
        shapes[i] = in->kind == CASE_ABSENT ? NULL : &in->shape;
        types[i] = oc__case_dtype(in, OC_F32);
        if (in->kind == CASE_INDEX && strstr(op->inputs, "index "))  /* of pooling */
            types[i] = OC_I32;
        s->xo[i] = (struct operand){ types[i], shapes[i], NULL, false };
        s->x[i] = (oc_tensor){ 0 };
        if (!shapes[i])
            continue;
        s->x[i] = plain_tensor(types[i], shapes[i]);
        for (int64_t k = 0; k < oc_shape_count(shapes[i]); k++)
            oc_tensor_set(&s->x[i], k, oc_tensor_get(&raw[i], k));
        oc__block_free(raw[i].data);
    }
    for (int64_t k = 0; s->poisoned && k < oc_shape_count(shapes[0]); k += 7)
        oc_tensor_set(&s->x[0], k, NAN);
    for (int k = 0; k < s->n_out; k++)
        yt[k] = types[0];
    const struct infer infer = { s->c.attr, s->c.n, s->n_out, shapes, types, ys, yt, NULL };
    assert_ok(op->shape(&infer));
    for (int k = 0; k < s->n_out; k++) {
        s->y[k] = plain_tensor(yt[k], &ys[k]);
        s->yo[k] = (struct operand){ yt[k], &s->y[k].shape, NULL, false };
    }
}

static void free_subject(struct subject *s)
{
    for (int i = 0; i < s->c.n; i++)
        oc__block_free(s->x[i].data);
    for (int k = 0; k < s->n_out; k++)
        oc__block_free(s->y[k].data);
}

static struct request request_of(const struct subject *s)
{
    return (struct request){ s->c.op, s->c.attr, "test", s->c.n,  s->n_out,
                             s->xo,   s->yo,     s->mode, 2,     s->unread };
}

static void run_reference(struct subject *s)
{
    const struct request r = request_of(s);
    struct offer o = { .in_place = -1 };
    const struct backend *chosen;
    const void *x[OP_MAX_INPUTS];
    void *y[OP_MAX_OUTPUTS];
    assert_ok(oc__backend_choose("reference", &r, &o, &chosen));
    for (int i = 0; i < s->c.n; i++)
        x[i] = s->x[i].data;
    for (int k = 0; k < s->n_out; k++)
        y[k] = s->y[k].data;
    execute(&r, &o, x, y);
    close_offer(&o);
}

/* Worst difference of output k, relative to its largest element. */
static double difference(const struct subject *s, int k, const void *got)
{
    const oc_tensor t = { s->y[k].dtype, s->y[k].shape, (void *)(uintptr_t)got };
    double worst = 0, largest = 1e-3;
    for (int64_t i = 0; i < oc_shape_count(&t.shape); i++) {
        const double want = oc_tensor_get(&s->y[k], i), got_it = oc_tensor_get(&t, i);
        const double d = isnan(want) && isnan(got_it) ? 0 : fabs(got_it - want);
        largest = fmax(largest, fabs(want));
        worst = d > worst || isnan(d) ? d : worst;
    }
    return worst / largest;
}

/* Runs the kernel where it accepts; tells whether it did. */
static bool try_kernel(const struct backend *b, const struct kernel *kernel, struct subject *s)
{
    struct offer o = { .kernel = kernel, .in_place = -1 };
    struct request r = request_of(s);
    const void *x[OP_MAX_INPUTS] = { NULL };
    void *y[OP_MAX_OUTPUTS] = { NULL };
    if (!kernel->accept(&r, &o))
        return false;
    for (int i = 0; i < s->c.n; i++) {
        const struct operand plain = { s->xo[i].dtype, s->xo[i].shape, NULL, false };
        s->xo[i].layout = o.x[i];
        if (plain.shape && !(s->c.op->shape_only >> i & 1))
            x[i] = reordered(b, &plain, &s->xo[i], s->x[i].data);
    }
    assert_int_equal(o.omits & ~s->unread, 0);
    for (int k = 0; k < s->n_out; k++) {
        if (o.omits >> k & 1)
            continue;
        s->yo[k].layout = o.y[k];
        y[k] = oc__block_alloc(bytes_of(&s->yo[k]) + 64);
        memset(y[k], 0xff, bytes_of(&s->yo[k]));
    }
    execute(&r, &o, x, y);
    for (int k = 0; k < s->n_out; k++) {
        const struct operand plain = { s->yo[k].dtype, s->yo[k].shape, NULL, false };
        if (!y[k])
            continue;
        void *back = reordered(b, &s->yo[k], &plain, y[k]);
        void *again = reordered(b, &plain, &s->yo[k], back);
        if (!(difference(s, k, back) < 1e-5))
            fail_msg("%s %s: output %d differs by %g", kernel->op, s->text, k,
                     difference(s, k, back));
        if (memcmp(again, y[k], bytes_of(&s->yo[k])) != 0)
            fail_msg("%s %s: output %d: the padding is not zero", kernel->op, s->text, k);
        oc__block_free(back);
        oc__block_free(again);
        oc__block_free(y[k]);
    }
    for (int i = 0; i < s->c.n; i++)
        oc__block_free((void *)(uintptr_t)x[i]);
    close_offer(&o);
    return true;
}

/* Whether the kernel took the case with operands in the layouts that `b` has in this mode. */
static bool try_case(const struct backend *b, const struct kernel *kernel, const struct op *op,
                     struct subject s)
{
    int special = 0;
    if (kernel->op && strcmp(kernel->op, op->entry.name) != 0)
        return false;
    make_subject(&s, op, s.text);
    run_reference(&s);
    for (int i = 0; i < s.c.n; i++)
        if (s.xo[i].shape && (s.xo[i].dtype == OC_F32 || s.xo[i].dtype == OC_I32)) {
            s.xo[i].layout = image_layout(b, s.xo[i].shape, s.mode);
            special += s.xo[i].layout != NULL;
        }
    const bool accepted = special > 0 && try_kernel(b, kernel, &s);
    free_subject(&s);
    return accepted;
}

/* Shapes that follow from values are known before a kernel is asked; such cases are op_test.c's. */
static bool reaches_kernels(const struct op *op, const char *text)
{
    return !op->compose && !op->control
        && !(op->by_value && (!op->take || strstr(text, " =")));
}

/* Every case of every operator in the layouts of `b`; the number that the kernel took. */
static int try_kernel_everywhere(const struct backend *b, const struct kernel *kernel)
{
    int taken = 0;
    for (const struct entry *const *e = oc__op_list; *e; e++) {
        const struct op *op = oc__op_find((*e)->name);
        for (const char *const *text = op->cases; text && *text; text++)
            for (int mode = OC_INFER; mode <= OC_TRAIN && reaches_kernels(op, *text); mode++) {
                struct subject s = { .text = *text, .mode = (oc_mode)mode };
                taken += try_case(b, kernel, op, s);
                s.unread = ~1u;
                taken += try_case(b, kernel, op, s);
            }
    }
    return taken;
}

static void kernels_agree_with_the_reference_in_layouts(void **state)
{
    int back_ends = 0;
    (void)state;
    omp_set_num_threads(2);
    for (const struct backend *const *b = oc__backend_list; *b; b++) {
        if (!(*b)->reorder)
            continue;
        for (const struct backend *const *of = oc__backend_list; *of; of++) {
            int taken = 0;
            if (!strcmp((*of)->name, "reference"))      /* it takes anything and wants it plain */
                continue;
            for (const struct kernel *const *k = (*of)->kernels; *k; k++)
                taken += try_kernel_everywhere(*b, *k);
            print_message("%s took %d cases in layouts of %s\n", (*of)->name, taken, (*b)->name);
            assert_true(taken > 50);
        }
        back_ends++;
    }
    if (back_ends == 0) {
        print_message("skipped: no back end has layouts of its own\n");
        skip();
    }
}

static void a_maximum_that_is_not_a_number_wins(void **state)
{
    const struct op *op = oc__op_find("MaxPool");
    int taken = 0;
    (void)state;
    for (const struct backend *const *b = oc__backend_list; *b; b++)
        for (const struct kernel *const *k = (*b)->kernels; *k && (*b)->reorder; k++)
            for (const char *const *text = op->cases; *text; text++) {
                struct subject s = { .text = *text, .poisoned = true };
                taken += try_case(*b, *k, op, s);
                s.unread = ~1u;
                taken += try_case(*b, *k, op, s);
            }
    if (taken == 0) {
        print_message("skipped: no back end has layouts of its own\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_agree_with_the_reference_in_layouts),
        cmocka_unit_test(a_maximum_that_is_not_a_number_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
