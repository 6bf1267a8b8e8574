/* settings.c — resolving settings, and their place in run.json, by a table. */
#include "train/settings.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "base/map.h"
#include "base/status.h"
#include "image/augment.h"
#include "data/dataset.h"
#include "nn/model.h"
#include "param/store.h"
#include "task/task.h"
#include "train/optimizer.h"
#include "train/schedule.h"

enum { MICRO_BATCH = 512 };                             /* samples of a full batch run at once */

/* ---- the table ---------------------------------------------------------------------------- */

enum kind { TEXT, INT, INT64, HASH, NUMBER, FLAG, DTYPE };

struct row {
    const char *name;
    enum kind   kind;
    size_t      offset;
    bool        free_to_change;                         /* without changing what is computed */
};

#define ROW(name, kind, field)  { name, kind, offsetof(struct settings, field), false }
#define FREE(name, kind, field) { name, kind, offsetof(struct settings, field), true }

static const struct row rows[] = {
    FREE("model", TEXT, train.model_name),
    FREE("weights", TEXT, train.weights),
    ROW("architecture", TEXT, model.architecture),
    ROW("task", TEXT, model.task),
    ROW("channels", INT64, model.input.dim[0]),
    ROW("height", INT64, model.input.dim[1]),
    ROW("width", INT64, model.input.dim[2]),
    ROW("preparation", TEXT, model.preparation),
    ROW("init", TEXT, model.init),
    ROW("model_seed", HASH, model.seed),
    FREE("data", TEXT, train.data_spec),
    ROW("data_hash", HASH, data_hash),
    ROW("train_samples", INT64, train_samples),
    ROW("val_samples", INT64, val_samples),
    ROW("validation", NUMBER, train.validation),
    ROW("split_seed", HASH, train.split_seed),
    ROW("watch_test", FLAG, train.watch_test),
    ROW("augmentation", TEXT, train.augment),
    ROW("freeze", TEXT, train.freeze),
    ROW("loss", TEXT, train.loss),
    ROW("optimizer", TEXT, train.optimizer),
    ROW("schedule", TEXT, train.schedule),
    ROW("epochs", INT64, train.epochs),
    ROW("batch", INT64, train.batch),
    ROW("accumulate", INT64, train.accumulate),
    ROW("clip_norm", NUMBER, train.clip_norm),
    ROW("average", NUMBER, train.average),
    ROW("patience", INT64, train.patience),
    ROW("seed", HASH, train.seed),
    ROW("precision", DTYPE, train.precision),
    FREE("threads", INT, train.threads),
    FREE("workers", INT, train.workers),
    FREE("device", TEXT, train.device),
    FREE("backends", TEXT, train.backends),
    FREE("measure_fit", FLAG, train.measure_fit),
    FREE("checkpoint_every", INT64, train.checkpoint_every),
    FREE("keep_checkpoints", INT64, train.keep_checkpoints),
    FREE("watch", TEXT, train.watch),
};
enum { ROWS = sizeof rows / sizeof *rows };

/* ---- writing ------------------------------------------------------------------------------ */

static void write_text(const char *text, struct str *out)
{
    if (!text)
        oc__str_addz(out, "null");
    else if (!oc__json_quote(out, text))
        out->failed = true;                             /* a text that JSON cannot hold */
}

static void write_row(const struct settings *s, const struct row *row, struct str *out)
{
    const void *const field = (const char *)s + row->offset;
    char text[32];
    switch (row->kind) {
    case TEXT:   write_text(*(const char *const *)field, out); break;
    case INT:    oc__str_addf(out, "%d", *(const int *)field); break;
    case INT64:  oc__str_addf(out, "%lld", (long long)*(const int64_t *)field); break;
    case HASH:   oc__str_addf(out, "\"%016llx\"", *(const unsigned long long *)field); break;
    case NUMBER: oc__str_addz(out, oc__double_text(*(const double *)field, text)); break;
    case FLAG:   oc__str_addz(out, *(const bool *)field ? "true" : "false"); break;
    case DTYPE:  write_text(oc_dtype_name(*(const oc_dtype *)field), out); break;
    }
}

static void write_rows(const struct settings *s, bool all, struct str *out)
{
    for (int i = 0; i < ROWS; i++)
        if (all || !rows[i].free_to_change) {
            oc__str_addf(out, "    \"%s\": ", rows[i].name);
            write_row(s, &rows[i], out);
            oc__str_addz(out, ",\n");
        }
    oc__str_addz(out, "    \"classes\": [");
    for (int i = 0; i < s->model.classes; i++) {
        oc__str_addz(out, i ? ", " : "");
        write_text(s->model.class_name[i], out);
    }
    oc__str_addz(out, "]\n");
}

void oc__settings_write(const struct settings *s, struct str *out)
{
    oc__str_addz(out, "{\n");
    write_rows(s, true, out);
    oc__str_addz(out, "  }");
}

oc_status oc__settings_hash(const struct settings *s, uint64_t *hash)
{
    struct str text = { 0 };
    write_rows(s, false, &text);
    const oc_status status = text.failed ? OC_ELIMIT : OC_OK;
    *hash = oc__hash(oc__str_text(&text));
    oc__str_free(&text);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------ */

static oc_status read_text(struct settings *s, struct json *j, const char **out)
{
    const char *text;
    *out = NULL;
    if (oc__json_peek(j) == 'n')
        return oc__json_skip(j);
    TRY(oc__json_string(j, &text));
    *out = oc__pool_strdup(&s->pool, text);
    return *out ? OC_OK : OC_ELIMIT;
}

static oc_status read_hash(struct json *j, uint64_t *out)
{
    const char *text;
    TRY(oc__json_string(j, &text));
    if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return oc__json_fail(j, "%s: wants 16 hexadecimal digits", oc__quote_z(text));
    *out = strtoull(text, NULL, 16);
    return OC_OK;
}

static oc_status read_int(struct json *j, int *out)
{
    int64_t v;
    TRY(oc__json_integer(j, &v));
    if (v < -1 || v > 1 << 20)
        return oc__json_fail(j, "%lld is out of range", (long long)v);
    *out = (int)v;
    return OC_OK;
}

static oc_status read_dtype(struct json *j, oc_dtype *out)
{
    const char *text;
    TRY(oc__json_string(j, &text));
    for (*out = OC_F32; *out < OC_DTYPES; ++*out)
        if (!strcmp(text, oc_dtype_name(*out)))
            return OC_OK;
    return oc__json_fail(j, "%s: is no type", oc__quote_z(text));
}

static oc_status read_row(struct settings *s, struct json *j, const struct row *row)
{
    void *const field = (char *)s + row->offset;
    switch (row->kind) {
    case TEXT:   return read_text(s, j, field);
    case INT:    return read_int(j, field);
    case INT64:  return oc__json_integer(j, field);
    case HASH:   return read_hash(j, field);
    case NUMBER: return oc__json_number(j, field);
    case FLAG:   return oc__json_bool(j, field);
    case DTYPE:  return read_dtype(j, field);
    }
    return OC_EBUG;
}

static oc_status read_classes(struct settings *s, struct json *j)
{
    enum { MOST = 1 << 16 };
    const char **names = NULL;
    TRY(oc__json_open(j, '['));
    for (int n = 0;; n++) {
        bool more;
        TRY(oc__json_item(j, &more));
        if (!more)
            break;
        if ((n & (n - 1)) == 0) {                       /* full: room for twice as many */
            const size_t room = 2 * (size_t)(n + 1);
            const char **const bigger = oc__pool_alloc(&s->pool, room * sizeof *names);
            if (!bigger || n > MOST)
                return oc__json_fail(j, "too many classes");
            if (n)
                memcpy(bigger, names, (size_t)n * sizeof *names);
            names = bigger;
        }
        TRY(read_text(s, j, &names[n]));
        if (!names[n])
            return oc__json_fail(j, "a class without a name");
        s->model.classes = n + 1;
    }
    s->model.class_name = names;
    return OC_OK;
}

static oc_status read_one(struct settings *s, struct json *j, const char *key, uint64_t *seen)
{
    if (!strcmp(key, "classes"))
        return read_classes(s, j);
    for (int i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].name, key)) {
            *seen |= (uint64_t)1 << i;
            return read_row(s, j, &rows[i]);
        }
    return oc__json_skip(j);
}

/* A text that changes no result may be missing, as one that an older program did not know. */
static bool may_lack(const struct row *row)
{
    return row->free_to_change && row->kind == TEXT;
}

static oc_status check(const struct settings *s, const struct json *j, uint64_t seen)
{
    static_assert(ROWS <= 64, "a bit of `seen` for each row");
    for (int i = 0; i < ROWS; i++)
        if (!(seen >> i & 1) && !may_lack(&rows[i]))
            return oc__json_fail(j, "the setting \"%s\" is missing", rows[i].name);
    const oc_train_options *const t = &s->train;
    if (!s->model.architecture || !t->loss || !t->optimizer || s->model.classes < 1)
        return oc__json_fail(j, "the model, its classes, loss or optimizer is missing");
    if (t->epochs < 1 || t->batch < 1 || t->accumulate < 1 || t->threads < 1)
        return oc__json_fail(j, "epochs, batch, accumulate and threads must be 1 or more");
    if (t->keep_checkpoints < 1 || t->checkpoint_every < 0)
        return oc__json_fail(j, "checkpoints: nothing to keep, or an interval below 0");
    return OC_OK;
}

oc_status oc__settings_read(struct settings *s, struct json *j)
{
    uint64_t seen = 0;
    TRY(oc__json_open(j, '{'));
    for (const char *key;;) {
        TRY(oc__json_key(j, &key));
        if (!key)
            break;
        TRY(read_one(s, j, key, &seen));
    }
    s->model.input.rank = 3;
    return check(s, j, seen);
}

/* ---- resolving ---------------------------------------------------------------------------- */

static const char *keep(struct settings *s, const char *text, bool *good)
{
    const char *const copy = text ? oc__pool_strdup(&s->pool, text) : NULL;
    *good &= copy != NULL || text == NULL;
    return copy;
}

static oc_status keep_texts(struct settings *s, const oc_model *m)
{
    bool good = true;
    const char **const texts[] = {
        &s->model.architecture, &s->model.task, &s->model.preparation, &s->model.init,
        &s->train.augment, &s->train.loss, &s->train.optimizer, &s->train.schedule,
        &s->train.device, &s->train.backends, &s->train.run, &s->train.data_spec,
        &s->train.model_name, &s->train.weights, &s->train.watch, &s->train.freeze,
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = keep(s, *texts[i], &good);
    const char **const names = oc__pool_alloc(&s->pool, (size_t)m->classes * sizeof *names);
    for (int i = 0; names && i < m->classes; i++)
        names[i] = keep(s, m->class_name[i], &good);
    s->model.class_name = names;
    return good && names ? OC_OK : OC_ELIMIT;
}

/* A full batch is run in pieces, so that its memory does not grow with the data. */
static void resolve_batch(oc_train_options *t, int64_t samples, int64_t suggested)
{
    if (t->accumulate == 0)
        t->accumulate = 1;
    if (t->batch == 0)
        t->batch = suggested;
    if (t->batch == OC_BATCH_FULL) {
        t->batch = samples < MICRO_BATCH ? samples : MICRO_BATCH;
        t->accumulate = (samples + t->batch - 1) / t->batch;
    }
    if (t->batch > samples)
        t->batch = samples;
}

/* How many samples an epoch shows; a program of augmentation may show each several times. */
static oc_status count_shown(const struct settings *s, int64_t *shown)
{
    struct augment_program *p;
    *shown = s->train_samples;
    if (!s->train.augment)
        return OC_OK;
    TRY(oc__augment_parse(&p, s->train.augment));
    *shown *= oc__augment_times(p);
    oc__augment_free(p);
    return OC_OK;
}

static void resolve_options(struct settings *s, const oc_model *m, int64_t shown)
{
    oc_train_options *const t = &s->train;
    const oc_zoo_entry *const zoo = t->model_name ? oc_zoo_find(t->model_name) : NULL;
    const char *const optimizer = zoo && zoo->optimizer ? zoo->optimizer : "adamw";
    const char *const schedule = zoo && zoo->schedule ? zoo->schedule : "constant";
    t->loss = t->loss ? t->loss : oc__model_loss(m);
    t->optimizer = t->optimizer ? t->optimizer : optimizer;
    t->schedule = t->schedule ? t->schedule : schedule;
    t->device = t->device ? t->device : "auto";
    if (t->epochs == 0)
        t->epochs = zoo && zoo->epochs ? zoo->epochs : 10;
    if (t->threads == 0)
        t->threads = omp_get_num_procs();
    if (t->workers == 0)
        t->workers = t->threads < omp_get_num_procs() ? 1 : -1;
    if (t->keep_checkpoints == 0)
        t->keep_checkpoints = 3;
    resolve_batch(t, shown, zoo && zoo->batch ? zoo->batch : 64);
}

static oc_status check_options(const oc_train_options *o)
{
    enum { EPOCHS_MAX = 10000000 };
    if (o->epochs < 0 || o->epochs > EPOCHS_MAX)
        return oc__fail(OC_EUSAGE, "epochs: %lld is not in 0 … %d", (long long)o->epochs,
                        EPOCHS_MAX);
    if (o->batch < OC_BATCH_FULL || o->accumulate < 0)
        return oc__fail(OC_EUSAGE, "batch and accumulate: must not be negative");
    if (!(o->clip_norm >= 0) || isinf(o->clip_norm))
        return oc__fail(OC_EUSAGE, "clip_norm: %g is not a norm", o->clip_norm);
    if (!(o->average >= 0 && o->average < 1))
        return oc__fail(OC_EUSAGE, "average: %g is not in [0, 1)", o->average);
    if (!(o->validation >= 0 && o->validation < 1))
        return oc__fail(OC_EUSAGE, "validation: %g is not in [0, 1)", o->validation);
    if (o->watch_test && o->validation > 0)
        return oc__fail(OC_EUSAGE, "validation: either on the test part or on training data");
    if (o->threads < 0 || o->workers < -1)
        return oc__fail(OC_EUSAGE, "threads or workers: below 0");
    if (o->checkpoint_every < 0 || o->keep_checkpoints < 0)
        return oc__fail(OC_EUSAGE, "checkpoints: the interval or number is below 0");
    if (o->precision != OC_F32 && o->precision != OC_F64)
        return oc__fail(OC_EUSAGE, "precision %s: training computes in f32 or f64",
                        oc_dtype_name(o->precision));
    return o->patience < 0 ? oc__fail(OC_EUSAGE, "patience: is below 0") : OC_OK;
}

static oc_status check_texts(const oc_train_options *o)
{
    const struct optimizer *optimizer;
    struct augment_program *augment = NULL;
    struct schedule schedule;
    struct hyper    hyper;
    if (o->optimizer)
        TRY(oc__optimizer_parse(o->optimizer, &optimizer, &hyper));
    TRY(oc__schedule_parse(o->schedule, &schedule));
    if (o->augment)
        TRY(oc__augment_parse(&augment, o->augment));
    oc__augment_free(augment);
    return OC_OK;
}

oc_status oc_train_check(const oc_train_options *options)
{
    TRY(check_options(options));
    return check_texts(options);
}

oc_status oc__settings_resolve(struct settings *s, const oc_model *m, const oc_data *d,
                               const oc_train_options *options)
{
    *s = (struct settings){
        .model = { .architecture = m->architecture, .input = m->input, .classes = m->classes,
                   .preparation = m->preparation, .init = m->init, .seed = m->store->seed,
                   .task = m->task },
        .train = *options, .data_hash = oc_data_hash(d),
        .train_samples = oc_data_count(d, OC_PART_TRAIN),
        .val_samples = oc_data_count(d, OC_PART_VAL),
    };
    TRY(check_options(options));
    if (m->input.rank != 3)
        return oc__fail(OC_EUSAGE, "the model's input has %d dimensions, wants [c, h, w]",
                        m->input.rank);
    if (s->train_samples == 0)
        return oc__fail(OC_EINPUT, "the data has no samples to train on");
    TRY(oc__task_check_data(m, d));
    if (options->patience > 0 && oc__settings_watched(s) == OC_PARTS)
        return oc__fail(OC_EUSAGE, "patience: nothing is validated, so that no loss can be waited "
                                   "for");
    if (options->workers == 0)
        s->train.workers = oc__data_workers(d);
    int64_t shown;
    TRY(count_shown(s, &shown));
    resolve_options(s, m, shown);
    return keep_texts(s, m);
}

void oc__settings_free(struct settings *s)
{
    oc__pool_free(&s->pool);
    *s = (struct settings){ 0 };
}

oc_part oc__settings_watched(const struct settings *s)
{
    if (s->train.watch_test)
        return OC_PART_TEST;
    return s->val_samples > 0 ? OC_PART_VAL : OC_PARTS;
}
