/* store.h — parameters from the inside.
 *
 * Every role (value, gradient, each optimizer state) is one flat block of floats; a parameter has
 * the same offset in all of them, a multiple of 16 so that rows of a vector unit never straddle
 * two. Trainable parameters and statistics have blocks of their own, so that an optimizer is one
 * loop. Blocks grow when parameters are added and keep their offsets; padding stays zero. */
#ifndef OC_PARAM_STORE_H
#define OC_PARAM_STORE_H

#include "base/attr.h"
#include "base/map.h"
#include "ocellus.h"

/* An initialiser: fills n numbers of a parameter of this shape; element i is a function of (key,
 * i). */
struct init {
    struct entry entry;
    void (*fill)(const void *attr, const oc_shape *shape, uint64_t key, float *value, int64_t n);
};
extern const struct entry *const oc__init_list[];

struct parameter {
    const char        *name;
    oc_shape           shape;
    oc_parameter_kind  kind;
    int64_t            count, offset;                   /* in floats, into the blocks of its kind */
    const struct init *init;
    void              *init_attr;
    bool               ready;                           /* has a value: initialised or loaded */
};

enum role {
    ROLE_VALUE,
    ROLE_GRADIENT,
    ROLE_STATE_1,
    ROLE_STATE_2,
    ROLE_STATE_3,
    ROLE_AVERAGE,
    ROLES
};

struct oc_store {
    struct pool       pool;
    struct map        by_name;
    struct parameter *parameter;
    int               n, capacity;
    int64_t           length[2];                        /* floats per kind, padding included */
    int64_t           allocated[ROLES][2];
    float            *block[ROLES][2];                  /* by role and kind */
    uint64_t          seed;
    uint64_t          version;                          /* counts changes of values */
};

/* Declares a parameter, or finds it: *index.  One that exists must have this shape. */
oc_status oc__store_declare(oc_store *s, const char *name, const oc_shape *shape,
                            oc_parameter_kind kind, const char *init, int *index);

/* Makes sure that blocks of this role exist for all parameters; initialises values that are not
 * ready. */
oc_status oc__store_ready(oc_store *s, enum role role);

static inline float *oc__store_place(const oc_store *s, enum role role, int i)
{
    return s->block[role][s->parameter[i].kind] + s->parameter[i].offset;
}

/* A copy with the same parameters and values (states are not copied). */
oc_status oc__store_copy(oc_store **out, oc_store *s);

#endif
