/* onnx_backend_test.c — ONNX's own conformance suite, run from its directories.
 *
 * A case is a folder with model.onnx and test_data_set_N/{input,output}_K.pb; a light model is a
 * file whose input counts up from 0 to 1 and whose output lies beside it.  Outputs must have the
 * suite's shape and type and be within its tolerances.  Every case runs on the back ends in their
 * order, and those of folders on the reference too.
 *
 * test/onnx/unsupported.txt lists cases that need not pass, each with its reason.  One that fails
 * and is not listed, one that passes and is, and a line that names no case fail the check.  With
 * --table FILE a page by operator is written; with words, only cases that hold one are run, and all
 * that is wrong with them is told. */
#include <fnmatch.h>
#include <math.h>
#include <omp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/onnx_tensor.h"
#include "ocellus.h"

enum { CASES_MAX = 4096, FEEDS_MAX = 64, SECONDS_MAX = 60, LINES_MAX = 1024 };
static const char *const suites[] = { "node", "simple", "pytorch-operator", "pytorch-converted",
                                      "light" };
enum { SUITES = sizeof suites / sizeof *suites, LIGHT = SUITES - 1 };

/* One case, in memory that all processes share. */
struct outcome {
    int    suite;
    char   name[160], op[64];                           /* op: of its only node; "" otherwise */
    bool   running, passed;
    double error;                                       /* the largest, in tolerances */
    char   why[400];
};
static struct outcome *cases;
static _Atomic int    *next_case;
static int             n_cases;
static char            root[256];

/* ---- finding ------------------------------------------------------------------------------ */

static bool ends(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static void find_cases(int suite, char **words, int n)
{
    char path[512];
    struct names names;
    snprintf(path, sizeof path, "%s/%s", root, suites[suite]);
    if (oc__list_directory(path, &names) < 0)
        return;
    for (size_t i = 0; i < names.n && n_cases < CASES_MAX; i++) {
        bool wanted = n == 0;
        for (int k = 0; k < n; k++)
            wanted |= strstr(names.name[i], words[k]) != NULL;
        if (!wanted || (suite == LIGHT && !ends(names.name[i], ".onnx")))
            continue;
        struct outcome *const c = &cases[n_cases++];
        c->suite = suite;
        snprintf(c->name, sizeof c->name, "%s", names.name[i]);
    }
    oc__names_free(&names);
}

/* ---- one case ----------------------------------------------------------------------------- */

struct trial {
    struct outcome *c;
    const char     *backends;
    oc_onnx        *model;
    oc_tensor       in[FEEDS_MAX], out[FEEDS_MAX], expected[FEEDS_MAX];
    int             n_expected;
};

static void say(struct outcome *c, const char *what)
{
    if (!*c->why)
        snprintf(c->why, sizeof c->why, "%s", what);
}

static void free_all(oc_tensor *t)
{
    for (int i = 0; i < FEEDS_MAX; i++) {
        oc__block_free(t[i].data);
        t[i] = (oc_tensor){ 0 };
    }
}

/* The largest error of two numbers, in tolerances: |a - b| / (atol + rtol |b|). */
static double difference(double a, double b, double rtol)
{
    if (a == b || (isnan(a) && isnan(b)))
        return 0;
    const double d = fabs(a - b) / (1e-7 + rtol * fabs(b));
    return isnan(d) || isinf(b) ? INFINITY : d;
}

static void compare(struct trial *t, int i)
{
    const oc_tensor *const have = &t->out[i], *const want = &t->expected[i];
    const double rtol = want->dtype == OC_BF16 ? 0x1p-6 : 1e-3;
    char text[200];
    if (have->dtype != want->dtype || !oc_shape_equal(&have->shape, &want->shape)) {
        snprintf(text, sizeof text, "output %d has another %s", i,
                 have->dtype != want->dtype ? "type" : "shape");
        say(t->c, text);
        return;
    }
    for (int64_t k = 0; k < oc_shape_count(&want->shape); k++) {
        const double a = oc_tensor_get(have, k), b = oc_tensor_get(want, k);
        const double d = difference(a, b, rtol);
        t->c->error = fmax(t->c->error, d);
        if (d > 1) {
            snprintf(text, sizeof text, "output %d[%lld] is %.9g, expected %.9g (%s)", i,
                     (long long)k, a, b, t->backends ? t->backends : "all back ends");
            say(t->c, text);
            return;
        }
    }
}

/* Runs once for the shapes, gives outputs room, and runs again. */
static oc_status run_session(struct trial *t, oc_session *s, int outputs)
{
    oc_status status = oc_session_run(s, t->in, t->out);
    for (int i = 0; i < outputs && !status; i++) {
        t->out[i].data = oc__block_alloc(oc_tensor_bytes(&t->out[i]) + 1);
        status = t->out[i].data ? OC_OK : OC_ELIMIT;
    }
    return status ? status : oc_session_run(s, t->in, t->out);
}

static void run_model(struct trial *t)
{
    oc_value output[FEEDS_MAX];
    const int outputs = oc_onnx_outputs(t->model);
    if (outputs > FEEDS_MAX || outputs != t->n_expected) {
        say(t->c, "the number of outputs differs");
        return;
    }
    for (int i = 0; i < outputs; i++)
        output[i] = oc_onnx_output(t->model, i, NULL);
    oc_session *s;
    oc_status status = oc_session_new(&s, oc_onnx_graph(t->model),
                                      &(oc_session_options){ .threads = 1, .outputs = outputs,
                                                             .output = output,
                                                             .backends = t->backends });
    if (!status)
        status = run_session(t, s, outputs);
    for (int i = 0; i < outputs && !status; i++)
        compare(t, i);
    if (status)
        say(t->c, oc_error());
    oc_session_free(s);
}

/* Loads KIND_0.pb, KIND_1.pb, … of a data set; their number, or -1. */
static int load_tensors(struct trial *t, const char *folder, const char *kind, oc_tensor *to)
{
    char path[700];
    int n = 0;
    for (; n < FEEDS_MAX; n++) {
        snprintf(path, sizeof path, "%s/%s_%d.pb", folder, kind, n);
        if (!oc__is_file(path))
            break;
        if (oc__onnx_tensor_load(&to[n], path) < 0) {
            say(t->c, oc_error());
            return -1;
        }
    }
    return n;
}

static void run_data_set(struct trial *t, const char *folder)
{
    t->n_expected = load_tensors(t, folder, "output", t->expected);
    const int n = t->n_expected < 0 ? -1 : load_tensors(t, folder, "input", t->in);
    if (n >= 0 && n != oc_onnx_inputs(t->model))
        say(t->c, "the number of inputs differs");
    else if (n >= 0)
        run_model(t);
    free_all(t->in);
    free_all(t->out);
    free_all(t->expected);
}

static void run_folder(struct trial *t, const char *path)
{
    struct names sets;
    char folder[600];
    int n = 0;
    if (oc__list_directory(path, &sets) < 0)
        return;
    for (size_t i = 0; i < sets.n; i++)
        if (!strncmp(sets.name[i], "test_data_set", 13)) {
            snprintf(folder, sizeof folder, "%s/%s", path, sets.name[i]);
            run_data_set(t, folder);
            n++;
        }
    if (n == 0)
        say(t->c, "there is no data set");
    oc__names_free(&sets);
}

/* The input of a light model counts from 0 to 1; unknown dimensions are 1. */
static void run_light(struct trial *t, const char *path)
{
    char output[600];
    const oc_value x = oc_onnx_input(t->model, 0);
    oc_tensor *const in = &t->in[0];
    *in = (oc_tensor){ OC_F32, oc_value_shape(oc_onnx_graph(t->model), x), NULL };
    for (int i = 0; i < in->shape.rank; i++)
        in->shape.dim[i] = in->shape.dim[i] < 0 ? 1 : in->shape.dim[i];
    const int64_t n = oc_shape_count(&in->shape);
    in->data = oc__block_alloc(oc_tensor_bytes(in) + 1);
    for (int64_t i = 0; i < n; i++)
        ((float *)in->data)[i] = (float)((double)i / (double)n);
    snprintf(output, sizeof output, "%.*s_output_0.pb", (int)strlen(path) - 5, path);
    t->n_expected = 1;
    if (oc__onnx_tensor_load(&t->expected[0], output) < 0)
        say(t->c, oc_error());
    else
        run_model(t);
    free_all(t->in);
    free_all(t->out);
    free_all(t->expected);
}

/* Notes the operator if the model is a single node. */
static void note_operator(struct outcome *c, const char *path)
{
    struct file f;
    struct pool pool = { 0 };
    struct onnx_model m = { 0 };
    if (oc__file_open(&f, path) < 0)
        return;
    if (!oc__pb_read(&f, &oc__onnx_model_message, &m, &pool) && m.graph && m.graph->node.n == 1) {
        const struct onnx_node_proto *const n = LIST_AT(struct onnx_node_proto, m.graph->node, 0);
        snprintf(c->op, sizeof c->op, "%s", n->op_type ? n->op_type : "");
    }
    oc__pool_free(&pool);
    oc__file_close(&f);
}

static void run_case(struct outcome *c)
{
    static const char *const backends[] = { NULL, "reference" };
    char folder[500], path[520];
    snprintf(folder, sizeof folder, "%s/%s/%s", root, suites[c->suite], c->name);
    snprintf(path, sizeof path, c->suite == LIGHT ? "%s" : "%s/model.onnx", folder);
    note_operator(c, path);
    for (int b = 0; b < (c->suite == LIGHT ? 1 : 2) && !*c->why; b++) {
        struct trial *const t = oc__alloc(1, sizeof *t);
        t->c = c;
        t->backends = backends[b];
        if (oc_onnx_load(&t->model, path, NULL) < 0)
            say(c, oc_error());
        else if (c->suite == LIGHT)
            run_light(t, path);
        else
            run_folder(t, folder);
        oc_onnx_free(t->model);
        oc__free(t);
    }
    c->passed = !*c->why;
}

/* ---- all of them, on every core ----------------------------------------------------------- */

static _Noreturn void work(void)
{
    for (int i; (i = atomic_fetch_add(next_case, 1)) < n_cases;) {
        alarm(SECONDS_MAX);
        cases[i].running = true;
        run_case(&cases[i]);
        cases[i].running = false;
        alarm(0);
    }
    _exit(0);
}

static void run_all(void)
{
    int workers = omp_get_num_procs();
    fflush(stdout);
    for (int i = 0; i < workers; i++)
        if (fork() == 0)
            work();
    for (int status; workers > 0 && wait(&status) > 0;) {
        if (WIFEXITED(status) || atomic_load(next_case) >= n_cases)
            workers--;
        else if (fork() == 0)                           /* in place of one that died */
            work();
    }
    for (int i = 0; i < n_cases; i++)
        if (cases[i].running) {
            cases[i].passed = false;
            snprintf(cases[i].why, sizeof cases[i].why, "it ended its process");
        }
}

/* ---- what need not pass ------------------------------------------------------------------- */

struct line { char pattern[200], reason[300]; int hits; };
static struct line lines[LINES_MAX];
static int         n_lines;

static void read_list(const char *path)
{
    char text[600];
    FILE *const f = fopen(path, "r");
    while (f && n_lines < LINES_MAX && fgets(text, sizeof text, f)) {
        struct line *const l = &lines[n_lines];
        if (*text != '#' && sscanf(text, "%199s %299[^\n]", l->pattern, l->reason) == 2)
            n_lines++;
    }
    if (f)
        fclose(f);
}

static struct line *find_line(const struct outcome *c)
{
    char name[200];
    snprintf(name, sizeof name, "%s/%s", suites[c->suite], c->name);
    for (int i = 0; i < n_lines; i++)
        if (fnmatch(lines[i].pattern, name, 0) == 0) {
            lines[i].hits++;
            return &lines[i];
        }
    return NULL;
}

/* ---- telling ------------------------------------------------------------------------------ */

struct score { int cases, passed; double error; };

static int by_op(const void *a, const void *b)
{
    const struct outcome *const *const x = a, *const *const y = b;
    const int order = strcmp((*x)->op, (*y)->op);
    return order ? order : strcmp((*x)->name, (*y)->name);
}

static void write_rows(FILE *to, const struct outcome *const *sorted, int n)
{
    for (int i = 0; i < n;) {
        const char *const op = sorted[i]->op;
        const struct line *reason = NULL;
        struct score s = { 0 };
        for (; i < n && !strcmp(sorted[i]->op, op); i++) {
            s.cases++;
            s.passed += sorted[i]->passed;
            if (!sorted[i]->passed && !reason)
                reason = find_line(sorted[i]);
        }
        fprintf(to, "| %s | %d | %d | %s |\n", *op ? op : "(several operators)", s.cases, s.passed,
                reason ? reason->reason : "");
    }
}

/* Every case of a suite with how far it is off. */
static void write_errors(FILE *to, int suite)
{
    fprintf(to, "\n## Whole networks\nThe models of the suite `%s`: the largest error of any "
                "output on any back end, as a part of the suite's tolerance 1e-7 + 1e-3 "
                "|expected|.\n\n"
                "| model | largest error |\n| --- | ---: |\n", suites[suite]);
    for (int i = 0; i < n_cases; i++)
        if (cases[i].suite == suite && cases[i].passed)
            fprintf(to, "| %s | %.1g |\n", cases[i].name, cases[i].error);
}

static void write_table(const char *path)
{
    const struct outcome **const sorted = oc__alloc((size_t)n_cases + 1, sizeof *sorted);
    FILE *const to = fopen(path, "w");
    if (!to || !sorted)
        return;
    fprintf(to, "# ONNX: what passes\n"
                "`make check-onnx` runs ONNX's conformance suite; `make docs` writes this page.\n\n"
                "| suite | cases | passed |\n| --- | ---: | ---: |\n");
    for (int k = 0; k < SUITES; k++) {
        struct score s = { 0 };
        for (int i = 0; i < n_cases; i++)
            if (cases[i].suite == k) {
                s.cases++;
                s.passed += cases[i].passed;
            }
        fprintf(to, "| %s | %d | %d |\n", suites[k], s.cases, s.passed);
    }
    fprintf(to, "\n## By operator\nCases of the suite `node` whose model is a single node. The "
                "last column says why some do not pass.\n\n"
                "| operator | cases | passed | why not |\n| --- | ---: | ---: | --- |\n");
    int n = 0;
    for (int i = 0; i < n_cases; i++)
        if (cases[i].suite == 0)
            sorted[n++] = &cases[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_op);
    write_rows(to, sorted, n);
    write_errors(to, LIGHT);
    fclose(to);
    oc__free(sorted);
}

/* Prints what is wrong; the number of failures. */
static int judge(bool everything)
{
    int wrong = 0;
    for (int i = 0; i < n_cases; i++) {
        const struct outcome *const c = &cases[i];
        const struct line *const l = find_line(c);
        const bool bad = c->passed ? l != NULL : l == NULL;
        if (bad || everything)
            printf("%s/%s: %s%s%s\n", suites[c->suite], c->name,
                   c->passed ? "passes" : c->why, l ? "; listed: " : "", l ? l->reason : "");
        wrong += bad;
    }
    for (int i = 0; i < n_lines && !everything; i++)
        if (lines[i].hits == 0) {
            printf("unsupported.txt: %s names no case\n", lines[i].pattern);
            wrong++;
        }
    return wrong;
}

static int tell(bool everything)
{
    int passed = 0;
    const int wrong = judge(everything);
    for (int k = 0; k < SUITES; k++) {
        struct score s = { 0 };
        for (int i = 0; i < n_cases; i++)
            if (cases[i].suite == k) {
                s.cases++;
                s.passed += cases[i].passed;
                if (cases[i].passed)
                    s.error = fmax(s.error, cases[i].error);
            }
        if (s.cases)
            printf("%-18s %4d of %4d cases pass, within %.2g of the tolerance\n", suites[k],
                   s.passed, s.cases, s.error);
        passed += s.passed;
    }
    printf("%d passed, %d failed, 0 skipped\n", passed, wrong);
    return wrong > 0;
}

static void *share(size_t bytes)
{
    void *const p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

int main(int argc, char **argv)
{
    const char *const data = getenv("OC_DATA");
    const bool table = argc == 3 && !strcmp(argv[1], "--table");
    snprintf(root, sizeof root, "%s/onnx_backend", data ? data : "../shared/data");
    if (!oc__is_directory(root)) {
        printf("skipped: %s is not here\n0 passed, 0 failed, 1 skipped\n", root);
        return 0;
    }
    cases = share(CASES_MAX * sizeof *cases);
    next_case = share(sizeof *next_case);
    if (!cases || !next_case)
        return 1;
    for (int k = 0; k < SUITES; k++)
        find_cases(k, argv + 1, table ? 0 : argc - 1);
    read_list("test/onnx/unsupported.txt");
    run_all();
    if (table)
        write_table(argv[2]);
    return tell(argc > 1 && !table);
}
