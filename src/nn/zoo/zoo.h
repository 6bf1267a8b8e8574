/* zoo.h — the models that ship: a page each, one constant, named once in zoo/list.h. */
#ifndef OC_NN_ZOO_ZOO_H
#define OC_NN_ZOO_ZOO_H

#include "ocellus.h"

#define ZOO(name) extern const oc_zoo_entry oc__zoo_##name;
#include "nn/zoo/list.h"
#undef ZOO

#endif
