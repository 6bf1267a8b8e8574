/* run.c — the folder of a run and its files. */
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/log.h"
#include "base/status.h"

enum { RUN_JSON_MAX = 64 << 20, DEPTH = 8 };

/* ---- the folder --------------------------------------------------------------------------- */

static oc_status join(const char *folder, const char *name, char **out)
{
    struct str path = { 0 };
    oc__str_addf(&path, "%s/%s", folder, name);
    if (path.failed) {
        oc__str_free(&path);
        return OC_ELIMIT;
    }
    *out = path.text;
    return OC_OK;
}

void oc__run_sweep(const char *folder)
{
    struct names names;
    if (oc__list_directory(folder, &names) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        char *path;
        if (strncmp(names.name[i], ".tmp-", 5) || join(folder, names.name[i], &path) < 0)
            continue;
        if (unlink(path) == 0)
            oc__note("%s: left half written by an earlier process, removed", path);
        oc__free(path);
    }
    oc__names_free(&names);
}

static oc_status lock_folder(struct run *r)
{
    char *path;
    TRY(join(r->folder, FOOTPRINT_LOCK, &path));
    const oc_status status = oc__lock(path, &r->lock);
    if (status < 0)
        r->lock = -1;
    oc__free(path);
    return status;
}

static oc_status holds_a_run(const struct run *r, bool *holds)
{
    char *path;
    TRY(join(r->folder, "run.json", &path));
    *holds = oc__is_file(path);
    oc__free(path);
    return OC_OK;
}

static oc_status name_paths(struct run *r, const char *folder)
{
    *r = (struct run){ .lock = -1, .folder = oc__strdup(folder) };
    return r->folder ? join(folder, "checkpoints", &r->checkpoints) : OC_ELIMIT;
}

static oc_status refuse_a_run(const struct run *r)
{
    bool holds;
    TRY(holds_a_run(r, &holds));
    if (holds)
        return oc__fail(OC_EIO, "%s: holds a run already; resume it or choose another folder",
                        r->folder);
    return OC_OK;
}

/* Looked at once more under the lock: another process may have been quicker. */
oc_status oc__run_create(struct run *r, const char *folder)
{
    *r = (struct run){ .lock = -1 };
    if (!folder)
        return OC_OK;
    TRY(name_paths(r, folder));
    TRY(refuse_a_run(r));
    oc__footprint_look(&r->before, r->folder);
    TRY(oc__make_directories(r->folder));
    TRY(lock_folder(r));
    TRY(refuse_a_run(r));
    TRY(oc__footprint_list(&r->before, r->folder));
    TRY(oc__make_directories(r->checkpoints));
    oc__run_sweep(r->folder);
    oc__run_sweep(r->checkpoints);
    return OC_OK;
}

void oc__run_undo(const struct run *r)
{
    static const char *const made[] = {
        "run.json", "metrics.csv", "model.safetensors", "last.safetensors", "report.html",
        "plots", "events/train", "events/validation", "events/test", "events", "checkpoints",
        FOOTPRINT_LOCK, NULL
    };
    if (r->folder)
        oc__footprint_undo(&r->before, r->folder, made);
}

oc_status oc__run_open(struct run *r, const char *folder)
{
    bool holds;
    TRY(name_paths(r, folder));
    TRY(holds_a_run(r, &holds));
    if (!holds)
        return oc__fail(OC_EIO, "%s: holds no run (there is no run.json)", folder);
    TRY(lock_folder(r));
    TRY(oc__make_directories(r->checkpoints));
    oc__run_sweep(r->folder);
    oc__run_sweep(r->checkpoints);
    return OC_OK;
}

void oc__run_close(struct run *r)
{
    if (r->folder && r->lock >= 0)
        oc__unlock(r->lock);
    oc__free(r->folder);
    oc__free(r->checkpoints);
    oc__footprint_free(&r->before);
    *r = (struct run){ .lock = -1 };
}

/* ---- run.json ----------------------------------------------------------------------------- */

static oc_status write_text(const struct run *r, const char *name, const struct str *text)
{
    char *path;
    if (text->failed)
        return oc__fail(OC_ELIMIT, "%s/%s: no memory, or a text that is not UTF-8", r->folder,
                        name);
    TRY(join(r->folder, name, &path));
    const oc_status status = oc__write_file(path, text->text, text->n, WRITE_REPLACE);
    oc__free(path);
    return status;
}

/* The numbers of a result and of the epoch whose model was kept, by name. */
struct number { const char *name; size_t offset; };
#define NUMBER(name, field) { name, offsetof(struct run_record, field) }

static const struct number integers[] = {
    NUMBER("best_epoch", best_epoch), NUMBER("last_epoch", last_epoch),
    NUMBER("kept_epoch", kept.epoch), NUMBER("planned_bytes", planned_bytes),
};
static const struct number reals[] = {
    NUMBER("best_val_accuracy", best_val_accuracy), NUMBER("train_loss", kept.train_loss),
    NUMBER("train_accuracy", kept.train_accuracy), NUMBER("val_loss", kept.val_loss),
    NUMBER("val_accuracy", kept.val_accuracy), NUMBER("learning_rate", kept.learning_rate),
    NUMBER("test_loss", test_loss), NUMBER("test_accuracy", test_accuracy),
    NUMBER("fit_loss", fit_loss), NUMBER("fit_accuracy", fit_accuracy), NUMBER("seconds", seconds),
};
enum { INTEGERS = sizeof integers / sizeof *integers, REALS = sizeof reals / sizeof *reals };

const char *const oc__run_states[RUN_STATES] = {
    [RUN_RUNNING] = "running", [RUN_FINISHED] = "finished", [RUN_INTERRUPTED] = "interrupted",
    [RUN_DIVERGED] = "diverged", [RUN_FAILED] = "failed",
};

static void write_state(const struct run_record *record, struct str *out)
{
    oc__str_addf(out, ",\n  \"status\": \"%s\"", oc__run_states[record->state]);
    if (!*record->reason)
        return;
    oc__str_addz(out, ",\n  \"reason\": ");
    out->failed |= !oc__json_quote(out, record->reason);
}

static void write_result(const struct run_record *record, struct str *out)
{
    oc__str_addf(out, ",\n  \"result\": {\n    \"stopped_early\": %s",
                 record->stopped_early ? "true" : "false");
    for (int i = 0; i < INTEGERS; i++) {
        const int64_t *const v = (const void *)((const char *)record + integers[i].offset);
        oc__str_addf(out, ",\n    \"%s\": %lld", integers[i].name, (long long)*v);
    }
    for (int i = 0; i < REALS; i++) {
        const double *const v = (const void *)((const char *)record + reals[i].offset);
        char text[32];
        oc__str_addf(out, ",\n    \"%s\": %s", reals[i].name,
                     isfinite(*v) ? oc__double_text(*v, text) : "null");
    }
    oc__str_addz(out, "\n  }");
}

oc_status oc__run_write(const struct run *r, const struct settings *s,
                        const struct run_record *record)
{
    struct str text = { 0 };
    if (!r->folder)
        return OC_OK;
    oc__str_addz(&text, "{\n  \"ocellus\": ");
    text.failed |= !oc__json_quote(&text, record->version);
    oc__str_addz(&text, ",\n  \"kernels\": ");
    text.failed |= !oc__json_quote(&text, record->kernels);
    write_state(record, &text);
    oc__str_addz(&text, ",\n  \"settings\": ");
    oc__settings_write(s, &text);
    if (record->state == RUN_FINISHED)
        write_result(record, &text);
    oc__str_addz(&text, "\n}\n");
    const oc_status status = write_text(r, "run.json", &text);
    oc__str_free(&text);
    return status;
}

static oc_status read_number(struct json *j, double *v)
{
    *v = NAN;
    return oc__json_peek(j) == 'n' ? oc__json_skip(j) : oc__json_number(j, v);
}

static oc_status read_figure(struct json *j, const char *key, struct run_record *record)
{
    for (int i = 0; i < INTEGERS; i++)
        if (!strcmp(key, integers[i].name))
            return oc__json_integer(j, (void *)((char *)record + integers[i].offset));
    for (int i = 0; i < REALS; i++)
        if (!strcmp(key, reals[i].name))
            return read_number(j, (void *)((char *)record + reals[i].offset));
    return strcmp(key, "stopped_early") ? oc__json_skip(j)
                                        : oc__json_bool(j, &record->stopped_early);
}

static oc_status read_result(struct json *j, struct run_record *record)
{
    TRY(oc__json_open(j, '{'));
    for (const char *key;;) {
        TRY(oc__json_key(j, &key));
        if (!key)
            return OC_OK;
        TRY(read_figure(j, key, record));
    }
}

static oc_status read_status(struct json *j, struct run_record *record)
{
    const char *text;
    TRY(oc__json_string(j, &text));
    for (int i = 0; i < RUN_STATES; i++)
        if (!strcmp(text, oc__run_states[i])) {
            record->state = (enum run_state)i;
            return OC_OK;
        }
    return oc__json_fail(j, "status %s: there is no such state of a run", oc__quote_z(text));
}

static oc_status read_words(struct json *j, char *out, size_t room)
{
    const char *text;
    TRY(oc__json_string(j, &text));
    snprintf(out, room, "%s", text);
    return OC_OK;
}

static oc_status read_all(struct json *j, struct settings *s, struct run_record *record)
{
    bool settings = false;
    TRY(oc__json_open(j, '{'));
    for (const char *key;;) {
        TRY(oc__json_key(j, &key));
        if (!key)
            break;
        if (!strcmp(key, "ocellus")) {
            TRY(read_words(j, record->version, sizeof record->version));
        } else if (!strcmp(key, "kernels")) {
            TRY(read_words(j, record->kernels, sizeof record->kernels));
        } else if (!strcmp(key, "status")) {
            TRY(read_status(j, record));
        } else if (!strcmp(key, "result")) {
            TRY(read_result(j, record));
        } else if (!strcmp(key, "settings")) {
            TRY(oc__settings_read(s, j));
            settings = true;
        } else {
            TRY(oc__json_skip(j));
        }
    }
    TRY(oc__json_end(j));
    return settings ? OC_OK : oc__json_fail(j, "there are no settings");
}

oc_status oc__run_read(const struct run *r, struct settings *s, struct run_record *record)
{
    struct json json;
    char *path, *text;
    size_t n;
    *record = (struct run_record){ .test_loss = NAN, .test_accuracy = NAN, .fit_loss = NAN,
                                   .fit_accuracy = NAN };
    TRY(join(r->folder, "run.json", &path));
    oc_status status = oc__file_load(path, RUN_JSON_MAX, &text, &n);
    if (status >= 0) {
        oc__json_begin(&json, path, text, n, 0, DEPTH);
        status = read_all(&json, s, record);
        oc__json_free(&json);
        oc__free(text);
    }
    oc__free(path);
    return status;
}

/* ---- the other files ---------------------------------------------------------------------- */

void oc__metrics_row(const oc_epoch *e, struct str *out)
{
    if (!e) {
        oc__str_addz(out, "epoch,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate\n");
        return;
    }
    const double column[] = { e->train_loss, e->train_accuracy, e->val_loss, e->val_accuracy,
                              e->learning_rate };
    char text[32];
    oc__str_addf(out, "%lld", (long long)e->epoch);
    for (size_t i = 0; i < sizeof column / sizeof *column; i++)
        oc__str_addf(out, ",%s", isnan(column[i]) ? "" : oc__double_text(column[i], text));
    oc__str_addz(out, "\n");
}

oc_status oc__run_metrics(const struct run *r, const oc_epoch *epoch, int64_t n)
{
    struct str text = { 0 };
    if (!r->folder)
        return OC_OK;
    oc__metrics_row(NULL, &text);
    for (int64_t i = 0; i < n; i++)
        oc__metrics_row(&epoch[i], &text);
    const oc_status status = write_text(r, "metrics.csv", &text);
    oc__str_free(&text);
    return status;
}

oc_status oc__run_model(const struct run *r, oc_model *m, const char *name)
{
    char *path;
    if (!r->folder)
        return OC_OK;
    TRY(join(r->folder, name, &path));
    const oc_status status = oc_model_save(m, path, true);
    oc__free(path);
    return status;
}
