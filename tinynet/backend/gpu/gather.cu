// A batch of uint8 images as numbers: Dataset.inputs, which is `take`, then `scale_pixels`.
#include "philox.cuh"

// out[r, c] = images[chosen[r], c] * scale - shift; a thread computes one number.
extern "C" __global__ void gather_pixels(REAL* out, const unsigned char* images, const long long* chosen, word rows,
                                         word columns, REAL scale, REAL shift, word shifted) {
    word index = THREAD;
    if (index >= rows * columns) return;
    word row = index / columns, column = index - row * columns;
    REAL pixel = (REAL)images[(word)chosen[row] * columns + column] * scale;
    out[index] = shifted ? pixel - shift : pixel;
}
