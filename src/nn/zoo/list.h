/* list.h — every model that ships, ZOO(name) for `const oc_zoo_entry oc__zoo_name`. */
ZOO(cnn)
ZOO(convnet)
ZOO(lenet)
ZOO(linear)
ZOO(mlp)
ZOO(sigmoid)
