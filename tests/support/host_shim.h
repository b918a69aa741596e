// Lets g++ compile a .cu file whose threads never wait for each other: each thread is a turn of a loop.
#include <cmath>
#include <cstdint>
#define __global__
#define __device__
using std::exp;
using std::log;
using std::sqrt;

struct Dimension {
    unsigned x;
};
static thread_local Dimension blockIdx, threadIdx, blockDim;

static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}

// Whole blocks, so that the threads beyond the end run, too, as they do on a GPU.
template <class... Parameters>
static void each_thread(void (*kernel)(Parameters...), unsigned long long blocks, Parameters... arguments) {
    blockDim.x = 256;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++)
        for (threadIdx.x = 0; threadIdx.x < blockDim.x; threadIdx.x++) kernel(arguments...);
}
