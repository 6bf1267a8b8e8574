/* train_options.c — from the words of the command line to the options of a training.
 *
 * --learning-rate and the like are attributes of the optimizer's step: they are put into its text
 * in place of what stands there, so that its own table checks them. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "cli/open.h"
#include "cli/cmd_train.h"

static const double usual_validation = 0.1;

const char *const oc__train_devices[] = { "auto", "cpu", "cuda", NULL };
const char *const oc__train_precisions[] = { "f32", "f64", NULL };   /* in the order of oc_dtype */

/* Appends a step without the words that begin with one of the keys. */
static void add_without(struct str *out, const char *step, const char *const *keys)
{
    for (step += strspn(step, " "); *step; step += strspn(step, " ")) {
        const size_t n = strcspn(step, " "), key = strcspn(step, "= ");
        bool keep = true;
        for (int i = 0; keys[i]; i++)
            keep &= key >= n || strlen(keys[i]) != key || strncmp(step, keys[i], key) != 0;
        if (keep) {
            oc__str_addz(out, out->n ? " " : "");
            oc__str_add(out, step, n);
        }
        step += n;
    }
}

/* The step `own` where the user gave one, else `usual`, with key=value for every value given. */
static oc_status compose(struct str *out, const char *own, const char *usual,
                         const char *const *key, const char *const *value)
{
    const char *replaced[8] = { NULL };
    int n = 0;
    for (int i = 0; key[i]; i++)
        if (value[i])
            replaced[n++] = key[i];
    if (!own && n == 0)
        return OC_OK;
    add_without(out, own ? own : usual, own ? replaced + n : replaced);
    for (int i = 0; key[i]; i++)
        if (value[i])
            oc__str_addf(out, " %s=%s", key[i], value[i]);
    return out->failed ? OC_ELIMIT : OC_OK;
}

static const char *text_or_null(const struct str *s)
{
    return s->n ? s->text : NULL;
}

static oc_status read_count(const char *option, const char *text, int64_t least, int64_t *out)
{
    char *end;
    *out = strtoll(text, &end, 10);
    if (end == text || *end || *out < least || *out > INT64_C(1) << 40)
        return oc__fail(OC_EUSAGE, "train: %s: %s: wants %s", option, oc__quote_z(text),
                        least ? "a whole number of at least 1" : "a whole number of at least 0");
    return OC_OK;
}

static oc_status read_batch(const struct train *t, oc_train_options *out)
{
    if (!t->batch)
        return OC_OK;
    if (strcmp(t->batch, "full") == 0) {
        out->batch = OC_BATCH_FULL;
        return OC_OK;
    }
    if (read_count("--batch", t->batch, 1, &out->batch) < 0)
        return oc__fail(OC_EUSAGE, "train: --batch: %s: wants a whole number of at least 1, or "
                                   "full", oc__quote_z(t->batch));
    return OC_OK;
}

static oc_status read_validation(const struct train *t, oc_train_options *out)
{
    out->validation = usual_validation;
    if (!t->val)
        return OC_OK;
    if (strcmp(t->val, "test") == 0) {
        out->validation = 0;
        out->watch_test = true;
        return OC_OK;
    }
    if (!oc__double_read(t->val, &out->validation) || out->validation < 0 || out->validation >= 1)
        return oc__fail(OC_EUSAGE, "train: --val: %s: wants a fraction from 0 to below 1, or test",
                        oc__quote_z(t->val));
    return OC_OK;
}

/* Dividing is a matter of the data: where only the model's seed changes, the division stays. */
static oc_status read_split_seed(const struct train *t, oc_train_options *out)
{
    int64_t seed = t->seed;
    if (t->words.data_seed)
        TRY(read_count("--data-seed", t->words.data_seed, 0, &seed));
    out->split_seed = (uint64_t)seed;
    return OC_OK;
}

static oc_status read_workers(const struct train *t, oc_train_options *out)
{
    return t->workers ? oc__read_workers("train", t->workers, &out->workers) : OC_OK;
}

static oc_status read_steps(const struct train *t, const oc_zoo_entry *zoo,
                            struct train_texts *texts, oc_train_options *out)
{
    const char *const usual = zoo && zoo->optimizer ? zoo->optimizer : "adamw";
    const char *const pace = zoo && zoo->schedule ? zoo->schedule : "constant";
    const char *const keys[] = { "learning_rate", "momentum", "weight_decay", "decay_norms",
                                 NULL };
    const char *const values[] = { t->learning_rate, t->momentum, t->weight_decay,
                                   t->decay_norms ? "true" : NULL };
    const char *const warmup_key[] = { "warmup", NULL };
    TRY(compose(&texts->optimizer, t->optimizer, usual, keys, values));
    TRY(compose(&texts->schedule, t->schedule, pace, warmup_key, &t->warmup));
    out->optimizer = text_or_null(&texts->optimizer);
    out->schedule = text_or_null(&texts->schedule);
    return OC_OK;
}

/* The specification of the data with what options add to it. */
static oc_status read_data(const struct train *t, struct train_texts *texts, oc_train_options *out)
{
    TRY(oc__data_spec(t->data, &t->words, &texts->data));
    out->data_spec = oc__str_text(&texts->data);
    return OC_OK;
}

/* Steps are recorded as the architecture that they make. */
static const char *recorded_name(const char *word)
{
    return oc_zoo_find(word) || !oc__names_new_model(word) ? word : NULL;
}

oc_status oc__train_options(const struct train *t, struct train_texts *texts,
                            oc_train_options *out)
{
    const oc_zoo_entry *const zoo = oc_zoo_find(t->model);
    *out = (oc_train_options){
        .loss = t->loss,
        .augment = t->augment,
        .freeze = t->freeze,
        .epochs = t->epochs,
        .accumulate = t->accumulate,
        .clip_norm = t->clip,
        .average = t->average,
        .seed = (uint64_t)t->seed,
        .threads = (int)t->threads,
        .device = oc__train_devices[t->device],
        .backends = t->backends,
        .precision = (oc_dtype)t->precision,
        .patience = t->patience,
        .checkpoint_every = t->checkpoint_every,
        .keep_checkpoints = t->keep,
        .model_name = recorded_name(t->model),
        .weights = t->load,
    };
    TRY(read_data(t, texts, out));
    TRY(read_batch(t, out));
    TRY(read_validation(t, out));
    TRY(read_split_seed(t, out));
    TRY(read_workers(t, out));
    return read_steps(t, zoo, texts, out);
}

/* --val beside an option that says what is validated on too; what the specification says itself is
 * the library's to compare. */
static oc_status check_validation(const struct train *t, const oc_train_options *o,
                                  const oc_data *data)
{
    static const char also[] = "train: --%s and --val exclude each other, since both say what is "
                               "validated on";
    if (t->val && (t->words.folds || t->words.fold))
        return oc__fail(OC_EUSAGE, also, "folds");
    if (t->val && t->words.split && o->validation > 0 && oc_data_count(data, OC_PART_VAL) > 0)
        return oc__fail(OC_EUSAGE, also, "split");
    return OC_OK;
}

oc_status oc__train_data(const struct train *t, oc_train_options *o, oc_data **out)
{
    TRY(oc_data_open(out, o->data_spec));
    if (!t->val && oc_data_count(*out, OC_PART_VAL) > 0)
        o->validation = 0;
    const oc_status status = check_validation(t, o, *out);
    if (status < 0) {
        oc_data_free(*out);
        *out = NULL;
    }
    return status;
}

oc_status oc__train_model(const struct train *t, const oc_data *data, oc_model **out)
{
    const struct model_request request = {
        .word = t->model, .load = t->load, .adopt = true, .data = data,
        .preparation = t->prepare, .init = t->init, .seed = t->seed, .class_file = t->classes,
    };
    return oc__open_model(out, &request);
}

void oc__train_run_name(const char *word, struct str *out)
{
    const char *const slash = strrchr(word, '/');
    const char *const base = slash ? slash + 1 : word;
    if (strpbrk(word, " ;") || !*base)
        oc__str_addz(out, "steps");
    else
        oc__str_add(out, base, strcspn(base, ".:,"));
}

/* Only the last would count. */
static oc_status check_track(const struct operands *operands)
{
    int n = 0;
    for (int i = 0; i < operands->argc && strcmp(operands->argv[i], "--"); i++)
        n += !strcmp(operands->argv[i], "--track") || !strncmp(operands->argv[i], "--track=", 8);
    return n < 2 ? OC_OK
        : oc__fail(OC_EUSAGE, "train: --track: is given twice; name all parameters in one, as in "
                              "--track c1.weight,16,fc.weight");
}

oc_status oc__train_operands(const struct train *t, const struct operands *operands)
{
    TRY(check_track(operands));
    if (operands->n > 1)
        return oc__fail(OC_EUSAGE, "train: %s is one word too many; see `ocellus train --help`",
                        oc__quote_z(operands->word[1]));
    if (operands->n && t->model)
        return oc__fail(OC_EUSAGE, "train: MODEL and --model are two ways to say the same");
    return OC_OK;
}

void oc__train_texts_free(struct train_texts *texts)
{
    oc__str_free(&texts->optimizer);
    oc__str_free(&texts->schedule);
    oc__str_free(&texts->data);
}
