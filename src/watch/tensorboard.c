/* tensorboard.c — the observer that writes what TensorBoard shows.
 *
 *     FOLDER/              settings and outcome, the graph, samples, the confusion matrix,
 *                          histograms of parameters and of the gradients of an epoch's last update
 *     FOLDER/train/        loss, accuracy and learning rate of epochs; batch/… of single updates
 *     FOLDER/validation/   loss and accuracy of what is watched, under the same names
 *     FOLDER/test/         the same of the best model on the test part, at the end
 *
 * so that curves of one name lie over each other.  Steps are updates throughout: a training that is
 * resumed begins new files and says from which update on older ones do not count any more; where it
 * goes on after an epoch, whose numbers a process that was killed may not have told, it tells them
 * again.  The format wants the time of day, so these files are not among those that are the same
 * for the same run. */
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "image/image.h"
#include "nn/model.h"
#include "param/store.h"
#include "train/optimizer.h"
#include "watch/chart.h"
#include "watch/event.h"
#include "watch/watch.h"

enum { SAMPLES = 10, VARIANTS = 6, CONFUSION_CLASSES_MAX = 60, TAG_MAX = 300 };

struct settings { char folder[ATTR_LINE_MAX]; int64_t every; bool histograms, images; };

struct board {
    struct settings      settings;
    struct str           folder, png;                   /* folder: "" where nothing is written */
    struct event_file    root, train, validation, test;
    oc_model            *model;
    const char          *freeze;
    int64_t              steps, resumed;                /* an epoch's updates; those before */
    int64_t              again;                         /* the first that is told, or told again */
    double               loss;                          /* of the last update */
    const char         **class_name;
};

/* ---- files --------------------------------------------------------------------------------- */

/* Opens a file of the training below the folder; where it is resumed, what older files there say
 * of update `again` and later ones is void. */
static oc_status open_file(const struct board *b, struct event_file *f, const char *name,
                           int64_t again)
{
    struct str path = { 0 };
    oc__str_addf(&path, "%s%s%s", oc__str_text(&b->folder), *name ? "/" : "", name);
    oc_status status = path.failed ? OC_ELIMIT : oc__event_open(f, path.text);
    oc__str_free(&path);
    if (status < 0 || b->resumed == 0)
        return status;
    oc__event_begin(f, EVENT_SESSION, again);
    oc__event_start(f);
    return oc__event_end(f);
}

/* A record of loss and accuracy, in a file that is opened for the first of them. */
static oc_status put_pair(struct board *b, struct event_file *f, const char *name, int64_t step,
                          double loss, double accuracy)
{
    if (isnan(loss) && isnan(accuracy))
        return OC_OK;
    if (f->fd < 0)
        TRY(open_file(b, f, name, b->again));
    oc__event_begin(f, EVENT_SUMMARY, step);
    oc__event_scalar(f, "loss", loss);
    oc__event_scalar(f, "accuracy", accuracy);
    return oc__event_end(f);
}

static oc_status put_epoch(struct board *b, const oc_epoch *e)
{
    const int64_t at = e->epoch * b->steps;
    oc__event_begin(&b->train, EVENT_SUMMARY, at);
    oc__event_scalar(&b->train, "loss", e->train_loss);
    oc__event_scalar(&b->train, "accuracy", e->train_accuracy);
    oc__event_scalar(&b->train, "learning_rate", e->learning_rate);
    TRY(oc__event_end(&b->train));
    return put_pair(b, &b->validation, "validation", at, e->val_loss, e->val_accuracy);
}

/* ---- pictures ------------------------------------------------------------------------------ */

static oc_status put_image(struct board *b, const char *tag, int64_t step, int width, int height)
{
    oc__event_begin(&b->root, EVENT_SUMMARY, step);
    oc__event_image(&b->root, tag, width, height, &b->png);
    return oc__event_end(&b->root);
}

/* Training samples as the network sees them; that one cannot be read is for the training to say. */
static oc_status put_samples(struct board *b, const oc_train_info *info)
{
    oc_image sheet;
    const oc_sheet_options o = {
        .part = OC_PART_TRAIN, .count = info->train < SAMPLES ? info->train : SAMPLES,
        .preparation = oc_model_preparation(info->model), .augment = info->options->augment,
        .variants = VARIANTS, .seed = info->options->seed,
    };
    if (oc_data_sheet(info->data, &o, &sheet) < 0) {
        oc__note("tensorboard: no picture of samples: %s", oc_error());
        return OC_OK;
    }
    oc__str_clear(&b->png);
    oc_status status = oc__png_encode(&sheet, &b->png);
    if (status >= 0)
        status = put_image(b, "samples", b->resumed, sheet.width, sheet.height);
    oc_image_free(&sheet);
    return status;
}

static oc_status put_confusion(struct board *b, int64_t step, const oc_metrics *m)
{
    if (m->classes > CONFUSION_CLASSES_MAX)
        return OC_OK;
    struct str words = { 0 };
    const struct confusion_chart chart = { .title = "Confusion", .classes = m->classes,
                                           .name = b->class_name, .count = m->confusion };
    const struct figure figure = oc__confusion_figure(&chart, &words);
    oc__str_clear(&b->png);
    oc_status status = oc__figure_png(&figure, &b->png);
    if (status >= 0)
        status = put_image(b, "confusion", step, (int)(2 * figure.width),
                           (int)(2 * figure.height));
    oc__str_free(&words);
    return status;
}

/* ---- histograms ---------------------------------------------------------------------------- */

/* One of each trainable parameter, in a record of its own: of its values, or of what `gradient`,
 * laid out as the trainable block, holds for those that are trained. */
static oc_status put_histograms(struct board *b, const char *group, int64_t step,
                                const float *gradient)
{
    const oc_store *const s = oc_model_store(b->model);
    char tag[TAG_MAX];
    for (int i = 0; i < s->n; i++) {
        const struct parameter *const p = &s->parameter[i];
        if (p->kind != OC_TRAINABLE || (gradient && !oc__trained(s, b->freeze, i)))
            continue;
        snprintf(tag, sizeof tag, "%s/%s", group, p->name);
        oc__event_begin(&b->root, EVENT_SUMMARY, step);
        oc__event_histogram(&b->root, tag, gradient ? gradient + p->offset
                                                    : oc__store_place(s, ROLE_VALUE, i), p->count);
        TRY(oc__event_end(&b->root));
    }
    return OC_OK;
}

/* ---- the beginning ------------------------------------------------------------------------- */

static oc_status put_graph(struct board *b)
{
    oc_graph *g;
    TRY(oc_graph_new(&g, oc_model_store(b->model)));
    oc_model_build(b->model, g, oc__model_input(b->model, g, oc_symbol(g, "N")));
    oc_status status = oc_graph_check(g);
    if (status >= 0) {
        oc__event_begin(&b->root, EVENT_GRAPH, 0);
        oc__event_graph(&b->root, g);
        status = oc__event_end(&b->root);
    }
    oc_graph_free(g);
    return status;
}

static oc_status put_settings(struct board *b, const oc_train_info *info)
{
    oc__event_begin(&b->root, EVENT_SUMMARY, 0);
    oc__event_experiment(&b->root);
    oc__event_session_start(&b->root, info);
    return oc__event_end(&b->root);
}

static oc_status keep(struct board *b, const oc_train_info *info)
{
    const int classes = oc_model_classes(info->model);
    b->model = info->model;
    b->freeze = info->options->freeze;
    b->steps = info->steps;
    b->resumed = info->resumed_step;
    b->again = b->resumed + (b->resumed != info->resumed_epochs * info->steps);
    b->class_name = oc__alloc((size_t)classes, sizeof *b->class_name);
    if (b->folder.failed || !b->class_name)
        return OC_ELIMIT;
    for (int i = 0; i < classes; i++)
        b->class_name[i] = oc_model_class_name(info->model, i);
    return OC_OK;
}

static oc_status begin(void *context, const oc_train_info *info)
{
    struct board *const b = context;
    if (*b->settings.folder)
        oc__str_addz(&b->folder, b->settings.folder);
    else if (info->run)
        oc__str_addf(&b->folder, "%s/events", info->run);
    else
        return OC_OK;
    TRY(keep(b, info));
    TRY(open_file(b, &b->root, "", b->resumed + 1));
    TRY(open_file(b, &b->train, "train", b->again));
    if (b->again == b->resumed && b->resumed > 0)
        TRY(put_epoch(b, &info->epoch[info->resumed_epochs - 1]));
    TRY(put_settings(b, info));
    TRY(put_graph(b));
    return b->settings.images ? put_samples(b, info) : OC_OK;
}

/* ---- while it trains ----------------------------------------------------------------------- */

static oc_status update(void *context, const oc_update *u)
{
    struct board *const b = context;
    b->loss = u->loss;
    if (b->root.fd < 0 || !b->settings.histograms || u->step != b->steps)
        return OC_OK;
    return put_histograms(b, "gradients", u->epoch * b->steps, u->gradient);
}

static oc_status step(void *context, const oc_progress *p)
{
    struct board *const b = context;
    const int64_t at = (p->epoch - 1) * b->steps + p->step;
    if (b->train.fd < 0 || b->settings.every == 0 || at % b->settings.every != 0)
        return OC_OK;
    oc__event_begin(&b->train, EVENT_SUMMARY, at);
    oc__event_scalar(&b->train, "batch/loss", b->loss);
    oc__event_scalar(&b->train, "batch/learning_rate", p->learning_rate);
    oc__event_scalar(&b->train, "batch/images_per_second", p->samples_per_second);
    return oc__event_end(&b->train);
}

static oc_status epoch(void *context, const oc_epoch *e, const oc_metrics *watched)
{
    struct board *const b = context;
    const int64_t at = e->epoch * b->steps;
    if (b->root.fd < 0)
        return OC_OK;
    TRY(put_epoch(b, e));
    if (b->settings.histograms)
        TRY(put_histograms(b, "parameters", at, NULL));
    return b->settings.images && watched ? put_confusion(b, at, watched) : OC_OK;
}

/* That the last words cannot be written undoes no training. */
static void tell_end(struct board *b, const oc_train_result *r)
{
    oc_status status = OC_OK;
    if (r)
        status = put_pair(b, &b->test, "test", r->last_epoch * b->steps, r->test_loss,
                          r->test_accuracy);
    if (status >= 0) {
        oc__event_begin(&b->root, EVENT_SUMMARY, 0);
        oc__event_session_end(&b->root, r != NULL);
        status = oc__event_end(&b->root);
    }
    if (status < 0)
        oc__note("tensorboard: the end is not told: %s", oc_error());
}

static void end(void *context, const oc_train_result *result)
{
    struct board *const b = context;
    if (b->root.fd >= 0)
        tell_end(b, result);
    oc__event_close(&b->root);
    oc__event_close(&b->train);
    oc__event_close(&b->validation);
    oc__event_close(&b->test);
    oc__str_free(&b->folder);
    oc__str_free(&b->png);
    oc__free(b->class_name);
    b->class_name = NULL;
}

/* ---- the kind ------------------------------------------------------------------------------ */

static oc_status make(oc_observer *out, const void *attr)
{
    struct board *const b = oc__alloc(1, sizeof *b);
    if (!b)
        return OC_ELIMIT;
    b->settings = *(const struct settings *)attr;
    b->root = b->train = b->validation = b->test = EVENT_FILE_CLOSED;
    *out = (oc_observer){ .begin = begin, .update = update, .step = step, .epoch = epoch,
                          .end = end, .context = b };
    return OC_OK;
}

static const struct attr attrs[] = {
    ATTR(struct settings, LINE, folder, "", "where files go; empty: events/ of the run's folder"),
    ATTR_RANGE(struct settings, INT, every, "10",
               "updates between points of batch/…; 0: there are none", 0, 1e9),
    ATTR(struct settings, BOOL, histograms, "true", "of parameters and gradients, every epoch"),
    ATTR(struct settings, BOOL, images, "true", "samples, and the confusion matrix every epoch"),
    { 0 },
};

const struct watcher oc__watcher_tensorboard = {
    .entry = { "tensorboard", "files for TensorBoard: curves, histograms, pictures, the graph",
               attrs, sizeof(struct settings) },
    .make = make,
};
