/* branch.c — steps that leave the straight line from input to result.
 *
 * A model is a sequence of steps, each of which takes the value before it.  `keep NAME` gives that
 * value a name; later steps go back to it (`from`), join it (`concat`, `add`) or bring others to
 * its size (`upsample like=`).  So a U-shaped network is text as well:
 *
 *     conv 16 padding=1; relu; keep fine; maxpool; conv 16 padding=1; relu;
 *     upsample like=fine; concat fine; conv 1 padding=1
 *
 * `output` hands the value of a step out beside the model's result. */
#include <string.h>

#include "base/status.h"
#include "nn/layer.h"
#include "op/op.h"

struct label     { char value[ATTR_TEXT_MAX]; };
struct joined    { char names[ATTR_LINE_MAX]; };

static oc_status wants_name(void *attr, const char *where, int classes)
{
    (void)classes;
    if (*((const struct label *)attr)->value)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "%s: wants a name, as in keep fine", where);
}

static oc_status wants_names(void *attr, const char *where, int classes)
{
    (void)classes;
    if (*((const struct joined *)attr)->names)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "%s: wants the names of kept values", where);
}

/* The value that was kept by this name. */
static oc_value find(oc_graph *g, const struct branches *b, const char *name)
{
    struct str known = { 0 };
    for (int i = 0; i < b->n; i++)
        if (!strcmp(b->kept[i].name, name))
            return b->kept[i].value;
    for (int i = 0; i < b->n; i++)
        oc__str_addf(&known, "%s%s", i ? ", " : "", b->kept[i].name);
    oc__graph_fail(g, OC_EUSAGE, "nothing is kept by the name %s; there is: %s", oc__quote_z(name),
                   b->n ? oc__str_text(&known) : "nothing");
    oc__str_free(&known);
    return OC_FAILED;
}

/* ---- keep and from ------------------------------------------------------------------------- */

static oc_value build_keep(oc_graph *g, oc_value x, const void *attr,
                           const struct layer_context *c)
{
    const char *const name = ((const struct label *)attr)->value;
    struct branches *const b = c->branches;
    for (int i = 0; i < b->n; i++)
        if (!strcmp(b->kept[i].name, name))
            return oc__graph_fail(g, OC_EUSAGE, "the name %s is kept already", name);
    if (b->n == KEPT_MAX)
        return oc__graph_fail(g, OC_ELIMIT, "more than %d values are kept", KEPT_MAX);
    b->kept[b->n].value = x;
    memcpy(b->kept[b->n++].name, name, ATTR_TEXT_MAX);
    return x;
}

static oc_value build_from(oc_graph *g, oc_value x, const void *attr,
                           const struct layer_context *c)
{
    (void)x;
    return find(g, c->branches, ((const struct label *)attr)->value);
}

static const struct attr label_attrs[] = {
    ATTR(struct label, TEXT, value, NULL, "its name"),
    { 0 }
};

const struct layer oc__layer_keep = {
    .entry = { "keep", "names a value for later steps", label_attrs, sizeof(struct label),
               "keep skip" },
    .ready = wants_name, .build = build_keep,
};
const struct layer oc__layer_from = {
    .entry = { "from", "goes on from a kept value", label_attrs, sizeof(struct label),
               "from skip" },
    .ready = wants_name, .build = build_from,
};

/* ---- concat and add ------------------------------------------------------------------------ */

/* x and the values named behind it; 0 where one is missing. */
static int gather(oc_graph *g, oc_value x, const char *names, const struct branches *b,
                  oc_value v[KEPT_MAX + 1])
{
    char name[ATTR_LINE_MAX];
    int n = 0;
    v[n++] = x;
    while (*names) {
        const size_t length = strcspn(names, ",");
        memcpy(name, names, length);
        name[length] = '\0';
        if (n > KEPT_MAX || (v[n++] = find(g, b, name)).id <= 0)
            return 0;
        names += length + (names[length] == ',');
    }
    return n;
}

static oc_value build_concat(oc_graph *g, oc_value x, const void *attr,
                             const struct layer_context *c)
{
    oc_value v[KEPT_MAX + 1];
    const int n = gather(g, x, ((const struct joined *)attr)->names, c->branches, v);
    return n ? oc_apply(g, "Concat", n, v, "axis=1") : OC_FAILED;
}

static oc_value build_add(oc_graph *g, oc_value x, const void *attr, const struct layer_context *c)
{
    oc_value v[KEPT_MAX + 1];
    const int n = gather(g, x, ((const struct joined *)attr)->names, c->branches, v);
    for (int i = 1; i < n; i++)
        x = oc_add(g, x, v[i]);
    return n ? x : OC_FAILED;
}

static const struct attr concat_attrs[] = {
    ATTR(struct joined, LINE, names, NULL, "of kept values, with commas; they come behind"),
    { 0 }
};
static const struct attr add_attrs[] = {
    ATTR(struct joined, LINE, names, NULL, "of kept values, with commas"),
    { 0 }
};

const struct layer oc__layer_concat = {
    .entry = { "concat", "joins kept values along the channels", concat_attrs,
               sizeof(struct joined), "concat skip" },
    .ready = wants_names, .build = build_concat,
};
const struct layer oc__layer_add = {
    .entry = { "add", "adds kept values", add_attrs, sizeof(struct joined), "add skip" },
    .ready = wants_names, .build = build_add,
};

/* ---- upsample ------------------------------------------------------------------------------ */

struct upsample { struct ints scale; char like[ATTR_TEXT_MAX]; int mode; };

static const char *const modes[] = { "nearest", "linear", NULL };

static const struct attr upsample_attrs[] = {
    ATTR_RANGE(struct upsample, INTS, scale, "2", "times the height and width", 1, 64),
    ATTR(struct upsample, TEXT, like, NULL, "the kept value whose size it becomes, instead"),
    ATTR_WORDS(struct upsample, mode, "linear", "how values between are found", modes),
    { 0 }
};

static oc_status upsample_ready(void *attr, const char *where, int classes)
{
    (void)classes;
    return oc__layer_pair(&((const struct upsample *)attr)->scale, where, "scale");
}

oc_value oc__layer_resize(oc_graph *g, oc_value x, int64_t height, int64_t width, const char *mode)
{
    const oc_shape s = oc_value_shape(g, x);
    char text[OC_SHAPE_TEXT];
    if (s.rank != 4)
        return oc__graph_fail(g, OC_EUSAGE, "the input is %s, not images [n, c, h, w]",
                              oc__shape_text(&s, text));
    if (s.dim[2] == height && s.dim[3] == width)
        return x;
    return oc_apply(g, "Resize", 1, &x, "sizes=%lld,%lld mode=%s", (long long)height,
                    (long long)width, mode);
}

static oc_value build_upsample(oc_graph *g, oc_value x, const void *attr,
                               const struct layer_context *c)
{
    const struct upsample *a = attr;
    const oc_value like = *a->like ? find(g, c->branches, a->like) : x;
    const oc_shape s = oc_value_shape(g, like);
    if (like.id <= 0)
        return OC_FAILED;
    const int64_t down = *a->like ? 1 : oc__pair_at(&a->scale, 0);
    const int64_t across = *a->like ? 1 : oc__pair_at(&a->scale, 1);
    return oc__layer_resize(g, x, down * s.dim[2], across * s.dim[3], modes[a->mode]);
}

const struct layer oc__layer_upsample = {
    .entry = { "upsample", "images of another size, pixel centres at halves", upsample_attrs,
               sizeof(struct upsample) },
    .ready = upsample_ready, .build = build_upsample,
};

/* ---- output -------------------------------------------------------------------------------- */

static oc_value build_output(oc_graph *g, oc_value x, const void *attr,
                             const struct layer_context *c)
{
    struct branches *const b = c->branches;
    (void)attr;
    if (b->outputs == OUTPUTS_MAX)
        return oc__graph_fail(g, OC_ELIMIT, "more than %d outputs", OUTPUTS_MAX);
    b->output[b->outputs++] = x;
    return x;
}

const struct layer oc__layer_output = {
    .entry = { .name = "output", .summary = "hands a value out beside the result" },
    .build = build_output,
};
