/* store.c — declaring parameters, their blocks, and copies of a store. */
#include "param/store.h"

#include <stdio.h>
#include <string.h>
#include "base/rng.h"
#include "base/status.h"

enum { ALIGNMENT = 16 };                                /* floats */
static const int64_t block_max = INT64_C(1) << 60;      /* floats: more than any machine holds */

oc_status oc_store_new(oc_store **out, uint64_t seed)
{
    oc_store *s = oc__alloc(1, sizeof *s);
    *out = s;
    if (!s)
        return OC_ELIMIT;
    s->seed = seed;
    s->version = 1;
    return OC_OK;
}

void oc_store_free(oc_store *s)
{
    if (!s)
        return;
    for (int role = 0; role < ROLES; role++)
        for (int kind = 0; kind < 2; kind++)
            oc__block_free(s->block[role][kind]);
    oc__map_free(&s->by_name);
    oc__free(s->parameter);
    oc__pool_free(&s->pool);
    oc__free(s);
}

/* "uniform low=0 high=1" → the initialiser and its attributes. */
static oc_status read_init(oc_store *s, struct parameter *p, const char *text)
{
    const struct entry *e;
    char name[ATTR_TEXT_MAX];
    const size_t n = strcspn(text, " ");
    snprintf(name, sizeof name, "%.*s", (int)n, text);
    TRY(oc__entry_find(oc__init_list, "initialiser", name, &e));
    p->init = (const struct init *)e;
    p->init_attr = oc__pool_alloc(&s->pool, e->size ? e->size : 1);
    if (!p->init_attr)
        return OC_ELIMIT;
    oc__attr_defaults(e, p->init_attr);
    return oc__attr_parse(e, p->init_attr, e->name, text + n);
}

static oc_status declared_before(const struct parameter *p, const oc_shape *shape)
{
    if (oc_shape_equal(&p->shape, shape))
        return OC_OK;
    struct str have = { 0 }, want = { 0 };
    for (int i = 0; i < p->shape.rank; i++)
        oc__str_addf(&have, "%s%lld", i ? "," : "", (long long)p->shape.dim[i]);
    for (int i = 0; i < shape->rank; i++)
        oc__str_addf(&want, "%s%lld", i ? "," : "", (long long)shape->dim[i]);
    oc__fail(OC_EUSAGE, "parameter %s has shape [%s], the model wants [%s]", p->name,
             oc__str_text(&have), oc__str_text(&want));
    oc__str_free(&have);
    oc__str_free(&want);
    return OC_EUSAGE;
}

oc_status oc__store_declare(oc_store *s, const char *name, const oc_shape *shape,
                            oc_parameter_kind kind, const char *init, int *index)
{
    *index = (int)oc__map_get(&s->by_name, name, -1);
    if (*index >= 0)
        return declared_before(&s->parameter[*index], shape);
    const int64_t count = oc_shape_count(shape);
    if (count < 0)
        return oc__fail(OC_EUSAGE, "parameter %s: a dimension is unknown", name);
    if (count > block_max - s->length[kind])
        return oc__fail(OC_EUSAGE, "parameter %s: %lld elements: all may have %lld", name,
                        (long long)count, (long long)block_max);
    if (s->n == s->capacity) {
        const int capacity = s->capacity ? 2 * s->capacity : 32;
        struct parameter *p =
            oc__grow(s->parameter, (size_t)s->capacity, (size_t)capacity, sizeof *p);
        if (!p)
            return OC_ELIMIT;
        s->parameter = p;
        s->capacity = capacity;
    }
    struct parameter p = { .shape = *shape, .kind = kind, .count = count };
    TRY(read_init(s, &p, init ? init : "zeros"));
    p.name = oc__pool_strdup(&s->pool, name);
    p.offset = s->length[kind];
    if (!p.name || !oc__map_put(&s->by_name, p.name, s->n))
        return OC_ELIMIT;
    s->length[kind] += (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    s->parameter[s->n] = p;
    *index = s->n++;
    return OC_OK;
}

/* Makes the block of a role and kind as long as the parameters of that kind need. */
static oc_status extend(oc_store *s, enum role role, oc_parameter_kind kind)
{
    const int64_t old = s->allocated[role][kind], length = s->length[kind];
    if (old >= length)
        return OC_OK;
    float *block = oc__block_alloc((size_t)length * sizeof *block);
    if (!block)
        return OC_ELIMIT;
    if (old)
        memcpy(block, s->block[role][kind], (size_t)old * sizeof *block);
    oc__block_free(s->block[role][kind]);
    s->block[role][kind] = block;
    s->allocated[role][kind] = length;
    return OC_OK;
}

oc_status oc__store_ready(oc_store *s, enum role role)
{
    for (int kind = 0; kind < 2; kind++)
        TRY(extend(s, role, (oc_parameter_kind)kind));
    if (role != ROLE_VALUE)
        return OC_OK;
    for (int i = 0; i < s->n; i++) {
        struct parameter *p = &s->parameter[i];
        if (p->ready)
            continue;
        const uint64_t key = oc__key(s->seed, oc__hash(p->name));
        p->init->fill(p->init_attr, &p->shape, key, oc__store_place(s, ROLE_VALUE, i), p->count);
        p->ready = true;
        s->version++;
    }
    return OC_OK;
}

oc_status oc__store_copy(oc_store **out, oc_store *s)
{
    *out = NULL;
    TRY(oc__store_ready(s, ROLE_VALUE));
    oc_store *copy;
    TRY(oc_store_new(&copy, s->seed));
    oc_status status = OC_OK;
    for (int i = 0, at; i < s->n && !status; i++)
        status = oc__store_declare(copy, s->parameter[i].name, &s->parameter[i].shape,
                                   s->parameter[i].kind, "zeros", &at);
    if (!status)
        status = oc__store_ready(copy, ROLE_VALUE);
    if (status) {
        oc_store_free(copy);
        return status;
    }
    for (int kind = 0; kind < 2; kind++)
        if (s->length[kind])
            memcpy(copy->block[ROLE_VALUE][kind], s->block[ROLE_VALUE][kind],
                   (size_t)s->length[kind] * sizeof(float));
    *out = copy;
    return OC_OK;
}

int  oc_store_count(const oc_store *s) { return s->n; }
int oc_store_find(const oc_store *s, const char *name)
{
    return (int)oc__map_get(&s->by_name, name, -1);
}
void oc_store_touch(oc_store *s) { s->version++; }

int64_t oc_store_elements(const oc_store *s)
{
    int64_t n = 0;
    for (int i = 0; i < s->n; i++)
        n += s->parameter[i].kind == OC_TRAINABLE ? s->parameter[i].count : 0;
    return n;
}

oc_parameter oc_store_at(oc_store *s, int i)
{
    const struct parameter *p = &s->parameter[i];
    const bool ready = oc__store_ready(s, ROLE_VALUE) == OC_OK;
    return (oc_parameter){
        .name = p->name, .shape = p->shape, .kind = p->kind,
        .value = ready ? oc__store_place(s, ROLE_VALUE, i) : NULL,
    };
}

const float *oc_store_gradient(const oc_store *s, int i)
{
    const oc_parameter_kind kind = s->parameter[i].kind;
    return s->allocated[ROLE_GRADIENT][kind] ? oc__store_place(s, ROLE_GRADIENT, i) : NULL;
}
