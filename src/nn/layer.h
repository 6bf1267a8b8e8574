/* layer.h — what a layer is.
 *
 * A layer is a word of the step grammar, "conv 32 kernel=5", that builds a piece of a graph and
 * declares its parameters: one `const struct layer` in the file of its family, named once in
 * nn/list.h.  Parameters carry PyTorch's names below the layer's own: "c1.weight", "c1.bias",
 * "bn1.running_mean".  A layer with parameters has an attribute `name`; one without a name is
 * called by its kind and number: "conv1", "linear2". */
#ifndef OC_NN_LAYER_H
#define OC_NN_LAYER_H

#include "base/attr.h"
#include "ocellus.h"

/* Values that steps of a build have kept for later ones, and those that are handed out beside the
 * model's result. */
enum { KEPT_MAX = 64, OUTPUTS_MAX = 16 };
struct kept { char name[ATTR_TEXT_MAX]; oc_value value; };
struct branches {
    struct kept kept[KEPT_MAX];
    oc_value    output[OUTPUTS_MAX];
    int         n, outputs;
};

/* What a layer is told by its model.  The graph's scope is the layer's name. */
struct layer_context {
    const char      *init;          /* of weights of rank 2 and more; NULL: the layer's own */
    const char      *freeze;        /* parameters not to be changed: patterns; NULL: none */
    struct branches *branches;      /* of this build */
};

struct layer {
    struct entry entry;
    /* Completes the attributes and may refuse them; `where` begins the message.  May be NULL. */
    oc_status  (*ready)(void *attr, const char *where, int classes);
    oc_value   (*build)(oc_graph *g, oc_value x, const void *attr, const struct layer_context *c);
};

/* Every `struct layer`, by its entry; ends in NULL. */
extern const struct entry *const oc__layer_list[];

/* The layer's attribute `name`; NULL where it has none, "" where none was given. */
const char *oc__layer_name(const struct layer *l, const void *attr);

/* A weight of the layer: the model's initialiser where its rank is 2 or more and there is one, else
 * `init`, else (empty) PyTorch's default for linear and convolution. */
oc_value oc__layer_weight(oc_graph *g, const struct layer_context *c, oc_shape shape,
                          const char *init);

/* A bias [n]: `init`, or (empty) PyTorch's default, uniform in ±1/sqrt(fan_in). */
oc_value oc__layer_bias(oc_graph *g, int64_t n, int64_t fan_in, const char *init);

/* Whether a parameter of the layer in the graph's scope is frozen; and whether a full name is. */
bool oc__layer_frozen(const oc_graph *g, const struct layer_context *c, const char *parameter);
bool oc__frozen(const char *patterns, const char *name);

/* What leaves a layer: a number of 1 … most, or the word `classes`, which becomes their number in
 * `text` (ATTR_TEXT_MAX bytes). */
oc_status oc__layer_out(char *text, const char *where, int classes, int64_t most, int64_t *out);

/* Builds the layers of a text of the grammar one after another below the graph's scope: how a block
 * of several layers is written.  Printf style. */
oc_value oc__layer_steps(oc_graph *g, oc_value x, const struct layer_context *c,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Images x [n, c, h, w] at another size; `mode` as in Resize. */
oc_value oc__layer_resize(oc_graph *g, oc_value x, int64_t height, int64_t width, const char *mode);

/* One or two numbers as [height, width]; refuses other counts. */
oc_status oc__layer_pair(const struct ints *list, const char *where, const char *name);
int64_t   oc__pair_at(const struct ints *list, int i);

#define LAYER(name) extern const struct layer oc__layer_##name;
#include "nn/list.h"
#undef LAYER

#endif
