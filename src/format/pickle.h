/* pickle.h — a machine for the part of Python's pickles that describes tensors.
 *
 * A pickle is a program for a stack machine (Python's pickletools.py documents it).  Here it can
 * make numbers, texts, tuples, lists and dictionaries, and name things that its host knows; the
 * host alone says what a name or a persistent id stands for and what calling it gives.  Nothing is
 * imported or executed: a name or an opcode that is not in the tables ends the reading, with the
 * opcode and its offset. */
#ifndef OC_FORMAT_PICKLE_H
#define OC_FORMAT_PICKLE_H

#include "base/mem.h"
#include "ocellus.h"

enum item_kind {
    ITEM_MARK, ITEM_NONE, ITEM_BOOL, ITEM_INTEGER, ITEM_NUMBER, ITEM_TEXT, ITEM_TUPLE, ITEM_LIST,
    ITEM_DICT, ITEM_GLOBAL, ITEM_STORAGE, ITEM_TENSOR
};

/* Sequences may be shared, and may contain themselves: whoever walks them must count. */
struct sequence;
struct item {
    enum item_kind kind;
    union {
        int64_t          integer;
        double           number;
        const char      *text;
        struct sequence *sequence;                      /* of a dictionary: key, value, key, … */
        const void      *object;                        /* the host's */
    };
};
struct sequence { struct item *item; int n, capacity; };

struct pickle;
struct pickle_host {
    /* What "module name" stands for; NULL: unknown, and refused. */
    const void *(*find)(const char *module, const char *name);
    /* What calling it gives; and what a persistent id stands for. */
    oc_status   (*call)(struct pickle *p, const void *object, const struct sequence *arguments,
                        struct item *out);
    oc_status   (*persistent)(struct pickle *p, const struct item *id, struct item *out);
};

struct pickle {
    const struct pickle_host *host;
    void                     *context;                  /* the host's */
    const char               *path;
    const unsigned char      *text;                     /* borrowed */
    size_t                    n, at, opcode_at;
    int64_t                   offset;                   /* of the text in the file */
    struct pool              *pool;                     /* for all that is made */
    struct sequence           stack, memo;
    int64_t                   items;                    /* made so far */
};

/* Runs the program to its end; *out lives in the pool. */
oc_status oc__pickle_run(struct pickle *p, struct item *out);

/* Fails at the present opcode: "path: offset 81: REDUCE: …". */
oc_status oc__pickle_fail(const struct pickle *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The value of a text key; NULL: none. */
const struct item *oc__pickle_value(const struct item *dict, const char *key);

#endif
