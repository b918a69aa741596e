// What follows the matrix product of Dense: bias, activation (none, ReLU or Sigmoid), Dropout; forward and backward.
#include "philox.cuh"

#define RELU 1
#define SIGMOID 2

__device__ inline REAL activated(REAL x, word activation, REAL largest) {
    if (activation == RELU) return x > 0 || x != x ? x : (REAL)0;  // NaN stays NaN
    if (activation == SIGMOID) return 1 / (1 + exp(-x > largest ? largest : -x));
    return x;
}

// Compare the 16-bit lane `lane` of a random word with the threshold: 0 below it, else `scale`.
__device__ inline REAL mask_of(word word_, word lane, word threshold, REAL scale) {
    return (word_ >> (16 * lane) & 0xFFFF) >= threshold ? scale : (REAL)0;
}

// y = activation(y + bias), and dropped = y * mask if `threshold` is above 0. A thread computes four neighbouring
// elements, which share a random word.
extern "C" __global__ void bias_activation(REAL* y, REAL* dropped, const REAL* bias, word count, word columns,
                                           word activation, REAL largest, word threshold, REAL scale, word key_0,
                                           word key_1, const word* device_step, word step) {
    word first = 4 * THREAD;
    if (first >= count) return;
    word random = threshold ? words_of(THREAD / 4, key_0, key_1, device_step, step).words[THREAD % 4] : 0;
    word column = first % columns;
    for (word lane = 0; lane < 4 && first + lane < count; lane++) {
        REAL value = activated(y[first + lane] + bias[column], activation, largest);
        y[first + lane] = value;
        if (threshold) dropped[first + lane] = value * mask_of(random, lane, threshold, scale);
        if (++column == columns) column = 0;
    }
}

// dy = dy * mask * activation'(...), where y is the output of the activation. The mask is computed again.
extern "C" __global__ void bias_activation_backward(REAL* dy, const REAL* y, word count, word activation,
                                                    word threshold, REAL scale, word key_0, word key_1,
                                                    const word* device_step, word step) {
    word first = 4 * THREAD;
    if (first >= count) return;
    word random = threshold ? words_of(THREAD / 4, key_0, key_1, device_step, step).words[THREAD % 4] : 0;
    for (word lane = 0; lane < 4 && first + lane < count; lane++) {
        REAL value = dy[first + lane], output = y[first + lane];
        if (threshold) value *= mask_of(random, lane, threshold, scale);
        if (activation == RELU) value *= output > 0;
        if (activation == SIGMOID) value = value * output * (1 - output);
        dy[first + lane] = value;
    }
}
