/* torch_test.c — PyTorch's files, and pickles that want more than to describe tensors.
 *
 * Small archives are made here: a pickle of opcodes written out, and two storages. */
#include "test.h"

#include "format/weights.h"

enum { ARCHIVE_MAX = 1 << 20 };

/* ---- making archives ------------------------------------------------------------------------- */

struct bytes { unsigned char *text; size_t n; };

static void add(struct bytes *b, const void *text, size_t n)
{
    assert_true(b->n + n <= ARCHIVE_MAX);
    memcpy(b->text + b->n, text, n);
    b->n += n;
}

static void add_number(struct bytes *b, uint64_t v, int size)
{
    for (int i = 0; i < size; i++)
        add(b, &(unsigned char){ (unsigned char)(v >> (8 * i)) }, 1);
}

/* Without the care of oc__write_file(), which would take a minute for thousands of files. */
static void put_file(const char *path, const void *text, size_t n)
{
    FILE *const f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

struct content { const char *name; const void *text; size_t n; unsigned method; };

static void add_sizes(struct bytes *b, const struct content *c)
{
    add_number(b, 0, 2);                                /* flags */
    add_number(b, c->method, 2);
    add_number(b, 0, 4);                                /* time and date */
    add_number(b, 0, 4);                                /* checksum, which nobody reads */
    add_number(b, c->n, 4);
    add_number(b, c->n, 4);
    add_number(b, strlen(c->name), 2);
    add_number(b, 0, 2);
}

static void add_entry(struct bytes *b, const struct content *c)
{
    add(b, "PK\3\4\0\0", 6);
    add_sizes(b, c);
    add(b, c->name, strlen(c->name));
    add(b, c->text, c->n);
}

static void add_record(struct bytes *b, const struct content *c, size_t header)
{
    add(b, "PK\1\2\0\0\0\0", 8);
    add_sizes(b, c);
    add_number(b, 0, 8);                                /* comment, disk, attributes */
    add_number(b, 0, 2);
    add_number(b, header, 4);
    add(b, c->name, strlen(c->name));
}

/* Writes an archive of a pickle, ten floats 0 … 9, and one null as a long. */
static const char *write_archive(const void *pickle, size_t n, unsigned method, struct bytes *b)
{
    static const float numbers[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    const struct content content[] = {
        { "a/data.pkl", pickle, n, method },
        { "a/byteorder", "little", 6, 0 },
        { "a/data/0", numbers, sizeof numbers, 0 },
        { "a/data/1", "\0\0\0\0\0\0\0\0", 8, 0 },
    };
    size_t header[COUNT(content)];
    b->n = 0;
    for (size_t i = 0; i < COUNT(content); i++) {
        header[i] = b->n;
        add_entry(b, &content[i]);
    }
    const size_t begin = b->n;
    for (size_t i = 0; i < COUNT(content); i++)
        add_record(b, &content[i], header[i]);
    const size_t size = b->n - begin;
    add(b, "PK\5\6\0\0\0\0", 8);
    add_number(b, COUNT(content), 2);
    add_number(b, COUNT(content), 2);
    add_number(b, size, 4);
    add_number(b, begin, 4);
    add_number(b, 0, 2);
    const char *const path = place("made.pt");
    put_file(path, b->text, b->n);
    return path;
}

static unsigned char room[ARCHIVE_MAX];

static oc_status open_pickle(struct weights *w, const void *pickle, size_t n)
{
    struct bytes b = { room, 0 };
    return oc__weights_open(w, write_archive(pickle, n, 0, &b));
}

#define BEGIN "\x80\2"
#define FLOATS "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpuK\012tQ"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"
#define HOOKS "\x89" "ccollections\nOrderedDict\n)Rt"
/* {"w": a tensor of the floats from number 1 on, of these sizes and strides} */
#define TENSOR(sizes, strides) "}X\1\0\0\0w" REBUILD "(" FLOATS "K\1" sizes strides HOOKS "Rs"

static void refuses(const void *pickle, size_t n, oc_status status, const char *first,
                    const char *second)
{
    struct weights w;
    const oc_status found = open_pickle(&w, pickle, n);
    if (found != status)
        fail_msg("status %d, not %d: %s", (int)found, (int)status, found ? oc_error() : "none");
    error_says("made.pt");
    error_says(first);
    error_says(second);
}

#define REFUSES(pickle, first, second)                                                         \
    refuses(pickle, sizeof(pickle) - 1, OC_EINPUT, first, second)

/* ---- what is read ---------------------------------------------------------------------------- */

/* The model of models/burn_mnist/mnist_train_export.py. */
static void a_saved_model_has_its_names_and_recognises_digits(void **state)
{
    (void)state;
    static const char layers[] = "conv 8 name=conv1; relu; conv 16 name=conv2; relu; "
                                 "conv 24 name=conv3; relu; batchnorm name=norm1; flatten; "
                                 "linear 32 name=fc1; relu; linear classes name=fc2; "
                                 "batchnorm name=norm2";
    const char *const path = shared_data("models/burn_mnist/mnist.pt");
    char spec[600];
    struct weights torch, twin;
    assert_ok(oc__weights_open(&torch, path));
    assert_ok(oc__weights_open(&twin, shared_data("models/burn_mnist/mnist.safetensors")));
    assert_string_equal(torch.format, "torch");
    assert_int_equal(torch.n, twin.n);
    for (int i = 0; i < twin.n; i++) {
        const int k = oc__weights_find(&torch, twin.tensor[i].name);
        assert_true(k >= 0);
        assert_string_equal(torch.tensor[k].type, twin.tensor[i].type);
        assert_true(oc_shape_equal(&torch.tensor[k].shape, &twin.tensor[i].shape));
    }
    oc__weights_close(&torch);
    oc__weights_close(&twin);

    oc_model *m;
    oc_data *d;
    oc_metrics metrics;
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = layers, .input = OC_SHAPE(1, 28, 28), .classes = 10,
        .preparation = "scale; normalize mean=0.1307 std=0.3081" }));
    assert_ok(oc_model_read(m, path));
    snprintf(spec, sizeof spec, "mnist:%s", shared_data("mnist"));
    assert_ok(oc_data_open(&d, spec));
    assert_ok(oc_evaluate(m, d, OC_PART_TEST, &(oc_eval_options){ 0 }, &metrics));
    if (metrics.accuracy < 0.985)
        fail_msg("%.2f %% of the digits are recognised", 100 * metrics.accuracy);
    oc_metrics_free(&metrics);
    oc_data_free(d);
    oc_model_free(m);
}

static void reads(const void *pickle, size_t n, const char *name, const double *want, int count)
{
    struct weights w;
    double value[16];
    assert_ok(open_pickle(&w, pickle, n));
    assert_int_equal(w.n, 1);
    assert_string_equal(w.tensor[0].name, name);
    const oc_shape shape = w.tensor[0].shape;
    assert_int_equal(oc_shape_count(&shape), count);
    assert_ok(oc__weights_read(&w, 0, &(oc_tensor){ OC_F64, shape, value }, NULL));
    assert_memory_equal(value, want, (size_t)count * sizeof *want);
    oc__weights_close(&w);
}

static void views_are_read_in_row_major_order(void **state)
{
    (void)state;
    static const char plain[] = BEGIN TENSOR("K\2K\3\x86", "K\3K\1\x86") ".";
    static const char turned[] = BEGIN TENSOR("K\3K\2\x86", "K\1K\3\x86") ".";
    static const char scalar[] = BEGIN TENSOR(")", ")") ".";
    static const char empty[] = BEGIN TENSOR("K\0K\2\x86", "K\2K\1\x86") ".";
    reads(plain, sizeof plain - 1, "w", (double[]){ 1, 2, 3, 4, 5, 6 }, 6);
    reads(turned, sizeof turned - 1, "w", (double[]){ 1, 4, 2, 5, 3, 6 }, 6);
    reads(scalar, sizeof scalar - 1, "w", (double[]){ 1 }, 1);
    reads(empty, sizeof empty - 1, "w", (double[]){ 0 }, 0);
}

static void the_weights_of_a_checkpoint_are_found_in_it(void **state)
{
    (void)state;
    static const char nested[] = BEGIN "}(X\5\0\0\0epochK\3X\5\0\0\0other"
                                 TENSOR("K\1\x85", "K\1\x85")
                                 "X\12\0\0\0state_dict}X\3\0\0\0net"
                                 TENSOR("K\2\x85", "K\1\x85") "su.";
    reads(nested, sizeof nested - 1, "net.w", (double[]){ 1, 2 }, 2);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void nothing_is_imported_called_or_built_but_tensors(void **state)
{
    (void)state;
    static const char system[] = BEGIN "cos\nsystem\nX\10\0\0\0touch /x\x85R.";
    static const char posix[] = BEGIN "cposix\nsystem\nX\10\0\0\0touch /x\x85R.";
    static const char eval[] = BEGIN "c__builtin__\neval\nX\1\0\0\0" "1\x85R.";
    static const char instance[] = BEGIN "(cos\nsystem\no.";
    static const char old[] = BEGIN "(S'touch /x'\nios\nsystem\n.";
    static const char global[] = BEGIN "X\2\0\0\0osX\6\0\0\0system\x93.";
    static const char object[] = BEGIN "ctorch\nFloatStorage\n)\x81.";
    static const char called[] = BEGIN "ctorch\nFloatStorage\n)R.";
    static const char state_of[] = BEGIN "ctorch\nFloatStorage\n}b.";
    REFUSES(system, "opcode 0x63 GLOBAL", "'os' 'system'");
    REFUSES(posix, "opcode 0x63 GLOBAL", "'posix' 'system'");
    REFUSES(eval, "opcode 0x63 GLOBAL", "'__builtin__' 'eval'");
    REFUSES(instance, "opcode 0x63 GLOBAL", "'os' 'system'");
    REFUSES(old, "opcode 0x53", "is not among");
    REFUSES(global, "opcode 0x93", "is not among");
    REFUSES(object, "opcode 0x81", "is not among");
    REFUSES(called, "REDUCE", "not to be called");
    REFUSES(state_of, "BUILD", "only dictionaries");
}

static void tensors_that_leave_their_storage_are_refused(void **state)
{
    (void)state;
    static const char long_one[] = BEGIN TENSOR("K\12\x85", "K\1\x85") ".";
    static const char stride[] = BEGIN TENSOR("K\2K\2\x86", "K\x7fK\1\x86") ".";
    static const char wide[] = BEGIN TENSOR("K\x7fK\x7f\x86", "K\0K\0\x86") ".";
    static const char negative[] = BEGIN TENSOR("J\xff\xff\xff\xff\x85", "K\1\x85") ".";
    static const char huge[] = BEGIN TENSOR(
        "\x8a\10\0\0\0\0\0\0\0\x40\x8a\10\0\0\0\0\0\0\0\x40\x86", "K\0K\0\x86") ".";
    static const char uneven[] = BEGIN TENSOR("K\2K\2\x86", "K\1\x85") ".";
    static const char missing[] = BEGIN "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                                  "7X\3\0\0\0cpuK\012tQ.";
    static const char larger[] = BEGIN "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                                 "0X\3\0\0\0cpuK\013tQ.";
    REFUSES(long_one, "REDUCE", "does not fit its storage of 10");
    REFUSES(stride, "REDUCE", "does not fit its storage");
    REFUSES(wide, "REDUCE", "does not fit its storage");
    REFUSES(negative, "REDUCE", "whole numbers");
    REFUSES(huge, "REDUCE", "does not fit its storage");
    REFUSES(uneven, "REDUCE", "2 sizes and 1 strides");
    REFUSES(missing, "BINPERSID", "'a/data/7'");
    REFUSES(larger, "BINPERSID", "11 elements do not fit 40 bytes");
}

static void huge_counts_and_empty_stacks_are_refused(void **state)
{
    (void)state;
    static const char text[] = BEGIN "X\xff\xff\xff\xff" "a.";
    static const char put[] = BEGIN "}r\xff\xff\xff\x7f.";
    static const char get[] = BEGIN "j\xff\xff\xff\x7f.";
    static const char integer[] = BEGIN "\x8a\xff" "1.";
    static const char protocol[] = "\x80\4}.";
    static const char left[] = BEGIN "}}.";
    static const char after[] = BEGIN "}.}";
    static const char odd[] = BEGIN "}(Nu.";
    static const char no_mark[] = BEGIN "NNt.";
    REFUSES(text, "BINUNICODE", "truncated: wants 4294967295 bytes");
    REFUSES(put, "LONG_BINPUT", "follows 0");
    REFUSES(get, "LONG_BINGET", "was not remembered");
    REFUSES(integer, "LONG1", "255 bytes");
    REFUSES(protocol, "PROTO", "protocol 2 is read, this is 4");
    REFUSES(left, "STOP", "left over");
    REFUSES(after, "STOP", "left over");
    REFUSES(odd, "SETITEMS", "no value");
    REFUSES(no_mark, "TUPLE", "no mark");
    for (const char *c = "tuaesQRbq.\x85\x86\x87"; *c; c++) {
        const char alone[] = { '\x80', 2, *c, 0, 0 };
        refuses(alone, 4, OC_EINPUT, "opcode", "stack");
    }
}

static void deep_and_endless_nesting_is_refused(void **state)
{
    (void)state;
    enum { LEVELS = 5000 };
    static char deep[3 * LEVELS + 64];
    size_t n = 2;
    memcpy(deep, BEGIN, 2);
    for (int i = 0; i < LEVELS; i++)
        deep[n++] = ']';
    for (int i = 1; i < LEVELS; i++)
        deep[n++] = 'a';
    deep[n++] = '.';
    refuses(deep, n, OC_EINPUT, "nested deeper", "16");

    static const char itself[] = BEGIN "]q\0h\0a.";
    REFUSES(itself, "nested deeper", "16");

    deep[3] = '(';
    n = 4;                                              /* 100 to the power of 14 lists */
    for (int level = 0; level < 14; level++) {
        deep[n++] = ']';
        deep[n++] = 'q';
        deep[n++] = (char)level;
        deep[n++] = '(';
        for (int i = 0; i < 100; i++) {
            deep[n++] = level ? 'h' : 'N';
            if (level)
                deep[n++] = (char)(level - 1);
        }
        deep[n++] = 'e';
    }
    deep[n++] = 'e';
    deep[n++] = '.';
    refuses(deep, n, OC_ELIMIT, "more than", "items");
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    static const char whole[] = BEGIN TENSOR("K\2K\3\x86", "K\3K\1\x86") ".";
    struct bytes b = { room, 0 };
    struct weights w;
    write_archive(whole, sizeof whole - 1, 0, &b);
    for (size_t n = 0; n < b.n; n++) {
        const char *const path = place("cut.pt");
        put_file(path, room, n);
        if (oc__weights_open(&w, path) != OC_EINPUT)
            fail_msg("the first %zu of %zu bytes were not refused", n, b.n);
        error_says("cut.pt");
    }
    for (size_t n = 2; n + 1 < sizeof whole - 1; n++)
        if (open_pickle(&w, whole, n) != OC_EINPUT)
            fail_msg("the first %zu bytes of the pickle were not refused", n);
}

static void a_file_with_any_bit_flipped_opens_or_is_refused(void **state)
{
    (void)state;
    static const char whole[] = BEGIN TENSOR("K\2K\3\x86", "K\3K\1\x86") ".";
    struct bytes b = { room, 0 };
    write_archive(whole, sizeof whole - 1, 0, &b);
    for (size_t bit = 0; bit < 8 * b.n; bit++) {
        struct weights w;
        const char *const path = place("flipped.pt");
        room[bit / 8] ^= (unsigned char)(1 << bit % 8);
        put_file(path, room, b.n);
        room[bit / 8] ^= (unsigned char)(1 << bit % 8);
        const oc_status status = oc__weights_open(&w, path);
        assert_true(status == OC_OK || status == OC_EINPUT || status == OC_ELIMIT);
        float value[16];
        for (int i = 0; !status && i < w.n; i++)
            if (oc_shape_count(&w.tensor[i].shape) <= 16)
                (void)oc__weights_read(&w, i, &(oc_tensor){ OC_F32, w.tensor[i].shape, value },
                                       NULL);
        oc__weights_close(&w);
    }
}

static void compressed_archives_and_older_files_say_what_they_are(void **state)
{
    (void)state;
    struct bytes b = { room, 0 };
    struct weights w;
    assert_int_equal(oc__weights_open(&w, write_archive(BEGIN "}.", 4, 8, &b)), OC_EINPUT);
    error_says("compressed");
    put_file(place("old.pt"), "\x80\2\x8a\12l\xfc\x9c\x46\xf9 j\xa8P\x19.", 15);
    assert_int_equal(oc__weights_open(&w, place("old.pt")), OC_EINPUT);
    error_says("before 1.6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_model_has_its_names_and_recognises_digits),
        cmocka_unit_test(views_are_read_in_row_major_order),
        cmocka_unit_test(the_weights_of_a_checkpoint_are_found_in_it),
        cmocka_unit_test(nothing_is_imported_called_or_built_but_tensors),
        cmocka_unit_test(tensors_that_leave_their_storage_are_refused),
        cmocka_unit_test(huge_counts_and_empty_stacks_are_refused),
        cmocka_unit_test(deep_and_endless_nesting_is_refused),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_file_with_any_bit_flipped_opens_or_is_refused),
        cmocka_unit_test(compressed_archives_and_older_files_say_what_they_are),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
