// The random words of a stream (Stream.words), and the keys that a shuffle sorts (Stream.permutation).
#include "philox.cuh"

// out[i] = word `first` + i; a thread computes four.
extern "C" __global__ void words(word* out, word count, word first, word key_0, word key_1, const word* device_step,
                                 word step) {
    word number = first / 4 + THREAD;
    if (4 * number >= first + count) return;
    Block block = words_of(number, key_0, key_1, device_step, step);
    for (word lane = 0; lane < 4; lane++) {
        word index = 4 * number + lane;
        if (index >= first && index - first < count) out[index - first] = block.words[lane];
    }
}

// out[i] = word i with i in its low bits: no two keys are equal, so their order is the same on every device.
extern "C" __global__ void shuffle_keys(word* out, word count, word low_bits, word key_0, word key_1, word step) {
    word number = THREAD;
    if (4 * number >= count) return;
    Block block = words_of(number, key_0, key_1, 0, step);
    for (word lane = 0; lane < 4; lane++) {
        word index = 4 * number + lane;
        if (index < count) out[index] = (block.words[lane] & ~low_bits) | index;
    }
}
