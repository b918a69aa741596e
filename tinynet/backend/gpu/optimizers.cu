// The rules of tinynet/optimizers/ over theta, one thread for each parameter, in the same order of operations as there.
// Numbers that change from step to step are read from `scalars`, so that a recorded step can be replayed.
#include "philox.cuh"

extern "C" __global__ void sgd(REAL* theta, const REAL* gradient, REAL* velocity, word count, REAL momentum,
                               word nesterov, REAL weight_decay, const REAL* scalars) {
    word i = THREAD;
    if (i >= count) return;
    REAL direction = gradient[i];
    if (weight_decay != 0) direction += weight_decay * theta[i];
    if (velocity) {
        REAL v = velocity[i] * momentum;
        v += direction;
        velocity[i] = v;
        direction = nesterov ? direction + momentum * v : v;
    }
    theta[i] -= direction * scalars[0];
}

extern "C" __global__ void rmsprop(REAL* theta, const REAL* gradient, REAL* square, REAL* velocity, word count,
                                   REAL decay, REAL rest, REAL momentum, REAL epsilon, const REAL* scalars) {
    word i = THREAD;
    if (i >= count) return;
    REAL g = gradient[i], s = square[i] * decay;
    s += rest * g * g;
    square[i] = s;
    REAL direction = g / (sqrt(s) + epsilon);
    if (velocity) {
        direction += velocity[i] * momentum;
        velocity[i] = direction;
    }
    theta[i] -= scalars[0] * direction;
}

// scalars: 1 / sqrt(1 - beta2^t), learning_rate / (1 - beta1^t). AdamW has one more before them: the factor of theta,
// or with a mask that of the mask.
extern "C" __global__ void adam(REAL* theta, const REAL* gradient, REAL* mean, REAL* square, const REAL* mask,
                                word count, REAL beta1, REAL rest1, REAL beta2, REAL rest2, REAL epsilon,
                                REAL weight_decay, word decoupled, const REAL* scalars) {
    word i = THREAD;
    if (i >= count) return;
    REAL t = theta[i], g = gradient[i];
    if (decoupled) {
        t = mask ? t - scalars[0] * mask[i] * t : t * scalars[0];
        scalars++;
    } else if (weight_decay != 0) {
        g += weight_decay * t;
    }
    REAL m = mean[i] * beta1;
    m += rest1 * g;
    mean[i] = m;
    REAL s = square[i] * beta2;
    s += g * g * rest2;
    square[i] = s;
    REAL root = sqrt(s) * scalars[0];
    root += epsilon;
    theta[i] = t - m / root * scalars[1];
}
