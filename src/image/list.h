/* list.h — every preparation step, PREPARE(name) for `const struct prepare oc__prepare_name`. */
PREPARE(grayscale)
PREPARE(rgb)
PREPARE(light_on_dark)
PREPARE(digit)
PREPARE(resize)
PREPARE(scale)
PREPARE(normalize)
