// Mean cross-entropy of a table of logits over counted pairs, and its gradient.
//
// With c[i, j] pairs (i, j), N of them, and logits W[i] for each pair of context i, the mean loss
// over all pairs is a sum in which equal pairs are equal terms, so the counts are all it needs:
//   loss = sum_ij c[i, j] (logsumexp(W[i]) - W[i, j]) / N + l2 mean(W^2)
//   grad = (c[i] softmax(W[i])[j] - c[i, j]) / N + 2 l2 W[i, j] / size      c[i] = sum_j c[i, j]
// It is exact, and ends where a term needs more than its pair: label smoothing adds terms for
// pairs not counted, a minibatch has counts of its own, weights by position have no counts.
//
// W, grad (rows, cols); c dense or CSR, int64. One softmax a row that has counts: 16 operations
// an element, 8 + 8 bytes of counts read where the total is known, twice that where it is not.
#include "bigram/count_cross_entropy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "bigram/isa.hpp"
#include "bigram/softmax_rows.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int64_t kBlockElements = 4096;
constexpr int64_t kSerialElements = 1 << 15;  // less is not worth a team of threads

// Counts are added as unsigned and their bits collected, which shows a negative one; a sum beyond
// 2^63 would need 2^63 pairs.
BIGRAM_INLINE bool sum_counts_body(const int64_t* counts, int64_t size, int64_t* total) {
    std::uint64_t sum = 0;
    int64_t bits = 0;
    for (int64_t j = 0; j < size; ++j) {
        sum += static_cast<std::uint64_t>(counts[j]);
        bits |= counts[j];
    }
    *total = static_cast<int64_t>(sum);
    return bits >= 0;
}

// sum_j c[j] (shift - x[j]), a pair not counted adding nothing even where x is infinite.
template <class T>
BIGRAM_INLINE double counted_sum_body(const int64_t* counts, const T* x, int64_t size,
                                      double shift) {
    double lanes[8] = {};
    int64_t j = 0;
    for (; j + 8 <= size; j += 8) {
        for (int k = 0; k < 8; ++k) {
            const double term =
                static_cast<double>(counts[j + k]) * (shift - static_cast<double>(x[j + k]));
            lanes[k] += counts[j + k] == 0 ? 0.0 : term;
        }
    }
    for (int k = 0; j + k < size; ++k) {
        const double term =
            static_cast<double>(counts[j + k]) * (shift - static_cast<double>(x[j + k]));
        lanes[k] += counts[j + k] == 0 ? 0.0 : term;
    }
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

template <class T>
BIGRAM_INLINE double sum_squares_body(const T* x, int64_t size) {
    double lanes[8] = {};
    int64_t j = 0;
    for (; j + 8 <= size; j += 8) {
        for (int k = 0; k < 8; ++k)
            lanes[k] += static_cast<double>(x[j + k]) * static_cast<double>(x[j + k]);
    }
    for (int k = 0; j + k < size; ++k)
        lanes[k] += static_cast<double>(x[j + k]) * static_cast<double>(x[j + k]);
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

template <class T>
BIGRAM_INLINE void add_penalty_body(T* BIGRAM_RESTRICT grad, const T* BIGRAM_RESTRICT x,
                                    int64_t size, T factor) {
    for (int64_t j = 0; j < size; ++j)
        grad[j] += factor * x[j];
}

template <class T>
BIGRAM_INLINE void subtract_counts_body(T* BIGRAM_RESTRICT grad,
                                        const int64_t* BIGRAM_RESTRICT counts, int64_t size,
                                        T factor) {
    for (int64_t j = 0; j < size; ++j)
        grad[j] -= factor * static_cast<T>(counts[j]);
}

BIGRAM_CLONES(bool, sum_counts, (const int64_t* counts, int64_t size, int64_t* total),
              (counts, size, total))
BIGRAM_CLONES(double, counted_sum,
              (const int64_t* counts, const float* x, int64_t size, double shift),
              (counts, x, size, shift))
BIGRAM_CLONES(double, counted_sum,
              (const int64_t* counts, const double* x, int64_t size, double shift),
              (counts, x, size, shift))
BIGRAM_CLONES(double, sum_squares, (const float* x, int64_t size), (x, size))
BIGRAM_CLONES(double, sum_squares, (const double* x, int64_t size), (x, size))
BIGRAM_CLONES(void, add_penalty, (float* grad, const float* x, int64_t size, float factor),
              (grad, x, size, factor))
BIGRAM_CLONES(void, add_penalty, (double* grad, const double* x, int64_t size, double factor),
              (grad, x, size, factor))
BIGRAM_CLONES(void, subtract_counts,
              (float* grad, const int64_t* counts, int64_t size, float factor),
              (grad, counts, size, factor))
BIGRAM_CLONES(void, subtract_counts,
              (double* grad, const int64_t* counts, int64_t size, double factor),
              (grad, counts, size, factor))

// The counts of one row, dense or sparse, behind one face.
struct DenseRow {
    const int64_t* counts;
    int64_t cols;

    bool sum(int64_t* total) const { return sum_counts(counts, cols, total); }
    template <class T>
    double counted(const T* x, double shift) const {
        return counted_sum(counts, x, cols, shift);
    }
    template <class T>
    void subtract(T* grad, T factor) const {
        subtract_counts(grad, counts, cols, factor);
    }
    int64_t at(int64_t j) const { return counts[j]; }
    int64_t first_bad() const {
        return std::find_if(counts, counts + cols, [](int64_t c) { return c < 0; }) - counts;
    }
};

template <class Index>
struct CsrRow {
    const Index* indices;
    const int64_t* counts;
    int64_t size, cols;

    bool good_index(int64_t k) const { return indices[k] >= 0 && indices[k] < cols; }
    bool sum(int64_t* total) const {
        bool good = sum_counts(counts, size, total);
        for (int64_t k = 0; k < size; ++k)
            good &= good_index(k);
        return good;
    }
    template <class T>
    double counted(const T* x, double shift) const {
        double result = 0.0;
        for (int64_t k = 0; k < size; ++k) {
            if (counts[k] == 0) continue;
            result += static_cast<double>(counts[k]) * (shift - static_cast<double>(x[indices[k]]));
        }
        return result;
    }
    template <class T>
    void subtract(T* grad, T factor) const {
        for (int64_t k = 0; k < size; ++k)
            grad[indices[k]] -= factor * static_cast<T>(counts[k]);
    }
    int64_t at(int64_t j) const {
        int64_t found = 0;
        for (int64_t k = 0; k < size; ++k)
            found += indices[k] == j ? counts[k] : 0;
        return found;
    }
    int64_t first_bad() const {
        int64_t k = 0;
        while (k < size && counts[k] >= 0 && good_index(k))
            ++k;
        return k;
    }
};

DenseRow row_of(const DenseCounts& counts, int64_t i, int64_t cols) {
    return {counts.data + i * cols, cols};
}
template <class Index>
CsrRow<Index> row_of(const CsrCounts<Index>& counts, int64_t i, int64_t cols) {
    const int64_t start = counts.indptr[i];
    return {counts.indices + start, counts.data + start, counts.indptr[i + 1] - start, cols};
}
int64_t row_start(const DenseCounts&, int64_t i, int64_t cols) {
    return i * cols;
}
template <class Index>
int64_t row_start(const CsrCounts<Index>& counts, int64_t i, int64_t) {
    return counts.indptr[i];
}

// The loss of one row with `count` pairs and its gradient, both times N but for unit = 1 / N.
template <class T, class Row>
double row_gradient(T* grad, T* e, const T* x, const Row& row, int64_t cols, int64_t count,
                    double unit) {
    const SoftmaxRow<T> softmax = softmax_row(e, x, cols);
    const double n = static_cast<double>(count);
    const double scale = n * unit / softmax.sum;
    scale_rows(grad, e, &scale, 1, cols, cols, false);
    row.subtract(grad, static_cast<T>(unit));
    double loss = n * softmax.log_sum + row.counted(x, softmax.shift);
    const int64_t top = dominant(e, cols, softmax.sum);
    if (top >= 0) {
        // There n p - c would cancel, and so would its loss.
        const typename SoftmaxRow<T>::Target target = softmax.at(top);
        const double pairs = static_cast<double>(row.at(top));
        grad[top] = static_cast<T>(unit * ((n - pairs) - n * target.rest));
        const double plain = softmax.log_sum + (softmax.shift - static_cast<double>(x[top]));
        loss += pairs * (target.nll - plain);
    }
    return loss;
}

}  // namespace

template <class T, class Counts>
Result count_cross_entropy_grad(double* loss, T* grad, const T* weight, const Counts& counts,
                                int64_t rows, int64_t cols, int64_t total, double l2,
                                const Run& run) {
    Run serial_if_small = run;
    if (rows * cols < kSerialElements) serial_if_small.num_threads = 1;
    const int64_t width = std::max<int64_t>(cols, 1);
    const int64_t block_rows = std::max<int64_t>(1, kBlockElements / width);
    const int64_t blocks = ceil_div(rows, block_rows);
    std::vector<int64_t> pairs(static_cast<std::size_t>(rows));
    std::atomic<int64_t> bad_row{rows};
    const auto sum_row = [&](int64_t i) {
        if (row_of(counts, i, cols).sum(&pairs[static_cast<std::size_t>(i)])) return true;
        int64_t seen = bad_row.load();
        while (i < seen && !bad_row.compare_exchange_weak(seen, i)) {
        }
        return false;
    };
    const bool known = total >= 0;
    const auto for_rows = [&](const auto& body) {
        return parallel_for(serial_if_small, blocks, [&](int64_t b, int thread) {
            const int64_t end = std::min(rows, (b + 1) * block_rows);
            for (int64_t i = b * block_rows; i < end; ++i)
                body(i, thread);
        });
    };
    const auto bad = [&] {
        const int64_t i = bad_row.load();
        return Result::bad_value(row_start(counts, i, cols) + row_of(counts, i, cols).first_bad());
    };
    const auto sum_pairs = [&] {
        int64_t sum = 0;
        for (const int64_t p : pairs)
            sum += p;
        return sum;
    };
    if (!known) {
        if (!for_rows([&](int64_t i, int) { sum_row(i); })) return Result::interrupted();
        if (bad_row.load() < rows) return bad();
        total = sum_pairs();
    }
    const double unit = total > 0 ? 1.0 / static_cast<double>(total) : 0.0;
    const double size = static_cast<double>(rows) * static_cast<double>(width);
    const T penalty = static_cast<T>(2.0 * l2 / size);
    const int64_t stride = padded(width);
    const Scratch<T> scratch(stride * team_size(serial_if_small, blocks));
    std::vector<double> losses(static_cast<std::size_t>(rows)), squares(losses);
    const auto gradient = [&](int64_t i, int thread) {
        if (known && !sum_row(i)) return;
        const std::size_t at = static_cast<std::size_t>(i);
        const T* x = weight + i * cols;
        T* to = grad + i * cols;
        if (pairs[at] > 0) {
            losses[at] = row_gradient(to, scratch.data() + thread * stride, x,
                                      row_of(counts, i, cols), cols, pairs[at], unit);
        } else {
            std::fill_n(to, cols, T{0});
        }
        if (l2 != 0.0) {
            squares[at] = sum_squares(x, cols);
            add_penalty(to, x, cols, penalty);
        }
    };
    if (!for_rows(gradient)) return Result::interrupted();
    if (bad_row.load() < rows) return bad();
    if (known && sum_pairs() != total) return Result::bad_value(-1);
    double sum = 0.0, square = 0.0;
    for (const double value : losses)
        sum += value;
    for (const double value : squares)
        square += value;
    *loss = sum / static_cast<double>(total) + (l2 != 0.0 ? l2 * square / size : 0.0);
    return {};
}

#define BIGRAM_INSTANCE(T, Counts)                                                          \
    template Result count_cross_entropy_grad(double*, T*, const T*, const Counts&, int64_t, \
                                             int64_t, int64_t, double, const Run&);
BIGRAM_INSTANCE(float, DenseCounts)
BIGRAM_INSTANCE(double, DenseCounts)
BIGRAM_INSTANCE(float, CsrCounts<std::int32_t>)
BIGRAM_INSTANCE(double, CsrCounts<std::int32_t>)
BIGRAM_INSTANCE(float, CsrCounts<int64_t>)
BIGRAM_INSTANCE(double, CsrCounts<int64_t>)
#undef BIGRAM_INSTANCE

}  // namespace bigram
