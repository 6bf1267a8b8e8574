/* layout.c — interned layouts, the engine, and the reorders between layouts.
 *
 * A layout is a memory descriptor with a name.  Two operands lie alike exactly when their layouts
 * are the same pointer, so every descriptor that the library asks for is looked up here first.
 * There are as many layouts as a process has shapes; they are kept in a list that is only ever
 * prepended to. */
#include "backend/onednn/prim.h"

#include <pthread.h>

#include "base/mem.h"
#include "backend/onednn/onednn.h"

enum { NAME_ROOM = 40 };

struct interned {
    struct layout    layout;
    struct desc      desc;
    char             name[NAME_ROOM];
    struct interned *next;
};

static pthread_mutex_t  lock = PTHREAD_MUTEX_INITIALIZER;
static struct interned *first;
static dnnl_engine_t    engine;

dnnl_engine_t oc__dnn_engine(void)
{
    pthread_mutex_lock(&lock);
    if (!engine && dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
    pthread_mutex_unlock(&lock);
    return engine;
}

static struct interned *find(const struct desc *d)
{
    struct interned *p = first;
    while (p && !oc__desc_equal(&p->desc, d))
        p = p->next;
    return p;
}

static struct interned *add(const struct desc *d, const char *letters)
{
    struct interned *p = oc__alloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->desc = *d;
    oc__desc_name(d, letters, p->name, sizeof p->name);
    p->layout = (struct layout){ .name = p->name,
                                 .bytes = oc__desc_bytes(d),
                                 .padded = oc__desc_is_padded(d),
                                 .owner = &oc__backend_onednn,
                                 .detail = &p->desc };
    p->next = first;
    first = p;
    return p;
}

bool oc__dnn_layout(const struct desc *d, const char *letters, const struct layout **out)
{
    *out = NULL;
    if (oc__desc_is_plain(d))
        return true;
    if (!oc__desc_is_known(d))
        return false;
    pthread_mutex_lock(&lock);
    struct interned *p = find(d);
    if (!p)
        p = add(d, letters);
    pthread_mutex_unlock(&lock);
    if (p)
        *out = &p->layout;
    return p != NULL;
}

bool oc__dnn_operand(struct desc *d, const struct operand *x)
{
    if (!x->layout)
        return oc__desc_plain(d, x->shape->rank, x->shape->dim);
    if (x->layout->owner != &oc__backend_onednn)
        return false;
    *d = *(const struct desc *)x->layout->detail;
    return true;
}

/* The plain side of a reorder takes its dimensions from the other: grouped weights [m, c, h, w] are
 * [g, m / g, c, h, w] to the library, the same numbers in the same order. */
static bool describe(struct desc *d, const struct operand *x, const struct operand *other)
{
    if (x->layout || !other->layout)
        return oc__dnn_operand(d, x);
    struct desc blocked;
    int64_t dim[DNNL_MAX_NDIMS];
    return oc__dnn_operand(&blocked, other) &&
           oc__desc_plain(d, oc__desc_dims(&blocked, dim), dim);
}

static const struct kernel reorder_kernel = PRIM_KERNEL("Reorder", "reorder", NULL);

bool oc__dnn_reorder_kernel(const struct operand *from, const struct operand *to, int threads,
                            struct offer *o)
{
    (void)threads;                                      /* the library counts them itself */
    struct desc a, b;
    if (oc__dnn_weaves(from, to, o))
        return true;
    if (from->dtype != to->dtype || (to->dtype != OC_F32 && to->dtype != OC_I32) ||
        !oc__dnn_engine() || !describe(&a, from, to) || !describe(&b, to, from))
        return false;
    if (to->dtype == OC_I32) {                          /* layouts are kept as those of f32 */
        oc__desc_as_i32(&a);
        oc__desc_as_i32(&b);
    }
    const dnnl_primitive_attr_t attr = oc__dnn_attr(NULL);
    if (!attr)
        return false;
    const struct setting setting = { oc__dnn_engine(), attr, NULL };
    static const struct slot slots[] = {
        { DNNL_ARG_FROM, SIDE_X, 0, NULL, 0 }, { DNNL_ARG_TO, SIDE_Y, 0, NULL, 0 },
    };
    const struct fit fit = { oc__dnn_reorder(&a, &b, &setting), slots, 2, -1, false };
    const struct request r = { .n_in = 1, .n_out = 1, .x = from, .y = to };
    const bool ok = oc__prim_offer(&fit, &r, o);
    dnnl_primitive_attr_destroy(attr);
    if (ok)
        o->kernel = &reorder_kernel;
    return ok;
}
