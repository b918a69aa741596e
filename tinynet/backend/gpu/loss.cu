// SoftmaxCrossEntropy: the loss of each row, whether the row is right, and the gradient, in one kernel.
#include "philox.cuh"

// A label as an unsigned number, whatever its dtype: labels were checked not to be negative when the data came in.
__device__ inline word label_at(const void* labels, word bytes, word row) {
    if (bytes == 1) return ((const unsigned char*)labels)[row];
    if (bytes == 2) return ((const unsigned short*)labels)[row];
    if (bytes == 4) return ((const unsigned int*)labels)[row];
    return ((const word*)labels)[row];
}

// A thread computes a row: measured[row] is its part of the mean loss, measured[rows + row] is 1 if it is right.
extern "C" __global__ void softmax_cross_entropy(REAL* dlogits, REAL* measured, const REAL* logits, const void* labels,
                                                 word label_bytes, word rows, word classes, REAL factor) {
    word row = THREAD;
    if (row >= rows) return;
    const REAL* x = logits + row * classes;
    word label = label_at(labels, label_bytes, row), best = 0;
    for (word j = 1; j < classes; j++)
        if (x[j] > x[best]) best = j;
    REAL largest = x[best], total = 0;
    for (word j = 0; j < classes; j++) {
        REAL exponential = exp(x[j] - largest);
        dlogits[row * classes + j] = exponential;
        total += exponential;
    }
    for (word j = 0; j < classes; j++) {
        REAL p = dlogits[row * classes + j] / total;
        dlogits[row * classes + j] = (j == label ? p - 1 : p) * factor;
    }
    measured[row] = (log(total) - (x[label] - largest)) / (REAL)rows;
    measured[rows + row] = best == label;
}
