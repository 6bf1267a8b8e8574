/* manual.c — help on topics, printed from the tables of the whole library.
 *
 * A topic is a row: its name, what its words are for, and where its entries are.  It stands here
 * since the folders above do not see all the tables. */
#include <string.h>

#include "data/dataset.h"
#include "fetch/fetch.h"
#include "image/augment.h"
#include "nn/layer.h"
#include "op/op.h"
#include "param/store.h"
#include "task/explain.h"
#include "task/task.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "watch/watch.h"

typedef const struct entry *entry_function(int i);      /* NULL after the last */

static const struct entry *layer_at(int i)       { return oc__layer_list[i]; }
static const struct entry *optimizer_at(int i)   { return oc__optimizer_list[i]; }
static const struct entry *schedule_at(int i)    { return oc__schedule_list[i]; }
static const struct entry *initialiser_at(int i) { return oc__init_list[i]; }
static const struct entry *watcher_at(int i)     { return oc__watcher_list[i]; }
static const struct entry *method_at(int i)      { return oc__explain_list[i]; }

/* Those of all tasks, one after another. */
static const struct entry *loss_at(int i)
{
    for (int k = 0; oc__task_list[k]; k++)
        for (const struct entry *const *e = oc__task_list[k]->losses; *e; e++)
            if (i-- == 0)
                return *e;
    return NULL;
}

/* Operators without those that gradients are made of, which nobody calls by name. */
static const struct entry *operator_at(int i)
{
    for (int k = 0; oc__op_list[k]; k++)
        if (!strstr(oc__op_list[k]->name, "Grad") && i-- == 0)
            return oc__op_list[k];
    return NULL;
}

static const struct entry *preparation_at(int i)
{
    return oc__prepare_list[i] ? &oc__prepare_list[i]->entry : NULL;
}

static const struct entry *augmentation_at(int i)
{
    return oc__augment_list[i] ? &oc__augment_list[i]->entry : NULL;
}

/* The kinds, and last what all of them understand. */
static const struct entry *data_at(int i)
{
    int n = 0;
    while (oc__data_list[n])
        n++;
    return i < n ? &oc__data_list[i]->entry : i == n ? &oc__data_settings : NULL;
}

static const struct entry *download_at(int i)
{
    return oc__fetch_list[i] ? &oc__fetch_list[i]->entry : NULL;
}

/* ---- printing ------------------------------------------------------------------------------ */

static int widest(entry_function *at)
{
    size_t widest = 0;
    for (int i = 0; at(i); i++)
        widest = strlen(at(i)->name) > widest ? strlen(at(i)->name) : widest;
    return (int)widest;
}

static void entries(entry_function *at, struct str *out)
{
    const int width = widest(at);
    for (int i = 0; at(i); i++) {
        const struct entry *const e = at(i);
        oc__str_addf(out, "%-*s  %s\n", width, e->name, e->summary);
        if (e->attrs)
            oc__attr_help(e, "    ", out);
    }
}

static void model(const oc_zoo_entry *z, struct str *out)
{
    oc__str_addf(out, "%s: %s\n    layers     %s\n    loss       %s\n"
                      "    optimizer  %s\n    schedule   %s\n"
                      "    batch      %lld, %lld epochs\n",
                 z->name, z->summary,
                 z->layers, z->loss ? z->loss : "softmax",
                 z->optimizer ? z->optimizer : "adamw",
                 z->schedule ? z->schedule : "constant", (long long)z->batch,
                 (long long)z->epochs);
}

static void models(struct str *out)
{
    for (int i = 0; i < oc_zoo_count(); i++) {
        oc__str_addz(out, i ? "\n" : "");
        model(oc_zoo_at(i), out);
    }
}

/* ---- topics -------------------------------------------------------------------------------- */

/* `before` and `after` stand around an example of an entry; NULL: it has none. */
static const struct topic {
    const char *name, *about;
    entry_function *at;
    const char *before, *after;
} topics[] = {
    { "models", "The zoo: `ocellus train NAME`.", NULL, NULL, NULL },
    { "layers", "Steps of a network, written `name [value] [key=value …]; name …`:\n"
                "`conv 32 kernel=5; relu; maxpool 2; flatten; linear classes`.", layer_at,
      "ocellus train --model \"…; ", "; …\"" },
    { "data", "Data sets, written `kind:place[,key=value…]`: `synth:digits,train=1000`.",
      data_at, NULL, NULL },
    { "downloads", "Data sets that `ocellus data fetch NAME` brings.", download_at,
      "ocellus data fetch ", "" },
    { "preparation", "Steps that make of an image what the network sees:\n"
                     "`grayscale; resize 28; scale`.", preparation_at,
      "ocellus train --prepare \"", "\"" },
    { "augmentation", "Random steps that training images go through, after the preparation's steps "
                      "on pixels\nand before those that make numbers: `flip; crop 32 padding=4; "
                      "noise sigma=0.02`.", augmentation_at,
      "ocellus train --augment \"", "\"" },
    { "losses", "What training makes small: `softmax smoothing=0.1`.", loss_at,
      "ocellus train --loss \"", "\"" },
    { "optimizers", "How weights follow gradients: `sgd 0.1 momentum=0.9 nesterov`.",
      optimizer_at, "ocellus train --optimizer \"", "\"" },
    { "schedules", "How the learning rate changes: `cosine warmup=100`.", schedule_at,
      "ocellus train --schedule \"", "\"" },
    { "initialisers", "What weights begin with: `kaiming_normal`, `uniform low=-0.1 high=0.1`.",
      initialiser_at, "ocellus train --init \"", "\"" },
    { "observers", "What looks on while a model trains, written as steps: "
                   "`--watch \"csv table.csv\"`.", watcher_at,
      "ocellus train --watch \"", "\"" },
    { "explanations", "Ways to see what a decision rests on: "
                      "`ocellus explain RUN IMAGE --method \"occlusion size=32\"`.", method_at,
      "ocellus explain RUN IMAGE --method \"", "\"" },
    { "operators", "What networks are made of inside, by their ONNX names.", operator_at, NULL,
      NULL },
};
enum { TOPICS = sizeof topics / sizeof *topics };

/* The operators' page for docs/ has a form of its own. */
static const char page[] = "manual";

const char *oc_manual_topic(int i)
{
    return i < 0 || i > TOPICS ? NULL : i == TOPICS ? page : topics[i].name;
}

static void explain_topic(const struct topic *t, struct str *out)
{
    oc__str_addf(out, "%s\n\n", t->about);
    if (t->at)
        entries(t->at, out);
    else
        models(out);
}

/* One entry, with its attributes and how it is written. */
static void explain_entry(const struct topic *t, const struct entry *e, struct str *out)
{
    oc__str_addf(out, "%s%s (%s)  %s\n", out->n ? "\n" : "", e->name, t->name, e->summary);
    if (e->attrs)
        oc__attr_help(e, "    ", out);
    if (!t->before)
        return;
    oc__str_addf(out, "\n  %s%s", t->before, e->example ? e->example : e->name);
    if (!e->example && e->attrs && e->attrs->name && e->attrs->preset && *e->attrs->preset) {
        oc__str_addz(out, " ");
        oc__str_addz(out, e->attrs->preset);
    }
    oc__str_addf(out, "%s\n", t->after);
}

/* What is called so in any topic, which may be several: a crop prepares, and augments. */
static void explain_name(const char *name, struct str *out)
{
    const oc_zoo_entry *const z = oc_zoo_find(name);
    if (z && strcmp(z->name, name) == 0)
        model(z, out);
    for (int t = 0; t < TOPICS; t++)
        for (int i = 0; topics[t].at && topics[t].at(i); i++)
            if (strcmp(topics[t].at(i)->name, name) == 0)
                explain_entry(&topics[t], topics[t].at(i), out);
}

const char *oc_manual_entry(int i)
{
    for (int t = 0; t < TOPICS; t++)
        for (int k = 0; topics[t].at && topics[t].at(k); k++)
            if (i-- == 0)
                return topics[t].at(k)->name;
    return i < oc_zoo_count() ? oc_zoo_at(i)->name : NULL;
}

char *oc_manual(const char *word)
{
    struct str out = { 0 };
    if (strcmp(word, page) == 0)
        oc__operators_manual(&out);
    for (int i = 0; i < TOPICS; i++)
        if (strcmp(topics[i].name, word) == 0)
            explain_topic(&topics[i], &out);
    if (out.n == 0)
        explain_name(word, &out);
    if (!out.failed)
        return out.text;
    oc__str_free(&out);
    return NULL;
}
