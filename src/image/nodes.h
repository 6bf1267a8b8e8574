/* nodes.h — the preparation as nodes of a graph, so that it can be written with a network.
 *
 * Images are a value x of f32 [n, c, h, w] that holds whole numbers 0 … 255 until the steps of
 * numbers come.  Whole numbers of this size are exact in f32, so steps that work on them give the
 * very bytes of prepare.h.  Sides are values too, f64 of rank 0: those that are known are
 * constants, and what follows from constants alone is computed while the graph is made.
 *
 * Nodes belong to the graph, which also keeps the first failure. */
#ifndef OC_IMAGE_NODES_H
#define OC_IMAGE_NODES_H

#include "image/image.h"
#include "image/prepare.h"

struct nodes {
    oc_graph *g;
    oc_value  x, height, width;
    int       channels;                                 /* 1 or 3 */
    double    white;                                    /* what 255 has become */
};

/* A node, or the constant that it would make; attributes as in oc_apply(). */
oc_value oc__node(struct nodes *n, const char *op, const char *attributes, int count,
                  const oc_value *in);
/* The same of one operand, of two, and of one and a number of its type. */
oc_value oc__node_of(struct nodes *n, const char *op, oc_value a);
oc_value oc__node_with(struct nodes *n, const char *op, oc_value a, oc_value b);
oc_value oc__node_by(struct nodes *n, const char *op, oc_value a, double b);

oc_value oc__node_side(struct nodes *n, double v);      /* f64 of rank 0 */
bool     oc__node_known(const struct nodes *n, oc_value side, double *v);
oc_value oc__node_sides(struct nodes *n, int count, const oc_value *side); /* i64 [count] */
oc_value oc__node_list(struct nodes *n, int count, const int64_t *v);      /* i64 [count] */
/* f32 [channels, 1, 1]: one number for each, or one for all. */
oc_value oc__node_channels(struct nodes *n, int count, const double *v);

/* 255 - x */
oc_value oc__node_negative(struct nodes *n);

/* Images at another size, as oc__image_resize() makes them. */
void oc__nodes_resize(struct nodes *n, oc_value height, oc_value width, enum filter filter);
/* Images with so many more pixels around them, of which a box is taken. */
struct node_box { oc_value top, left, height, width; };
void oc__nodes_crop(struct nodes *n, struct node_box box, int64_t fill);

/* From `image`, u8 [n, h, w, c], and to f32 [n, c, h, w] of `shape` [c, h, w]. */
void      oc__nodes_begin(struct nodes *n, oc_graph *g, oc_value image);
oc_status oc__nodes_end(struct nodes *n, const oc_shape *shape);

/* From `image`, u8 [n, h, w, c], through a program to f32 [n, c, h, w] of `shape` [c, h, w]. */
oc_status oc__prepare_nodes(const struct prepare_program *p, oc_graph *g, oc_value image,
                            const oc_shape *shape, oc_value *x);

#endif
