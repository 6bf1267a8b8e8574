/* pickle.c — the opcodes, one function each, and the table that names them.
 *
 * Every opcode reads bytes of the program and of the stack through functions that check, so that a
 * program cut anywhere, or one that takes what is not there, is refused. */
#include "format/pickle.h"

#include <stdarg.h>
#include <string.h>

#include "base/status.h"
#include "base/str.h"

enum { STACK_MAX = 1 << 20, ITEMS_MAX = 1 << 21, NAME_MAX_BYTES = 128, PROTOCOL = 2 };

struct opcode { const char *name; oc_status (*run)(struct pickle *p); };
static const struct opcode opcodes[256];

oc_status oc__pickle_fail(const struct pickle *p, const char *format, ...)
{
    struct str what = { 0 };
    va_list arguments;
    va_start(arguments, format);
    oc__str_addv(&what, format, arguments);
    va_end(arguments);
    const unsigned char code = p->opcode_at < p->n ? p->text[p->opcode_at] : '.';
    const char *const name = opcodes[code].name;
    const oc_status status
        = oc__fail(OC_EINPUT, "%s: offset %lld: pickle: opcode 0x%02x%s%s: %s", p->path,
                   (long long)p->offset + (long long)p->opcode_at, code, name ? " " : "",
                   name ? name : "", oc__str_text(&what));
    oc__str_free(&what);
    return status;
}

const struct item *oc__pickle_value(const struct item *dict, const char *key)
{
    const struct sequence *const s = dict->sequence;
    for (int i = 0; i + 1 < s->n; i += 2)
        if (s->item[i].kind == ITEM_TEXT && strcmp(s->item[i].text, key) == 0)
            return &s->item[i + 1];
    return NULL;
}

/* ---- bytes, stack, sequences ----------------------------------------------------------------- */

static oc_status take(struct pickle *p, size_t n, const unsigned char **out)
{
    *out = p->text + p->at;
    if (n > p->n - p->at)
        return oc__pickle_fail(p, "truncated: wants %zu bytes, %zu are left", n, p->n - p->at);
    p->at += n;
    return OC_OK;
}

static oc_status number(struct pickle *p, size_t bytes, uint64_t *v)
{
    const unsigned char *text;
    TRY(take(p, bytes, &text));
    *v = 0;
    for (size_t i = bytes; i > 0; i--)
        *v = *v << 8 | text[i - 1];
    return OC_OK;
}

/* Room grows in the pool, which keeps what was before: twice the items at most. */
static oc_status append(struct pickle *p, struct sequence *s, const struct item *item, int n)
{
    if (p->items + n > ITEMS_MAX)
        return oc__fail(OC_ELIMIT, "%s: pickle: more than %d items", p->path, ITEMS_MAX);
    if (s->n + n > s->capacity) {
        const int capacity = 2 * s->capacity > s->n + n ? 2 * s->capacity : s->n + n;
        struct item *const grown = oc__pool_alloc(p->pool, (size_t)capacity * sizeof *grown);
        if (!grown)
            return OC_ELIMIT;
        if (s->n)
            memcpy(grown, s->item, (size_t)s->n * sizeof *grown);
        s->item = grown;
        s->capacity = capacity;
    }
    if (n)
        memcpy(s->item + s->n, item, (size_t)n * sizeof *item);
    s->n += n;
    p->items += n;
    return OC_OK;
}

static oc_status push(struct pickle *p, struct item item)
{
    if (p->stack.n == STACK_MAX)
        return oc__fail(OC_ELIMIT, "%s: pickle: more than %d items on the stack", p->path,
                        STACK_MAX);
    TRY(append(p, &p->stack, &item, 1));
    p->items--;                                         /* the stack shrinks again */
    return OC_OK;
}

/* The item on top, which is no mark. */
static oc_status top(struct pickle *p, struct item **out)
{
    *out = p->stack.n ? &p->stack.item[p->stack.n - 1] : NULL;
    if (*out && (*out)->kind != ITEM_MARK)
        return OC_OK;
    return oc__pickle_fail(p, "the stack has no item for it");
}

static oc_status pop(struct pickle *p, struct item *out)
{
    struct item *item;
    TRY(top(p, &item));
    *out = *item;
    p->stack.n--;
    return OC_OK;
}

/* The items above the last mark; they and the mark leave the stack, but stay in its memory until
 * the next push. */
static oc_status pop_marked(struct pickle *p, const struct item **item, int *n)
{
    int i = p->stack.n;
    while (i > 0 && p->stack.item[i - 1].kind != ITEM_MARK)
        i--;
    if (i == 0)
        return oc__pickle_fail(p, "the stack has no mark");
    *item = &p->stack.item[i];
    *n = p->stack.n - i;
    p->stack.n = i - 1;
    return OC_OK;
}

static oc_status push_sequence(struct pickle *p, enum item_kind kind, const struct item *item,
                               int n)
{
    struct sequence *const s = oc__pool_alloc(p->pool, sizeof *s);
    if (!s)
        return OC_ELIMIT;
    p->items++;
    TRY(append(p, s, item, n));
    return push(p, (struct item){ .kind = kind, .sequence = s });
}

/* ---- opcodes -------------------------------------------------------------------------------- */

static oc_status run_proto(struct pickle *p)
{
    uint64_t version;
    TRY(number(p, 1, &version));
    return version == PROTOCOL ? OC_OK : oc__pickle_fail(p, "protocol %d is read, this is %d",
                                                         PROTOCOL, (int)version);
}

static oc_status run_none(struct pickle *p)  { return push(p, (struct item){ ITEM_NONE, { 0 } }); }
static oc_status run_true(struct pickle *p)  { return push(p, (struct item){ ITEM_BOOL, { 1 } }); }
static oc_status run_false(struct pickle *p) { return push(p, (struct item){ ITEM_BOOL, { 0 } }); }
static oc_status run_mark(struct pickle *p)  { return push(p, (struct item){ ITEM_MARK, { 0 } }); }

static oc_status push_integer(struct pickle *p, size_t bytes, bool negative)
{
    uint64_t v;
    TRY(number(p, bytes, &v));
    if (negative && bytes && bytes < 8 && v >> (8 * bytes - 1))
        v |= UINT64_MAX << (8 * bytes);
    return push(p, (struct item){ .kind = ITEM_INTEGER, .integer = (int64_t)v });
}

static oc_status run_binint(struct pickle *p)  { return push_integer(p, 4, true); }
static oc_status run_binint1(struct pickle *p) { return push_integer(p, 1, false); }
static oc_status run_binint2(struct pickle *p) { return push_integer(p, 2, false); }

static oc_status run_long1(struct pickle *p)
{
    uint64_t n;
    TRY(number(p, 1, &n));
    return n <= 8 ? push_integer(p, (size_t)n, true)
                  : oc__pickle_fail(p, "an integer of %d bytes, 8 at most are read", (int)n);
}

static oc_status run_binfloat(struct pickle *p)
{
    const unsigned char *text;
    uint64_t bits = 0;
    struct item item = { .kind = ITEM_NUMBER };
    TRY(take(p, 8, &text));
    for (int i = 0; i < 8; i++)                         /* the only big-endian number */
        bits = bits << 8 | text[i];
    memcpy(&item.number, &bits, sizeof bits);
    return push(p, item);
}

static oc_status run_binunicode(struct pickle *p)
{
    uint64_t n;
    const unsigned char *text;
    TRY(number(p, 4, &n));
    TRY(take(p, (size_t)n, &text));
    if (memchr(text, 0, (size_t)n))
        return oc__pickle_fail(p, "the text holds a null byte");
    char *const copy = oc__pool_alloc(p->pool, (size_t)n + 1);
    if (!copy)
        return OC_ELIMIT;
    memcpy(copy, text, (size_t)n);
    return push(p, (struct item){ .kind = ITEM_TEXT, .text = copy });
}

static oc_status run_empty_tuple(struct pickle *p) { return push_sequence(p, ITEM_TUPLE, NULL, 0); }
static oc_status run_empty_list(struct pickle *p)  { return push_sequence(p, ITEM_LIST, NULL, 0); }
static oc_status run_empty_dict(struct pickle *p)  { return push_sequence(p, ITEM_DICT, NULL, 0); }

static oc_status run_tuple(struct pickle *p)
{
    const struct item *item;
    int n;
    TRY(pop_marked(p, &item, &n));
    return push_sequence(p, ITEM_TUPLE, item, n);
}

static oc_status tuple_of(struct pickle *p, int n)
{
    struct item item[3];
    for (int i = n - 1; i >= 0; i--)
        TRY(pop(p, &item[i]));
    return push_sequence(p, ITEM_TUPLE, item, n);
}

static oc_status run_tuple1(struct pickle *p) { return tuple_of(p, 1); }
static oc_status run_tuple2(struct pickle *p) { return tuple_of(p, 2); }
static oc_status run_tuple3(struct pickle *p) { return tuple_of(p, 3); }

/* Adds items to the list or dictionary on top. */
static oc_status extend(struct pickle *p, enum item_kind kind, const struct item *item, int n)
{
    struct item *whole;
    TRY(top(p, &whole));
    if (whole->kind != kind)
        return oc__pickle_fail(p, "what it adds to is no %s",
                               kind == ITEM_LIST ? "list" : "dictionary");
    if (kind == ITEM_DICT && n % 2)
        return oc__pickle_fail(p, "a key has no value");
    return append(p, whole->sequence, item, n);
}

static oc_status run_append(struct pickle *p)
{
    struct item item;
    TRY(pop(p, &item));
    return extend(p, ITEM_LIST, &item, 1);
}

static oc_status run_setitem(struct pickle *p)
{
    struct item pair[2];
    TRY(pop(p, &pair[1]));
    TRY(pop(p, &pair[0]));
    return extend(p, ITEM_DICT, pair, 2);
}

static oc_status extend_marked(struct pickle *p, enum item_kind kind)
{
    const struct item *item;
    int n;
    TRY(pop_marked(p, &item, &n));
    return extend(p, kind, item, n);
}

static oc_status run_appends(struct pickle *p)  { return extend_marked(p, ITEM_LIST); }
static oc_status run_setitems(struct pickle *p) { return extend_marked(p, ITEM_DICT); }

/* Python numbers what it remembers one by one, so a larger number is nobody's. */
static oc_status remember(struct pickle *p, size_t bytes)
{
    uint64_t index;
    struct item *item;
    TRY(number(p, bytes, &index));
    TRY(top(p, &item));
    if (index > (uint64_t)p->memo.n)
        return oc__pickle_fail(p, "number %llu follows %d", (unsigned long long)index, p->memo.n);
    if (index == (uint64_t)p->memo.n)
        return append(p, &p->memo, item, 1);
    p->memo.item[index] = *item;
    return OC_OK;
}

static oc_status recall(struct pickle *p, size_t bytes)
{
    uint64_t index;
    TRY(number(p, bytes, &index));
    if (index >= (uint64_t)p->memo.n)
        return oc__pickle_fail(p, "number %llu was not remembered", (unsigned long long)index);
    return push(p, p->memo.item[index]);
}

static oc_status run_binput(struct pickle *p)      { return remember(p, 1); }
static oc_status run_long_binput(struct pickle *p) { return remember(p, 4); }
static oc_status run_binget(struct pickle *p)      { return recall(p, 1); }
static oc_status run_long_binget(struct pickle *p) { return recall(p, 4); }

static oc_status read_line(struct pickle *p, char out[NAME_MAX_BYTES])
{
    const unsigned char *const begin = p->text + p->at;
    const unsigned char *const end = memchr(begin, '\n', p->n - p->at);
    const size_t n = end ? (size_t)(end - begin) : p->n - p->at;
    if (!end || n >= NAME_MAX_BYTES || memchr(begin, 0, n))
        return oc__pickle_fail(p, "wants two names, a line each");
    memcpy(out, begin, n);
    out[n] = '\0';
    p->at += n + 1;
    return OC_OK;
}

static oc_status run_global(struct pickle *p)
{
    char module[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
    TRY(read_line(p, module));
    TRY(read_line(p, name));
    const void *const object = p->host->find(module, name);
    if (object)
        return push(p, (struct item){ .kind = ITEM_GLOBAL, .object = object });
    return oc__pickle_fail(p, "%s %s is nothing that tensors are made of; nothing else is built, "
                              "and nothing is run", oc__quote_z(module), oc__quote_z(name));
}

static oc_status run_reduce(struct pickle *p)
{
    struct item arguments, object, made;
    TRY(pop(p, &arguments));
    TRY(pop(p, &object));
    if (object.kind != ITEM_GLOBAL || arguments.kind != ITEM_TUPLE)
        return oc__pickle_fail(p, "wants something known and a tuple of arguments");
    TRY(p->host->call(p, object.object, arguments.sequence, &made));
    return push(p, made);
}

static oc_status run_binpersid(struct pickle *p)
{
    struct item id, made;
    TRY(pop(p, &id));
    TRY(p->host->persistent(p, &id, &made));
    return push(p, made);
}

/* PyTorch gives its dictionaries an attribute with versions, of which nothing depends. */
static oc_status run_build(struct pickle *p)
{
    struct item state, *object;
    TRY(pop(p, &state));
    TRY(top(p, &object));
    return object->kind == ITEM_DICT ? OC_OK
                                     : oc__pickle_fail(p, "only dictionaries have a state");
}

static const struct opcode opcodes[256] = {
    [0x80] = { "PROTO", run_proto },           ['N'] = { "NONE", run_none },
    [0x88] = { "NEWTRUE", run_true },          [0x89] = { "NEWFALSE", run_false },
    ['('] = { "MARK", run_mark },              ['J'] = { "BININT", run_binint },
    ['K'] = { "BININT1", run_binint1 },        ['M'] = { "BININT2", run_binint2 },
    [0x8a] = { "LONG1", run_long1 },           ['G'] = { "BINFLOAT", run_binfloat },
    ['X'] = { "BINUNICODE", run_binunicode },  [')'] = { "EMPTY_TUPLE", run_empty_tuple },
    ['t'] = { "TUPLE", run_tuple },            [0x85] = { "TUPLE1", run_tuple1 },
    [0x86] = { "TUPLE2", run_tuple2 },         [0x87] = { "TUPLE3", run_tuple3 },
    [']'] = { "EMPTY_LIST", run_empty_list },  ['a'] = { "APPEND", run_append },
    ['e'] = { "APPENDS", run_appends },        ['}'] = { "EMPTY_DICT", run_empty_dict },
    ['s'] = { "SETITEM", run_setitem },        ['u'] = { "SETITEMS", run_setitems },
    ['q'] = { "BINPUT", run_binput },          ['r'] = { "LONG_BINPUT", run_long_binput },
    ['h'] = { "BINGET", run_binget },          ['j'] = { "LONG_BINGET", run_long_binget },
    ['c'] = { "GLOBAL", run_global },          ['R'] = { "REDUCE", run_reduce },
    ['Q'] = { "BINPERSID", run_binpersid },    ['b'] = { "BUILD", run_build },
    ['.'] = { "STOP", NULL },                           /* ends the loop below */
};

oc_status oc__pickle_run(struct pickle *p, struct item *out)
{
    for (;;) {
        const unsigned char *code;
        p->opcode_at = p->at;
        TRY(take(p, 1, &code));
        if (*code == '.')
            break;
        if (!opcodes[*code].run)
            return oc__pickle_fail(p, "is not among those that describe tensors");
        TRY(opcodes[*code].run(p));
    }
    TRY(pop(p, out));
    if (p->stack.n || p->at != p->n)
        return oc__pickle_fail(p, "something is left over");
    return OC_OK;
}
