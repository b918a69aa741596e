// Philox4x64-10 as a device function: four 64-bit words from a counter and a key, as in tinynet/backend/random.py.
//
// Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#ifndef TINYNET_PHILOX
#define TINYNET_PHILOX

typedef unsigned long long word;  // 64 bits: the type of every whole number that a kernel takes

#define THREAD ((word)blockIdx.x * blockDim.x + threadIdx.x)

struct Block {
    word words[4];
};

__device__ inline Block philox(word a, word b, word c, word d, word key_0, word key_1) {
    for (int round = 0; round < 10; round++) {
        word high_a = __umul64hi(a, 0xD2E7470EE14C6C93ULL), low_a = a * 0xD2E7470EE14C6C93ULL;
        word high_c = __umul64hi(c, 0xCA5A826395121157ULL), low_c = c * 0xCA5A826395121157ULL;
        a = high_c ^ b ^ key_0;
        b = low_c;
        c = high_a ^ d ^ key_1;
        d = low_a;
        key_0 += 0x9E3779B97F4A7C15ULL;  // the golden ratio
        key_1 += 0xBB67AE8584CAA73BULL;  // sqrt(3) - 1
    }
    Block block = {{a, b, c, d}};
    return block;
}

// Words 4 `number` ... 4 `number` + 3 of a stream, for the step `step`, plus the step in device memory if there is one.
__device__ inline Block words_of(word number, word key_0, word key_1, const word* device_step, word step) {
    return philox(number + 1, 0, device_step ? *device_step + step : step, 0, key_0, key_1);
}

#endif
