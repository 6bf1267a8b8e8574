/* event_hparams.c — settings and results of a training, for the plugin that compares experiments
 * (tensorboard/plugins/hparams/plugin_data.proto, api.proto).
 *
 * What it reads are values of a Summary without numbers: all is in the metadata, addressed to the
 * plugin.  An experiment lists settings and measures; a session, which is a folder, says what its
 * settings are and how it ended; measures are scalars of the folders below it. */
#include <string.h>

#include "base/attr.h"
#include "train/optimizer.h"
#include "watch/event.h"

enum { VALUE = 1, TAG = 1, TENSOR = 8, METADATA = 9, PLUGIN = 1, NAME = 1, CONTENT = 2 };
enum { EXPERIMENT = 2, SESSION_START = 3, SESSION_END = 4 };
enum { TYPE_STRING = 1, TYPE_NUMBER = 3, DT_FLOAT = 1, SUCCESS = 1, FAILURE = 2 };

/* A setting is a text, or else a number. */
struct setting { const char *name; bool is_text; };
static const struct setting settings[] = {
    { "model", true }, { "data", true }, { "loss", true }, { "optimizer", true },
    { "schedule", true }, { "augmentation", true }, { "preparation", true },
    { "learning_rate", false }, { "weight_decay", false }, { "momentum", false },
    { "batch", false }, { "accumulate", false }, { "epochs", false }, { "seed", false },
    { "parameters", false },
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static const struct { const char *folder, *tag, *name; } measures[] = {
    { "validation", "accuracy", "validation accuracy" },
    { "validation", "loss", "validation loss" },
    { "train", "accuracy", "training accuracy" },
    { "train", "loss", "training loss" },
    { "test", "accuracy", "test accuracy" },
};
enum { MEASURES = sizeof measures / sizeof *measures };

/* ---- the value around it -------------------------------------------------------------------- */

static void begin_value(struct pb_writer *w, const char *tag)
{
    oc__pb_begin(w, VALUE);
    oc__pb_put_text(w, TAG, tag);
    oc__pb_begin(w, TENSOR);                            /* of no elements, f32 [0] */
    oc__pb_put_int(w, 1, DT_FLOAT);
    oc__pb_begin(w, 2);
    oc__pb_begin(w, 2);
    oc__pb_put_int(w, 1, 0);
    oc__pb_end(w);
    oc__pb_end(w);
    oc__pb_end(w);
    oc__pb_begin(w, METADATA);
    oc__pb_begin(w, PLUGIN);
    oc__pb_put_text(w, NAME, "hparams");
    oc__pb_begin(w, CONTENT);                           /* HParamsPluginData, as bytes */
}

static void end_value(struct pb_writer *w)
{
    for (int i = 0; i < 4; i++)
        oc__pb_end(w);
}

/* ---- what there is ------------------------------------------------------------------------- */

void oc__event_experiment(struct event_file *f)
{
    struct pb_writer *const w = &f->record;
    begin_value(w, "_hparams_/experiment");
    oc__pb_begin(w, EXPERIMENT);
    oc__pb_put_double(w, 3, oc__event_now());
    for (int i = 0; i < SETTINGS; i++) {
        oc__pb_begin(w, 4);
        oc__pb_put_text(w, 1, settings[i].name);
        oc__pb_put_int(w, 4, settings[i].is_text ? TYPE_STRING : TYPE_NUMBER);
        oc__pb_end(w);
    }
    for (int i = 0; i < MEASURES; i++) {
        oc__pb_begin(w, 5);
        oc__pb_begin(w, 1);
        oc__pb_put_text(w, 1, measures[i].folder);
        oc__pb_put_text(w, 2, measures[i].tag);
        oc__pb_end(w);
        oc__pb_put_text(w, 3, measures[i].name);
        oc__pb_end(w);
    }
    oc__pb_end(w);
    end_value(w);
}

/* ---- what it is here ----------------------------------------------------------------------- */

struct value { const char *text; double number; };

/* The optimizer's name and numbers, in the order of the settings from `optimizer` on. */
static void read_optimizer(const char *text, struct steps *steps, struct value *name,
                           struct value *numbers)
{
    name->text = text;
    if (!text || oc__steps_parse(steps, oc__optimizer_list, "optimizer", text) < 0
        || steps->n != 1)
        return;
    const struct hyper *const h = steps->step[0].attr;
    name->text = steps->step[0].entry->name;
    numbers[0].number = h->learning_rate;
    numbers[1].number = h->weight_decay;
    numbers[2].number = h->momentum;
}

static void put_value(struct pb_writer *w, const struct setting *s, const struct value *v)
{
    oc__pb_begin(w, 1);
    oc__pb_put_text(w, 1, s->name);
    oc__pb_begin(w, 2);
    if (s->is_text)
        oc__pb_put_text(w, 3, v->text && *v->text ? v->text : "none");
    else
        oc__pb_put_double(w, 2, v->number);
    oc__pb_end(w);
    oc__pb_end(w);
}

void oc__event_session_start(struct event_file *f, const oc_train_info *info)
{
    const oc_train_options *const o = info->options;
    struct pb_writer *const w = &f->record;
    struct steps optimizer = { 0 };
    struct value v[SETTINGS] = {
        { .text = o->model_name ? o->model_name : oc_model_architecture(info->model) },
        { .text = o->data_spec }, { .text = o->loss }, { 0 }, { .text = o->schedule },
        { .text = o->augment }, { .text = oc_model_preparation(info->model) }, { 0 }, { 0 }, { 0 },
        { .number = (double)o->batch }, { .number = (double)o->accumulate },
        { .number = (double)o->epochs }, { .number = (double)o->seed },
        { .number = (double)info->parameters },
    };
    read_optimizer(o->optimizer, &optimizer, &v[3], &v[7]);
    begin_value(w, "_hparams_/session_start_info");
    oc__pb_begin(w, SESSION_START);
    for (int i = 0; i < SETTINGS; i++)
        put_value(w, &settings[i], &v[i]);
    oc__pb_put_double(w, 5, oc__event_now());
    oc__pb_end(w);
    end_value(w);
    oc__steps_free(&optimizer);
}

void oc__event_session_end(struct event_file *f, bool success)
{
    struct pb_writer *const w = &f->record;
    begin_value(w, "_hparams_/session_end_info");
    oc__pb_begin(w, SESSION_END);
    oc__pb_put_int(w, 1, success ? SUCCESS : FAILURE);
    oc__pb_put_double(w, 2, oc__event_now());
    oc__pb_end(w);
    end_value(w);
}
