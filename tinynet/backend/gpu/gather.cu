// A batch out of pictures of bytes: Dataset.inputs, which is `take`, then `scale_pixels`.
#include "philox.cuh"

// out[r, c] = images[chosen[r], c] * scale - shift; a thread makes one number.
extern "C" __global__ void gather_pixels(REAL* out, const unsigned char* images, const long long* chosen, word rows,
                                         word columns, REAL scale, REAL shift, word shifted) {
    word place = THREAD;
    if (place >= rows * columns) return;
    word row = place / columns, column = place - row * columns;
    REAL pixel = (REAL)images[(word)chosen[row] * columns + column] * scale;
    out[place] = shifted ? pixel - shift : pixel;
}
