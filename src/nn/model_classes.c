/* model_classes.c — the classes of a model beside those of data: matched by name, or another head.
 *
 * A class without a name is called by its number.  Where each of the data's names is one of the
 * model's, labels become the model's; where one side has numbers alone, classes follow in order;
 * anything else would measure nonsense and is refused. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/status.h"
#include "data/dataset.h"
#include "nn/model.h"
#include "param/store.h"

/* ---- matching ------------------------------------------------------------------------------ */

static bool are_numbers(const char *const *name, int n)
{
    char number[16];
    for (int i = 0; i < n; i++) {
        snprintf(number, sizeof number, "%d", i);
        if (strcmp(name[i], number) != 0)
            return false;
    }
    return true;
}

/* Finds the data's classes; the one that is not there is *missing, or that stays -1. */
static oc_status find_classes(const oc_model *m, const oc_data *d, int32_t *to, int *missing)
{
    struct map place = { 0 };
    bool       enough = true;
    *missing = -1;
    for (int i = m->classes - 1; i >= 0; i--)           /* of equal names the first counts */
        enough &= oc__map_put(&place, m->class_name[i], i);
    for (int i = 0; enough && i < d->classes; i++) {
        to[i] = (int32_t)oc__map_get(&place, d->class_name[i], -1);
        if (to[i] < 0 && *missing < 0)
            *missing = i;
    }
    oc__map_free(&place);
    return enough ? OC_OK : OC_ELIMIT;
}

static oc_status refuse(const oc_model *m, const oc_data *d, int missing)
{
    if (d->classes > m->classes)
        return oc__fail(OC_EUSAGE, "the data has %d classes, the model knows %d", d->classes,
                        m->classes);
    return oc__fail(OC_EUSAGE, "class %s of the data is none of the model's (%s%s%s%s): "
                               "where they are the same, give the model's other names",
                    oc__quote_z(d->class_name[missing]), m->class_name[0],
                    m->classes > 1 ? ", " : "", m->classes > 1 ? m->class_name[1] : "",
                    m->classes > 2 ? " …" : "");
}

oc_status oc__model_match(const oc_model *m, const oc_data *d, int32_t *to)
{
    int missing;
    TRY(find_classes(m, d, to, &missing));
    if (missing < 0)
        return OC_OK;
    if (d->classes > m->classes || !(are_numbers((const char *const *)m->class_name, m->classes)
                                     || are_numbers(d->class_name, d->classes)))
        return refuse(m, d, missing);
    for (int i = 0; i < d->classes; i++)
        to[i] = i;
    return OC_OK;
}

static bool in_order(const int32_t *to, int n)
{
    int i = 0;
    while (i < n && to[i] == i)
        i++;
    return i == n;
}

static oc_status match(const oc_model *m, oc_data *d, int32_t *to)
{
    TRY(oc__model_match(m, d, to));
    if (in_order(to, d->classes))
        return OC_OK;
    return oc__data_rename(d, to, m->classes, (const char *const *)m->class_name);
}

oc_status oc_model_match(const oc_model *m, oc_data *d)
{
    if (strcmp(oc_model_task(m), oc_data_task(d)) != 0 || oc__data_has_masks(d))
        return OC_OK;
    int32_t *const  to = oc__alloc((size_t)d->classes, sizeof *to);
    const oc_status status = to ? match(m, d, to) : OC_ELIMIT;
    oc__free(to);
    return status;
}

oc_status oc__model_knows(const oc_model *m, const oc_data *d, bool *knows)
{
    int32_t *const  to = oc__alloc((size_t)d->classes, sizeof *to);
    const oc_status status = to ? oc__model_match(m, d, to) : OC_ELIMIT;
    *knows = status == OC_OK;
    oc__free(to);
    return status == OC_EUSAGE ? OC_OK : status;
}

oc_status oc__model_check_order(const oc_model *m, const oc_data *d)
{
    int32_t *const to = oc__alloc((size_t)d->classes, sizeof *to);
    oc_status      status = to ? oc__model_match(m, d, to) : OC_ELIMIT;
    if (status == OC_OK && !in_order(to, d->classes))
        status = oc__fail(OC_EUSAGE, "the data's classes are in another order than the model's: "
                                     "match them first (oc_model_match)");
    oc__free(to);
    return status;
}

/* ---- another head -------------------------------------------------------------------------- */

/* The values of all parameters that are not the head's; those begin anew. */
static oc_status take_all_but(oc_model *to, const oc_model *from, const char *head)
{
    oc_store *const s = to->store, *const old = from->store;
    for (int i = 0; i < s->n; i++)
        s->parameter[i].ready |= !oc__is_of_step(s->parameter[i].name, head);
    TRY(oc__store_ready(s, ROLE_VALUE));
    for (int i = 0; i < s->n; i++)
        if (!oc__is_of_step(s->parameter[i].name, head))
            memcpy(oc__store_place(s, ROLE_VALUE, i), oc__store_place(old, ROLE_VALUE, i),
                   (size_t)oc_shape_count(&s->parameter[i].shape) * sizeof(float));
    oc_store_touch(s);
    return OC_OK;
}

oc_status oc__model_new_head(oc_model **out, oc_model *m, const oc_model_options *o,
                             const char *path)
{
    const oc_data *const d = o->data;
    const int            head = oc__model_open_head(m);
    *out = NULL;
    if (head < 0)
        return oc__fail(OC_EUSAGE, "%s: is for %d classes, the data has %d others, and its last "
                                   "layer cannot be exchanged", path, m->classes, d->classes);
    TRY(oc__model_from_steps(out, &(oc_model_options){
        .architecture = m->architecture, .input = m->input, .task = m->task,
        .preparation = m->preparation, .classes = d->classes, .class_name = d->class_name,
        .init = o->init, .seed = o->seed }));
    TRY(oc__model_set_loss(*out, m->loss));
    TRY(take_all_but(*out, m, m->step[head].name));
    oc__note("%s: its head %s is for %d other classes (%s%s); that of the model, for %d, begins "
             "anew", path, m->step[head].name, m->classes, m->class_name[0],
             m->classes > 1 ? " …" : "", d->classes);
    return OC_OK;
}
