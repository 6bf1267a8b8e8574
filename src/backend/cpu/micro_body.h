/* micro_body.h — the text of a micro kernel, included by micro.c for each instruction set and
 * width.
 *
 * MICRO_NAME is the function, MICRO_TARGET its attributes, MICRO_VECTOR the bytes of a vector,
 * MICRO_ROWS and MICRO_WIDTH the tile in rows and vectors.  The loops over the tile have constant
 * bounds and are unrolled, so the accumulators live in registers; multiplication and addition
 * contract to FMA. */
MICRO_TARGET static void MICRO_NAME(const struct micro_tile *t)
{
    typedef float vector __attribute__((vector_size(MICRO_VECTOR)));
    typedef float loose __attribute__((vector_size(MICRO_VECTOR), aligned(4), may_alias));
    enum { LANES = MICRO_VECTOR / (int)sizeof(float) };
    vector sum[MICRO_ROWS][MICRO_WIDTH] = { { { 0 } } };
    const float *a = t->a, *b = t->b;
    for (int64_t p = 0; p < t->k; p++, a += MICRO_ROWS, b += t->b_step) {
        vector right[MICRO_WIDTH];
        MICRO_UNROLL for (int j = 0; j < MICRO_WIDTH; j++)
            right[j] = *(const loose *)(b + j * LANES);
        MICRO_UNROLL for (int i = 0; i < MICRO_ROWS; i++)
            MICRO_UNROLL for (int j = 0; j < MICRO_WIDTH; j++)
                sum[i][j] += a[i] * right[j];
    }
    MICRO_UNROLL for (int i = 0; i < MICRO_ROWS; i++)
        MICRO_UNROLL for (int j = 0; j < MICRO_WIDTH; j++) {
            loose *const c = (loose *)(t->c + i * t->c_step + j * LANES);
            vector product = t->alpha * sum[i][j];
            if (t->add)
                product += *c;
            *c = product;
        }
}
#undef MICRO_NAME
#undef MICRO_WIDTH
