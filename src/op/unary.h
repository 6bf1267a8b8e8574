/* unary.h — operators of one input that are only a formula.
 *
 * UNARY() makes two operators from a row: y = f(x), and its gradient dx = dy * df.  The row says
 * whether df is written with x or with y, and the gradient operator reads exactly (dy, that), so
 * the planner need not keep both.  `a` is the attribute struct in either formula. */
#ifndef OC_OP_UNARY_H
#define OC_OP_UNARY_H

#include "op/op.h"

void oc__map(const struct call *c, double (*f)(double x, const void *attr));
void oc__map_grad(const struct call *c, double (*df)(double v, const void *attr));

#define UNARY_OPERAND_x n->in[0]
#define UNARY_OPERAND_y n->out

#define UNARY(id, onnx, summary_, attrs_, size_, type, f, reads, df, cases_)                      \
    UNARY_OF("x", 0, NULL, id, onnx, summary_, attrs_, size_, type, f, reads, df, cases_)

/* The same with attributes that may come as inputs: their names after x, and the functions that
 * take their values (op.h). */
#define UNARY_OF(inputs_, by_value_, take_, id, onnx, summary_, attrs_, size_, type, f, reads, df,\
                 cases_)                                                                       \
    static double id##_f(double x, const void *attr)                                           \
    {                                                                                          \
        const type *const a = attr;                                                            \
        (void)a;                                                                               \
        return f;                                                                              \
    }                                                                                          \
    static double id##_df(double reads, const void *attr)                                      \
    {                                                                                          \
        const type *const a = attr;                                                            \
        (void)a;                                                                               \
        return df;                                                                             \
    }                                                                                          \
    static void id##_run(const struct call *c) { oc__map(c, id##_f); }                         \
    static void id##_grad_run(const struct call *c) { oc__map_grad(c, id##_df); }              \
    static void id##_grad(oc_graph *g, const struct node *n, const oc_value *dy,               \
                          const bool *want, oc_value *dx)                                      \
    {                                                                                          \
        (void)want;                                                                            \
        dx[0] = oc__apply(g, &oc__op_##id##_grad, n->attr, OC_IN(dy[0], UNARY_OPERAND_##reads)); \
    }                                                                                          \
    const struct op oc__op_##id = {                                                            \
        .entry = { onnx, summary_, attrs_, size_ },                                            \
        .inputs = inputs_, .outputs = "y", .elementwise = true,                                \
        .by_value = by_value_, .take = take_,                                                  \
        .shape = oc__shape_same, .grad = id##_grad, .run = id##_run, .cases = cases_,          \
    };                                                                                         \
    const struct op oc__op_##id##_grad = {                                                     \
        .entry = { onnx "Grad", "dx = dy * (" #df ")", attrs_, size_ },                        \
        .inputs = "dy " #reads, .outputs = "dx", .elementwise = true,                          \
        .shape = oc__shape_alike, .run = id##_grad_run,                                        \
    };

#endif
