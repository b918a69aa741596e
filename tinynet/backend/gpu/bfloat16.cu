// float32 to bfloat16: the upper 16 bits, rounded to nearest, ties to even; NaN stays NaN.
#include "philox.cuh"

extern "C" __global__ void to_bfloat16(unsigned short* out, const unsigned int* x, word count) {
    word i = THREAD;
    if (i >= count) return;
    unsigned int bits = x[i];
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        out[i] = (unsigned short)(bits >> 16 | 0x40u);
    else
        out[i] = (unsigned short)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}
