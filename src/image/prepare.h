/* prepare.h — the preparation of images: one program of steps, stored with the model, and executed
 * by the same code in training, evaluation, prediction and serving.
 *
 * A program is a list of steps, "grayscale; light_on_dark; digit 28; scale".  Steps of the first
 * kind turn an 8-bit image [h, w, c] into another; steps of the second kind, which come last, say
 * what number an 8-bit value becomes, and are folded into one table when the program is parsed, so
 * that the way to f32 [c, h, w] is a single look-up a sample.  A program is immutable: any number
 * of threads may run it at once.  Each step also says itself in nodes of a graph (nodes.h). */
#ifndef OC_IMAGE_PREPARE_H
#define OC_IMAGE_PREPARE_H

#include "base/attr.h"
#include "image/canvas.h"

/* Height, width and channels; 0: not known before the image is seen. */
struct extent { int height, width, channels; };

struct nodes;

/* Channel `number` of so many. */
struct channel { int number, count; };

/* One kind of step.  `ready` completes the attributes once they are parsed and may refuse them.
 * `extent` changes the extent as the step will, and refuses one that it cannot work on.  `enough`
 * changes the size of an image to the least from which the step makes the same but for fine detail
 * that it drops anyway; false, or NULL: the step wants the whole.  Exactly
 * one of `apply` and `number` is set; `number` is told what 255 has become by then as well.
 * `nodes` adds the step to a graph, for images of 1 or 3 channels, or fails and says why none can
 * do its work; failures of nodes stay with the graph. */
struct prepare {
    struct entry entry;
    bool         fits;                                  /* brings images to a size, and no more */
    bool         pointwise;                             /* looks at each pixel alone */
    bool         early;                                 /* takes images that are still coming */
    oc_status  (*ready)(void *attr);
    oc_status  (*extent)(const void *attr, struct extent *extent);
    bool       (*enough)(const void *attr, struct extent *extent);
    oc_status  (*apply)(const void *attr, struct canvas *canvas);
    double     (*number)(const void *attr, struct channel at, double v, double white);
    oc_status  (*nodes)(const void *attr, struct nodes *n);
};

struct prepare_program;

/* Parses a program; an empty text is the empty program, which yields values 0 … 255. */
oc_status oc__prepare_parse(struct prepare_program **out, const char *text);

/* The shape [c, h, w] that the program yields from images of shape `in` (dimensions OC_UNKNOWN
 * where not known; NULL: nothing is); OC_EUSAGE where it does not suit such images. */
oc_status oc__prepare_shape(const struct prepare_program *p, const oc_shape *in, oc_shape *out);

/* Changes the size of an image to one that is enough for the program; false: it wants the whole. */
bool      oc__prepare_enough(const struct prepare_program *p, struct extent *extent);

/* Prepares one image into x, f32 of `shape` [c, h, w]; OC_EINPUT where another shape results. */
oc_status oc__prepare_run(const struct prepare_program *p, const oc_image *image,
                          const oc_shape *shape, float *x);
/* The same; *view becomes the box of the image that x shows. */
oc_status oc__prepare_view(const struct prepare_program *p, const oc_image *image,
                           const oc_shape *shape, float *x, struct view *view);

/* The two halves of it, for what training does between them.  Without `fit`, steps that bring
 * images to a size are left out.  The canvas is to be freed, also on failure. */
oc_status oc__prepare_extent(const struct prepare_program *p, bool fit, struct extent *extent);
oc_status oc__prepare_pixels(const struct prepare_program *p, bool fit, struct canvas *canvas);
oc_status oc__prepare_numbers(const struct prepare_program *p, const oc_image *image,
                              const oc_shape *shape, float *x);

/* The canonical text, which parses to an equal program; borrowed. */
const char *oc__prepare_text(const struct prepare_program *p);

void oc__prepare_free(struct prepare_program *p);

/* The names of all steps, for help; ends in NULL. */
extern const struct prepare *const oc__prepare_list[];

#endif
