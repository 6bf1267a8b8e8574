/* explain_list.h — every method, EXPLAIN(name) for `const struct explain_method
 * oc__explain_name`. */
EXPLAIN(grad_cam)
EXPLAIN(input_gradient)
EXPLAIN(occlusion)
