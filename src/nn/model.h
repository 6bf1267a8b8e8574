/* model.h — a model from the inside: a sequence of steps, and what its file holds beside weights.
 *
 * A step is a layer of the grammar with its attributes, or a plain function of the program; a model
 * from elsewhere has one step, which is a graph as text (graph_text.h).  Adding
 * steps builds the whole sequence once on a symbolic batch, so that an error is reported with the
 * step that causes it, and declares the parameters; the graph of that build is thrown away. */
#ifndef OC_NN_MODEL_H
#define OC_NN_MODEL_H

#include "nn/layer.h"

struct model_step {
    const struct layer *layer;                          /* NULL: a function */
    void               *attr;
    const char         *name;                           /* scope of the step: "c1", "relu2" */
    const char         *graph;                          /* a graph as text, which has no scope */
    oc_layer_function  *function;
    void               *context;
};

struct oc_model {
    struct pool        pool;
    struct model_step *step;
    int                n, capacity;
    oc_shape           input;                           /* [c, h, w] */
    int                classes, outputs;
    const char       **class_name;
    const char        *preparation, *init;
    const char        *freeze;                          /* patterns, as "layer1.*"; NULL: none */
    const char        *task, *loss;                     /* as in oc_train_options */
    char              *architecture;                    /* canonical; remade when a step is added */
    oc_store          *store;
};

/* As oc_model_new(), but the architecture is steps, never a name. */
oc_status oc__model_from_steps(oc_model **out, const oc_model_options *options);

/* The loss that the model is trained with; tells what its outputs mean. */
const char *oc__model_loss(const oc_model *m);
oc_status   oc__model_set_loss(oc_model *m, const char *loss);

/* By its name, from the list of those that build.c knows results of, with its usual loss. */
oc_status   oc__model_set_task(oc_model *m, const char *task);

/* Keeps the preparation (NULL: "scale") in canonical form; what it yields must fit the input. */
oc_status   oc__model_set_preparation(oc_model *m, const char *text);

/* Copies the names; NULL: numbers. */
oc_status   oc__model_set_classes(oc_model *m, int classes, const char *const *name);

/* The numbers to[d->classes] that the model knows the data's classes under, by name; OC_EUSAGE
 * where it does not know them. */
oc_status   oc__model_match(const oc_model *m, const oc_data *d, int32_t *to);
oc_status   oc__model_knows(const oc_model *m, const oc_data *d, bool *knows);
/* OC_EUSAGE where these are not the data's own. */
oc_status   oc__model_check_order(const oc_model *m, const oc_data *d);

/* Whether a parameter's name begins with that of a step, "fc" of "fc.weight". */
bool        oc__is_of_step(const char *parameter, const char *step);
/* The last step that has parameters; -1: none. */
int         oc__model_head(const oc_model *m);
/* Writes that step, in the architecture, for any number of classes; -1: it cannot be. */
int         oc__model_open_head(oc_model *m);
/* The model with a last layer for the classes of the options' data, which begins anew and is noted;
 * `m` is the one from the file `path`, and only to be freed from then on. */
oc_status   oc__model_new_head(oc_model **out, oc_model *m, const oc_model_options *o,
                               const char *path);

/* The shape of a sample's logits. */
oc_shape    oc__model_result(const oc_model *m);

/* The name of the one class that models of this task have; NULL: they have any number. */
const char *const *oc__model_only_class(const oc_model *m);

/* Parameters whose names match one of the comma-separated patterns are not to be changed by
 * training; norms among them use their running statistics.  A pattern that matches none is
 * OC_EUSAGE.  NULL or "": nothing is frozen. */
oc_status   oc__model_freeze(oc_model *m, const char *patterns);

/* Takes the weights of an open file by name; a failure changes nothing.  With `new_head`, a last
 * layer for another number of classes stays as it is, which is noted.  A model that is `fresh` is
 * thrown away after a failure, and is read into without a copy. */
enum taking_way { TAKE_ALL, TAKE_NEW_HEAD, TAKE_FRESH };
struct weights;
oc_status   oc__model_take(oc_model *m, const struct weights *w, enum taking_way how);
/* A file of weights, or the best ones of a run's folder. */
oc_status   oc__model_open(struct weights *w, const char *path);

/* Builds one step in its scope; a failure names the step.  Steps of one build share `b`. */
oc_value oc__model_build_step(const oc_model *m, oc_graph *g, int i, oc_value x,
                              struct branches *b);

/* As oc_model_build(), in the form that inference computes: norms by their running statistics, so
 * that derivatives are those of what is predicted. */
oc_value oc__model_build_inference(oc_model *m, oc_graph *g, oc_value x);

/* The model's input for a batch of n (or a symbol) as a graph input "x". */
oc_value oc__model_input(const oc_model *m, oc_graph *g, int64_t n);

/* "step 3 (conv)". */
enum { PLACE_TEXT = 2 * ATTR_TEXT_MAX };
const char *oc__model_place(const oc_model *m, int i, char text[PLACE_TEXT]);

#endif
