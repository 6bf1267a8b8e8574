/* prepare.c — parses and runs programs of preparation steps. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/status.h"
#include "image/image.h"
#include "image/nodes.h"
#include "image/numbers.h"
#include "image/prepare.h"

#define PREPARE(name) extern const struct prepare oc__prepare_##name;
#include "image/list.h"
#undef PREPARE
#define PREPARE(name) &oc__prepare_##name,
const struct prepare *const oc__prepare_list[] = {
#include "image/list.h"
    NULL
};
#undef PREPARE

enum { STEPS_KNOWN = sizeof oc__prepare_list / sizeof *oc__prepare_list };

struct prepare_program {
    struct steps  steps;
    struct str    text;
    struct extent extent;                               /* what is known without an image */
    int           images;                               /* steps that work on the image */
    struct numbers numbers;
};

static const struct prepare *kind_of(const struct step *step)
{
    return (const struct prepare *)step->entry;         /* the entry is its first member */
}

/* ---- parsing ------------------------------------------------------------------------------ */

static oc_status complete_steps(struct prepare_program *p)
{
    for (int i = 0; i < p->steps.n; i++) {
        const struct step    *step = &p->steps.step[i];
        const struct prepare *kind = kind_of(step);
        if (kind->ready != NULL)
            TRY(kind->ready(step->attr));
        if (kind->apply != NULL && p->images != i)
            return oc__fail(OC_EUSAGE,
                            "preparation: step %d (%s) works on pixels and must come before %s",
                            i + 1, step->entry->name, p->steps.step[p->images].entry->name);
        p->images += kind->apply != NULL;
    }
    return OC_OK;
}

oc_status oc__prepare_extent(const struct prepare_program *p, bool fit, struct extent *extent)
{
    for (int i = 0; i < p->steps.n; i++) {
        const struct prepare *kind = kind_of(&p->steps.step[i]);
        if (kind->extent != NULL && (fit || !kind->fits))
            TRY(kind->extent(p->steps.step[i].attr, extent));
    }
    return OC_OK;
}

static void fill_numbers(struct prepare_program *p)
{
    for (int c = 0; c < CHANNELS_MAX; c++) {
        const struct channel at = { c, p->extent.channels };
        double value[256];
        for (int byte = 0; byte < 256; byte++) {
            double v = byte, white = 255;
            for (int i = p->images; i < p->steps.n; i++) {
                const struct prepare *kind = kind_of(&p->steps.step[i]);
                const void           *attr = p->steps.step[i].attr;
                v = kind->number(attr, at, v, white);
                white = kind->number(attr, at, white, white);
            }
            value[byte] = v;
        }
        oc__numbers_set(&p->numbers, c, value);
    }
}

static oc_status parse_into(struct prepare_program *p, const char *text)
{
    const struct entry *list[STEPS_KNOWN] = { 0 };
    for (int i = 0; oc__prepare_list[i] != NULL; i++)
        list[i] = &oc__prepare_list[i]->entry;
    TRY(oc__steps_parse(&p->steps, list, "preparation", text));
    TRY(complete_steps(p));
    TRY(oc__prepare_extent(p, true, &p->extent));
    fill_numbers(p);
    oc__steps_print(&p->steps, &p->text);
    return p->text.failed ? oc__fail(OC_ELIMIT, "preparation: no memory") : OC_OK;
}

oc_status oc__prepare_parse(struct prepare_program **out, const char *text)
{
    *out = NULL;
    struct prepare_program *p = oc__alloc(1, sizeof *p);
    if (p == NULL)
        return OC_ELIMIT;
    const oc_status status = parse_into(p, text);
    if (status == OC_OK)
        *out = p;
    else
        oc__prepare_free(p);
    return status;
}

const char *oc__prepare_text(const struct prepare_program *p)
{
    return oc__str_text(&p->text);
}

void oc__prepare_free(struct prepare_program *p)
{
    if (p == NULL)
        return;
    oc__steps_free(&p->steps);
    oc__str_free(&p->text);
    oc__free(p);
}

/* ---- shapes ------------------------------------------------------------------------------- */

static int known(int64_t dimension)
{
    return dimension > 0 && dimension <= IMAGE_SIDE_MAX ? (int)dimension : 0;
}

/* The table of numbers was made for so many. */
static oc_status check_channels(const struct prepare_program *p, int channels)
{
    if (p->extent.channels == 0 || channels == p->extent.channels)
        return OC_OK;
    return oc__fail(OC_EINPUT, "the preparation ends with numbers for %d channels, not %d",
                    p->extent.channels, channels);
}

oc_status oc__prepare_shape(const struct prepare_program *p, const oc_shape *in, oc_shape *out)
{
    struct extent e = { 0 };
    if (in != NULL && in->rank == 3)
        e = (struct extent){ known(in->dim[1]), known(in->dim[2]), known(in->dim[0]) };
    TRY(oc__prepare_extent(p, true, &e));
    TRY(check_channels(p, e.channels ? e.channels : p->extent.channels));
    *out = OC_SHAPE(e.channels ? e.channels : OC_UNKNOWN, e.height ? e.height : OC_UNKNOWN,
                    e.width ? e.width : OC_UNKNOWN);
    return OC_OK;
}

oc_status oc_preparation_shape(const char *preparation, const oc_shape *image, oc_shape *out)
{
    struct prepare_program *p;
    TRY(oc__prepare_parse(&p, preparation));
    const oc_status status = oc__prepare_shape(p, image, out);
    oc__prepare_free(p);
    return status;
}

/* Steps that look at single pixels may come before the one that makes the image smaller. */
bool oc__prepare_enough(const struct prepare_program *p, struct extent *extent)
{
    for (int i = 0; i < p->images; i++) {
        const struct prepare *kind = kind_of(&p->steps.step[i]);
        if (kind->enough != NULL)
            return kind->enough(p->steps.step[i].attr, extent);
        if (!kind->pointwise)
            return false;
    }
    return false;
}

/* ---- as nodes ----------------------------------------------------------------------------- */

static oc_status add_step(struct nodes *n, const struct step *step, int number)
{
    char place[64];
    snprintf(place, sizeof place, "%d_%s", number, step->entry->name);
    oc_scope(n->g, place);
    const struct prepare *const kind = kind_of(step);
    const oc_status status = kind->nodes(step->attr, n);
    oc_scope_end(n->g);
    if (kind->number != NULL)
        n->white = kind->number(step->attr, (struct channel){ 0, n->channels }, n->white, n->white);
    return status ? oc__fail(status, "preparation: step %d (%s) cannot be nodes: %s", number,
                             step->entry->name, oc_error())
                  : OC_OK;
}

oc_status oc__prepare_nodes(const struct prepare_program *p, oc_graph *g, oc_value image,
                            const oc_shape *shape, oc_value *x)
{
    struct nodes n;
    TRY(oc_graph_check(g));
    oc_scope(g, "preparation");
    oc__nodes_begin(&n, g, image);
    oc_status status = OC_OK;
    for (int i = 0; i < p->steps.n && !status; i++)
        status = add_step(&n, &p->steps.step[i], i + 1);
    if (!status)
        status = oc__nodes_end(&n, shape);
    oc_scope_end(g);
    *x = n.x;
    return status;
}

/* ---- running ------------------------------------------------------------------------------ */

static oc_status check_shape(const struct prepare_program *p, const oc_image *image,
                             const oc_shape *shape)
{
    const int64_t *want = shape->dim;
    TRY(check_channels(p, image->channels));
    if (shape->rank == 3 && want[0] == image->channels && want[1] == image->height
        && want[2] == image->width)
        return OC_OK;
    return oc__fail(OC_EINPUT, "prepared image: [%d, %d, %d], but [%lld, %lld, %lld] is wanted",
                    image->channels, image->height, image->width, (long long)want[0],
                    (long long)want[1], (long long)want[2]);
}

oc_status oc__prepare_pixels(const struct prepare_program *p, bool fit, struct canvas *canvas)
{
    for (int i = 0; i < p->images; i++) {
        const struct prepare *kind = kind_of(&p->steps.step[i]);
        if (!fit && kind->fits)
            continue;
        if (!kind->early)
            TRY(oc__canvas_settle(canvas));
        TRY(kind->apply(p->steps.step[i].attr, canvas));
    }
    return oc__canvas_settle(canvas);
}

oc_status oc__prepare_numbers(const struct prepare_program *p, const oc_image *image,
                              const oc_shape *shape, float *x)
{
    TRY(check_shape(p, image, shape));
    oc__numbers_of(&p->numbers, image, x);
    return OC_OK;
}

oc_status oc__prepare_run(const struct prepare_program *p, const oc_image *image,
                          const oc_shape *shape, float *x)
{
    struct view view;
    return oc__prepare_view(p, image, shape, x, &view);
}

oc_status oc__prepare_view(const struct prepare_program *p, const oc_image *image,
                           const oc_shape *shape, float *x, struct view *view)
{
    struct canvas canvas = { .image = *image };
    oc_status     status = oc__prepare_pixels(p, true, &canvas);
    if (status == OC_OK)
        status = oc__prepare_numbers(p, &canvas.image, shape, x);
    *view = oc__canvas_view(&canvas);
    oc__canvas_free(&canvas);
    return status;
}

static oc_status prepare_new(const struct prepare_program *p, struct canvas *canvas,
                             oc_tensor *out)
{
    TRY(oc__prepare_pixels(p, true, canvas));
    const oc_image *const image = &canvas->image;
    *out = (oc_tensor){ OC_F32, OC_SHAPE(image->channels, image->height, image->width), NULL };
    out->data = oc__block_alloc(oc_tensor_bytes(out));
    return out->data ? oc__prepare_numbers(p, image, &out->shape, out->data) : OC_ELIMIT;
}

oc_status oc_image_prepare(oc_tensor *out, const oc_image *image, const char *preparation)
{
    struct prepare_program *p;
    struct canvas canvas = { .image = *image };
    *out = (oc_tensor){ 0 };
    TRY(oc__prepare_parse(&p, preparation));
    const oc_status status = prepare_new(p, &canvas, out);
    if (status < 0)
        oc_tensor_free(out);
    oc__canvas_free(&canvas);
    oc__prepare_free(p);
    return status;
}
