/* list.h — every command, COMMAND(name) for `const struct command oc__command_name`, in the order
 * of the overview. */
COMMAND(train)
COMMAND(eval)
COMMAND(predict)
COMMAND(explain)
COMMAND(plot)
COMMAND(inspect)
COMMAND(export)
COMMAND(import)
COMMAND(data)
COMMAND(check)
COMMAND(bench)
COMMAND(help)
