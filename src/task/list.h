/* list.h — every task, TASK(name) for `const struct task oc__task_name`. */
TASK(classify)
TASK(saliency)
