/* Every operator once, in alphabetical order.  Adding one is a file (or a row of unary.c or
 * binary.c) and a line here. */
