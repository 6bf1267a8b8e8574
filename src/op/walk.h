/* walk.h — the loops over indices that operators share.
 *
 * A walk visits the elements of a shape in row-major order and keeps, for each operand it follows,
 * the offset that belongs to the current index; an operand that is stretched by broadcasting has
 * stride 0 there.  Broadcasting, summing down, transposing, slicing and reducing are all this loop:
 *
 *     struct walk w;
 *     oc__walk(&w, shape);
 *     oc__walk_broadcast(&w, x_shape);
 *     for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w))
 *         y[i] = x[w.at[0]];
 *
 * Lanes are the other view: the lines of elements along one axis. */
#ifndef OC_OP_WALK_H
#define OC_OP_WALK_H

#include "op/op.h"

enum { WALK_OPERANDS = 3 };

struct walk {
    int     rank, operands;
    int64_t count;                                      /* elements of the shape */
    int64_t dim[OC_MAX_RANK], index[OC_MAX_RANK];
    int64_t stride[WALK_OPERANDS][OC_MAX_RANK];
    int64_t at[WALK_OPERANDS];                          /* offset of each operand, in elements */
};

void oc__walk(struct walk *w, const oc_shape *shape);   /* follows nothing yet */
void oc__walk_follow(struct walk *w, const int64_t stride[OC_MAX_RANK], int64_t start);
void oc__walk_broadcast(struct walk *w, const oc_shape *x); /* x stretched over the shape */
void oc__walk_next(struct walk *w);

/* y = f(values of all inputs at this place), broadcast to the shape of y; at most three inputs. */
void oc__zip(const struct call *c, double (*f)(const double *v));

/* Element j of lane (o, i) is at (o * n + j) * inner + i. */
struct lanes { int64_t outer, n, inner; };
struct lanes oc__lanes(const oc_shape *s, int axis);    /* axis in [0, rank) */

/* As oc__lanes() for an axis that may be negative and is known to fit. */
struct lanes oc__lanes_of(const oc_shape *s, int64_t axis);

/* An index as a position along an axis of n, negative ones from the end; -1: out of range. */
int64_t oc__position(double index, int64_t n);

void oc__copy(const struct call *c);                    /* y[0] = x[0], element by element */

#endif
