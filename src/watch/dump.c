/* dump.c — the observer that shows the first batches as the network gets them.
 *
 * Each becomes a contact sheet, epoch-E-step-S.png.  Numbers become pixels by undoing what the
 * preparation makes of 0 and of 255 in each channel; what augmentation drives beyond is cut. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "image/image.h"
#include "image/prepare.h"
#include "watch/chart.h"
#include "watch/watch.h"

enum { COLUMNS = 10, CELL = 88, CHANNELS_MAX = 4 };

struct dump_settings { char folder[ATTR_LINE_MAX]; int64_t batches, samples; };

struct dump {
    struct dump_settings settings;
    oc_model            *model;
    int64_t              left;                          /* batches to come */
    double               black[CHANNELS_MAX], white[CHANNELS_MAX];
};

/* ---- from numbers to pixels ---------------------------------------------------------------- */

/* What an image of one value becomes, by channels of the input [c, h, w]. */
static oc_status prepared(const struct prepare_program *program, const oc_shape *shape, int value,
                          double *out)
{
    const size_t plane = (size_t)(shape->dim[1] * shape->dim[2]);
    float *const x = oc__alloc((size_t)oc_shape_count(shape), sizeof *x);
    oc_image image = { 0 };
    oc_status status = x ? oc__image_new(&image, "dump", shape->dim[2], shape->dim[1],
                                         (int)shape->dim[0]) : OC_ELIMIT;
    if (status >= 0) {
        memset(image.pixel, value, oc__image_bytes(&image));
        status = oc__prepare_numbers(program, &image, shape, x);
    }
    for (size_t k = 0; status >= 0 && k < (size_t)shape->dim[0]; k++)
        out[k] = (double)x[k * plane];
    oc_image_free(&image);
    oc__free(x);
    return status;
}

static oc_status learn_scale(struct dump *d)
{
    const oc_shape shape = oc_model_input(d->model);
    struct prepare_program *program;
    if (shape.rank != 3 || shape.dim[0] > CHANNELS_MAX)
        return oc__fail(OC_EUSAGE, "dump: the network's input is no image");
    TRY(oc__prepare_parse(&program, oc_model_preparation(d->model)));
    oc_status status = prepared(program, &shape, 0, d->black);
    if (status >= 0)
        status = prepared(program, &shape, 255, d->white);
    oc__prepare_free(program);
    return status;
}

static oc_status to_image(const struct dump *d, const float *x, oc_image *out)
{
    const oc_shape shape = oc_model_input(d->model);
    const size_t channels = (size_t)shape.dim[0], plane = (size_t)(shape.dim[1] * shape.dim[2]);
    TRY(oc__image_new(out, "dump", shape.dim[2], shape.dim[1], (int)channels));
    for (size_t i = 0; i < plane; i++)
        for (size_t k = 0; k < channels; k++) {
            const double whole = d->white[k] - d->black[k];
            const double v = whole != 0 ? ((double)x[k * plane + i] - d->black[k]) / whole : 0;
            out->pixel[channels * i + k] = (uint8_t)lrint(255 * fmin(fmax(v, 0), 1));
        }
    return OC_OK;
}

/* ---- a sheet ------------------------------------------------------------------------------- */

/* "cat", or "cat 70 %", "dog 30 %" where two were blended, the larger share first. */
static void write_caption(const struct dump *d, const oc_update *u, int64_t i, struct exhibit *out)
{
    int64_t label[2] = { ((const int64_t *)u->in[1].data)[i] };
    double share = u->in[3].data ? oc_tensor_get(&u->in[3], 0) : 1;
    label[1] = u->in[2].data ? ((const int64_t *)u->in[2].data)[i] : label[0];
    const bool turned = share < 0.5;
    share = turned ? 1 - share : share;
    const char *const more = oc_model_class_name(d->model, (int)label[turned]);
    const char *const less = oc_model_class_name(d->model, (int)label[!turned]);
    if (share > 0.995 || label[0] == label[1]) {
        snprintf(out->caption[0].name, CAPTION_MAX, "%s", more);
        return;
    }
    snprintf(out->caption[0].name, CAPTION_MAX, "%s", more);
    snprintf(out->caption[0].number, CAPTION_NUMBER, " %.0f %%", 100 * share);
    snprintf(out->caption[1].name, CAPTION_MAX, "%s", less);
    snprintf(out->caption[1].number, CAPTION_NUMBER, " %.0f %%", 100 * (1 - share));
}

static oc_status fill(const struct dump *d, const oc_update *u, struct exhibit *exhibits, int n)
{
    const oc_shape shape = oc_model_input(d->model);
    const size_t length = (size_t)oc_shape_count(&shape);
    for (int i = 0; i < n; i++) {
        TRY(to_image(d, (const float *)u->in[0].data + (size_t)i * length, &exhibits[i].image));
        write_caption(d, u, i, &exhibits[i]);
    }
    return OC_OK;
}

static oc_status save(const struct dump *d, const oc_update *u, const struct gallery *g)
{
    struct str words = { 0 }, path = { 0 };
    const struct figure f = oc__gallery_figure(g, &words);
    oc__str_addf(&path, "%s/epoch-%" PRId64 "-step-%" PRId64 ".png", d->settings.folder, u->epoch,
                 u->step);
    oc_status status = path.failed ? OC_ELIMIT : oc__make_directories(d->settings.folder);
    if (status >= 0)
        status = oc__figure_save(&f, path.text, WRITE_REPLACE);
    oc__str_free(&words);
    oc__str_free(&path);
    return status;
}

static oc_status update(void *context, const oc_update *u)
{
    struct dump *const d = context;
    if (d->left == 0)
        return OC_OK;
    const int64_t batch = u->in[0].shape.dim[0];
    const int n = (int)(batch < d->settings.samples ? batch : d->settings.samples);
    struct exhibit *const exhibits = oc__alloc((size_t)n, sizeof *exhibits);
    char title[64], subtitle[96];
    oc_status status = exhibits ? fill(d, u, exhibits, n) : OC_ELIMIT;
    snprintf(title, sizeof title, "Epoch %" PRId64 ", step %" PRId64, u->epoch, u->step);
    snprintf(subtitle, sizeof subtitle, "%d of %" PRId64 " samples, as the network sees them", n,
             batch);
    const struct gallery g = { .title = title, .subtitle = subtitle, .exhibit = exhibits, .n = n,
                               .columns = COLUMNS, .cell = CELL };
    if (status >= 0)
        status = save(d, u, &g);
    for (int i = 0; exhibits && i < n; i++)
        oc_image_free(&exhibits[i].image);
    oc__free(exhibits);
    d->left--;
    return status;
}

/* ---- the observer -------------------------------------------------------------------------- */

static oc_status begin(void *context, const oc_train_info *info)
{
    struct dump *const d = context;
    d->model = info->model;
    d->left = d->settings.batches;
    return learn_scale(d);
}

static oc_status make(oc_observer *out, const void *attr)
{
    struct dump *const d = oc__alloc(1, sizeof *d);
    if (!d)
        return OC_ELIMIT;
    d->settings = *(const struct dump_settings *)attr;
    *out = (oc_observer){ .begin = begin, .update = update, .context = d };
    return OC_OK;
}

static const struct attr attrs[] = {
    ATTR(struct dump_settings, LINE, folder, "batches", "where sheets are written"),
    ATTR_RANGE(struct dump_settings, INT, batches, "4", "how many, from the beginning", 1, 1e6),
    ATTR_RANGE(struct dump_settings, INT, samples, "60", "of each batch, at most", 1, 1000),
    { 0 },
};

const struct watcher oc__watcher_dump = {
    .entry = { "dump", "the first batches as contact sheets, as the network sees them", attrs,
               sizeof(struct dump_settings) },
    .make = make,
};
