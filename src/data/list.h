/* list.h — every kind of data set, DATA(name) for `const struct data_kind oc__data_name`. */
DATA(cifar10)
DATA(csv)
DATA(images)
DATA(masks)
DATA(mnist)
DATA(synth)
