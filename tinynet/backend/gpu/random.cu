// The random words of a stream (Stream.words), and the keys that a shuffle sorts (Stream.permutation).
#include "philox.cuh"

// out[i] = word `first` + i; a thread makes four of them.
extern "C" __global__ void words(word* out, word count, word first, word key_0, word key_1, const word* step_there,
                                 word step) {
    word number = first / 4 + THREAD;
    if (4 * number >= first + count) return;
    Block block = words_of(number, key_0, key_1, step_there, step);
    for (word lane = 0; lane < 4; lane++) {
        word place = 4 * number + lane;
        if (place >= first && place - first < count) out[place - first] = block.words[lane];
    }
}

// out[i] = word i with i in its low bits: no two keys are equal, so their order is one and the same everywhere.
extern "C" __global__ void shuffle_keys(word* out, word count, word low_bits, word key_0, word key_1, word step) {
    word number = THREAD;
    if (4 * number >= count) return;
    Block block = words_of(number, key_0, key_1, 0, step);
    for (word lane = 0; lane < 4; lane++) {
        word place = 4 * number + lane;
        if (place < count) out[place] = (block.words[lane] & ~low_bits) | place;
    }
}
